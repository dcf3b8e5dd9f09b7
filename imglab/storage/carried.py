"""Photographs that travel through the queue's own Redis: for a class without a shared folder.

Small ones, and not for long: Redis keeps all of them in memory. A name cannot be guessed, so who
does not know it does not find it, and no task can ask for another key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from imglab.errors import ImageError, QueueError, StoreUnavailable
from imglab.language import tr
from imglab.storage.base import Write
from imglab.storage.bodies import fill, gather, scratch
from imglab.storage.sizes import check_size

#: The most bytes of a picture that travels so.
MAX_CARRIED = 8 << 20
#: How long it is kept, in seconds.
KEPT_S = 3600
#: How a path is written that is in Redis.
BEGIN = "redis:"
_NAME = re.compile(r"[0-9a-f]{32}\.[a-z0-9]{1,5}")


class Shelf(Protocol):
    """What keeps pictures for a while: a queue does."""

    def keep_picture(self, name: str, data: bytes, seconds: int) -> None:
        """Keep a picture under a name for so many seconds."""
        ...

    def picture(self, name: str) -> bytes | None:
        """The picture under a name; None when it is not kept, or not any more."""
        ...

    def picture_size(self, name: str) -> int:
        """How many bytes it has; 0 for none."""
        ...


def is_carried(path: object) -> bool:
    """Whether a path is meant for the queue's Redis."""
    return isinstance(path, str) and path.startswith(BEGIN)


@dataclass(frozen=True)
class Carried:
    """Reads and writes pictures on the shelf of a queue."""

    shelf: Shelf | None = None

    def open(self, path: str) -> BinaryIO:
        """Fetch a picture, within the limit of its size; see `Storage`."""
        shelf = self._shelf(path)
        name = _name(path)
        with _in_words(path, "read"):
            check_size(path, shelf.picture_size(name), MAX_CARRIED)
            data = shelf.picture(name)
        if not data:
            raise ImageError(
                tr(
                    "{path} is not there: Redis keeps a picture for {minutes} minutes. Submit it "
                    "again with --carry.",
                    path=path,
                    minutes=KEPT_S // 60,
                )
            )
        return gather([data], path, len(data))

    def check_writable(self, path: str) -> str:
        """Return the path; ImageError for what is no name of a picture."""
        self._shelf(path)
        _name(path)
        return path

    def save(self, path: str, write: Write) -> str:
        """Keep a picture whole for an hour; see `Storage`."""
        shelf = self._shelf(path)
        name = _name(path)
        with scratch(path) as file:
            check_size(path, fill(file, write, path), MAX_CARRIED)
            with _in_words(path, "written"):
                shelf.keep_picture(name, file.read(), KEPT_S)
        return path

    def _shelf(self, path: str) -> Shelf:
        if self.shelf is None:
            raise ImageError(
                tr("{path!r:.100} is carried by Redis, and this queue carries nothing.", path=path)
            )
        return self.shelf


def _name(path: str) -> str:
    """The picture's name, without its beginning; ImageError for what is none."""
    name = path.removeprefix(BEGIN)
    if not _NAME.fullmatch(name):
        raise ImageError(
            tr("{path!r:.100} is no picture that Redis carries: `--carry` names them.", path=path)
        )
    return name


@contextmanager
def _in_words(path: str, done: str) -> Iterator[None]:
    """Turn what a queue says of a Redis that is away, or full, into something to try again."""
    try:
        yield
    except QueueError as error:
        words = tr("{path} cannot be read: {error}", path=path, error=error)
        if done == "written":
            words = tr("{path} cannot be written: {error}", path=path, error=error)
        raise StoreUnavailable(words) from None
