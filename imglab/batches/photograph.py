"""One photograph that was found, and why another file is none."""

from __future__ import annotations

from dataclasses import dataclass

from imglab.imaging.kinds import FORMATS
from imglab.text import is_utf8

#: Why an entry is left out, as a program reads it in every language; see `reasons.py`.
NO_PICTURE = "its name ends in none that a picture's does"
NOT_UTF8 = "its name is not UTF-8, and a task is"
HIDDEN = "its name begins with a dot"
NO_FILE = "it is no file, or a link to none"
NO_ADDRESS = "its name cannot stand in an address"
GONE = "it is gone, or nobody here may read it"


@dataclass(frozen=True, slots=True)
class Photograph:
    """A file that is to be filtered."""

    #: Where it is, absolute and without links in its folder; or its address.
    path: str
    #: Where it is below the one folder that was named; else as `inside.py` has it.
    inside: str
    #: Bytes.
    size: int
    #: When it was changed last, in nanoseconds.
    changed_ns: int
    #: In a store, what that calls this content, in place of the time of change.
    mark: str = ""

    @property
    def version(self) -> str:
        """What another content of the same size has otherwise."""
        return self.mark or str(self.changed_ns)


def why_not(path: str) -> str:
    """Return why a file is not taken, by its name alone; "" for one that is."""
    name = path.rpartition("/")[2]
    if name.startswith("."):
        return HIDDEN
    ending = name.rpartition(".")[2]
    if f".{ending.lower()}" not in FORMATS:
        return NO_PICTURE
    if not is_utf8(path):
        return NOT_UTF8
    return ""
