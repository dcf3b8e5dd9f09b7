"""Which addresses a worker may touch: what its owner named, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from imglab.errors import ImageError, ImglabError
from imglab.language import tr
from imglab.storage.urls import Url, harmless, is_url, parse_folder

#: The environment variable that names them, with spaces in between.
VARIABLE = "IMGLAB_PREFIXES"
#: What stands before one that is only to be read.
READ_ONLY = "read:"


@dataclass(frozen=True)
class Prefixes:
    """The folders in stores that may be read, and those that may be written to as well."""

    readable: tuple[Url, ...] = ()
    writable: tuple[Url, ...] = ()

    @classmethod
    def parse(cls, words: Iterable[str]) -> Prefixes:
        """Read `s3://BUCKET/FOLDER/`, or `read:s3://…` for one that is only to be read.

        ImglabError for what is no such address.
        """
        readable = []
        writable = []
        for word in words:
            address = word.removeprefix(READ_ONLY)
            if not is_url(address):
                raise ImglabError(
                    tr(
                        "{word} is no prefix such as s3://BUCKET/FOLDER/ (or "
                        "read:s3://BUCKET/FOLDER/, to be read only).",
                        word=harmless(word),
                    )
                )
            url = parse_folder(address)
            readable.append(url)
            if address == word:
                writable.append(url)
        return cls(tuple(readable), tuple(writable))

    @classmethod
    def of(cls, words: Iterable[str] | None) -> Prefixes:
        """Those that are named, or where there is None, those that the environment names."""
        if words is None:
            words = os.environ.get(VARIABLE, "").split()
        return cls.parse(words)

    def check_readable(self, url: Url) -> None:
        """Raise ImageError, with what to type, for an address that may not be read."""
        if not any(map(url.is_in, self.readable)):
            raise ImageError(
                tr(
                    "{url!r:.200} is outside the prefixes this worker may read ({names}). Start "
                    "it with: imglab worker --prefix {prefix}",
                    url=url.text,
                    names=_names(self.readable),
                    prefix=f"{READ_ONLY}{url.folder().folder_text}",
                )
            )

    def check_writable(self, url: Url) -> None:
        """Raise ImageError, with what to type, for an address that may not be written to."""
        if not any(map(url.is_in, self.writable)):
            raise ImageError(
                tr(
                    "{url!r:.200} is outside the prefixes this worker may write ({names}). Start "
                    "it with: imglab worker --prefix {prefix}",
                    url=url.text,
                    names=_names(self.writable),
                    prefix=url.folder().folder_text,
                )
            )


def _names(allowed: tuple[Url, ...]) -> str:
    if not allowed:
        return tr("none")
    return ", ".join(folder.folder_text for folder in allowed)
