"""Names of files: how long they may be, and how one is cut so that it fits."""

from __future__ import annotations

#: The longest name of a file, in bytes, on nearly every disk.
MAX_NAME = 255


def length(name: str) -> int:
    """How many bytes a name has on the disk; a byte that is no UTF-8 counts as one."""
    return len(name.encode("utf-8", "surrogateescape"))


def fitting(stem: str, ending: str) -> str:
    """Return `stem` + `ending`, with so much of the stem left out at its end that a disk takes it.

    No letter is cut in two.
    """
    room = max(MAX_NAME - length(ending), 0)
    if length(stem) <= room:
        return stem + ending
    cut = stem.encode("utf-8", "surrogateescape")[:room]
    return cut.decode("utf-8", "ignore") + ending
