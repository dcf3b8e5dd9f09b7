"""A filter that fails and then works, for the workers of `imglab chaos`; nobody else imports it."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from imglab.imaging import BaseFilter, FilterFactory, number
from imglab.project import project_root


@FilterFactory.register
@dataclass(frozen=True)
class FlakyFilter(BaseFilter):
    """Fails the first `times` times for one `task`, in whichever process: the marks are files."""

    task: int = number(0, low=0, high=1_000_000)
    times: int = number(1, low=1, high=99)

    def change(self, image: Image.Image) -> Image.Image:
        """The same picture, in the end."""
        for time_ in range(self.times):
            try:
                (project_root() / "marks" / f"{self.task}-{time_}").touch(exist_ok=False)
            except FileExistsError:
                continue
            raise RuntimeError(f"failure {time_ + 1} of {self.times}, as planned")
        return image
