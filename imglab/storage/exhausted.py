"""Whether this machine ran out of something: then the picture is not to blame."""

from __future__ import annotations

import errno

from imglab.language import tr

#: What the operating system says → what has run out. All of it may be there again in a minute.
_RAN_OUT = {
    errno.ENOSPC: tr("no space is left on the disk"),
    errno.EDQUOT: tr("the disk quota is used up"),
    errno.ENOMEM: tr("out of memory"),
    errno.EMFILE: tr("this process has too many open files"),
    errno.ENFILE: tr("this machine has too many open files"),
}


def ran_out(error: BaseException) -> str:
    """Return what has run out, in words; an empty text for an error of another kind."""
    if isinstance(error, MemoryError):
        return tr("out of memory")
    if not isinstance(error, OSError):
        return ""
    # Pillow's codecs have a number of their own for memory, and say it in words.
    if error.errno is None and "out of memory" in str(error):
        return tr("out of memory")
    return _RAN_OUT.get(error.errno or 0, "")
