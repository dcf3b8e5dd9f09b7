"""What every storage promises: where photographs are read and written, whatever it is made of.

An object store is one more file beside `folders`, and one more line in `choice`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Protocol

#: Writes the content of a file into the file that it is given.
Write = Callable[[BinaryIO], object]


class Storage(Protocol):
    """Reads and writes only where it may: a path comes from a task, and a task from anyone.

    So a path may be any value at all. ImageError, in one sentence, for one that cannot be used:
    the task then fails and is not tried again. Any other error is taken for a passing one.
    A path has one spelling in results, the same for all who use the storage; what a storage spells,
    it also takes.
    """

    def open(self, path: object) -> BinaryIO:
        """Open a file to read: one that can seek, whose `name` is the path as results spell it.

        NoPhotographs when this host can read none at all: the task is then for another host.
        """
        ...

    def check_writable(self, path: object) -> str:
        """Return the path as results spell it; ImageError when nothing may be written there.

        It is asked before the work, so that nobody works for nothing; `save` looks again.
        """
        ...

    def save(self, path: object, write: Write) -> str:
        """Write a file whole and return its path as results spell it.

        Whoever looks there sees the old file or the whole new one, never a half. ImageError, and
        the old file stays, for whatever `write` raises.
        """
        ...

    def result_path(self, file_name: str) -> str:
        """Return the path for a result whose task names none, spelled as in results."""
        ...
