"""Whether this machine ran out of something: then the picture is not to blame."""

from __future__ import annotations

import errno

#: What the operating system says → what has run out. All of it may be there again in a minute.
_RAN_OUT = {
    errno.ENOSPC: "no space is left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENOMEM: "out of memory",
    errno.EMFILE: "this process has too many open files",
    errno.ENFILE: "this machine has too many open files",
}


def ran_out(error: BaseException) -> str:
    """Return what has run out, in words; an empty text for an error of another kind."""
    if isinstance(error, MemoryError):
        return "out of memory"
    if not isinstance(error, OSError):
        return ""
    # Pillow's codecs have a number of their own for memory, and say it in words.
    if error.errno is None and "out of memory" in str(error):
        return "out of memory"
    return _RAN_OUT.get(error.errno or 0, "")
