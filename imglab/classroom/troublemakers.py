"""Filters that make trouble, for `imglab chaos` and the control room; only workers import them."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from dataclasses import dataclass

from PIL import Image

from imglab.imaging import BaseFilter, FilterFactory, number
from imglab.project import project_root


@FilterFactory.register
@dataclass(frozen=True)
class BusyFilter(BaseFilter):
    """A little work, then a wait, as for a disk: `ms` in all."""

    ms: int = number(10, low=0, high=60_000)

    def change(self, image: Image.Image) -> Image.Image:
        """Give the same picture, later."""
        until = time.monotonic() + self.ms / 1000
        hashlib.sha256(image.tobytes()).digest()
        time.sleep(max(0, until - time.monotonic()))
        return image


@FilterFactory.register
@dataclass(frozen=True)
class ComputeFilter(BaseFilter):
    """Computes for `ms` of processor time: who has to share a core needs longer, as real work."""

    ms: int = number(10, low=0, high=60_000)

    def change(self, image: Image.Image) -> Image.Image:
        """Give the same picture, after the work."""
        until = time.thread_time() + self.ms / 1000
        while time.thread_time() < until:
            hashlib.sha256(image.tobytes()).digest()
        return image


@FilterFactory.register
@dataclass(frozen=True)
class PoisonFilter(BaseFilter):
    """Kills the worker, as a crash in native code or the kernel's out-of-memory killer would."""

    def change(self, image: Image.Image) -> Image.Image:
        """Give no picture, ever."""
        os.kill(os.getpid(), signal.SIGKILL)
        return image


@FilterFactory.register
@dataclass(frozen=True)
class FlakyFilter(BaseFilter):
    """Fails the first `times` times for one `task`, in whichever process: the marks are files."""

    task: int = number(0, low=0, high=1_000_000)
    times: int = number(1, low=1, high=99)

    def change(self, image: Image.Image) -> Image.Image:
        """Give the same picture, in the end."""
        marks = project_root() / "marks"
        for failure in range(self.times):
            mark = marks / f"{self.task}-{failure}"
            try:
                mark.touch(exist_ok=False)
            except FileExistsError:  # this failure has happened
                continue
            raise RuntimeError(f"failure {failure + 1} of {self.times}, as planned")
        return image
