"""Memory: what a process has, what this machine lets it have, and sizes as people write them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from imglab.errors import ImglabError
from imglab.language import tr
from imglab.text import told

#: Names the largest picture, in pixels, that is opened; without it Pillow's own limit counts.
PIXELS_VARIABLE = "IMGLAB_MAX_PIXELS"
#: Pillow's own limit, in pixels: a worker has to know it before it loads Pillow.
DEFAULT_MAX_PIXELS = 89_478_485
#: Where Linux tells what a process has and is allowed.
PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
#: Bytes of one unit of `ru_maxrss`: kilobytes, but for macOS.
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
#: A cgroup without a limit has the word max, or in version 1 a number near 2^63.
_NO_LIMIT = 1 << 60
#: The units of a size, as Kubernetes has them: k is a thousand, Ki is 1,024.
_UNITS = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY_UNITS = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([kmgt]i?)b?", re.ASCII | re.IGNORECASE)


def as_bytes(size: int | str, what: str) -> int:
    """The bytes of a size such as "500MB", "1.5G" or "512MiB"; a number is bytes already.

    ImglabError for what is none: `what` names it there.
    """
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        return size
    found = None
    if isinstance(size, str):
        found = _SIZE.fullmatch(size.strip())
    if found is None:
        raise ImglabError(
            tr(
                "{what} must be a size with its unit, such as 500MB; not {size}.",
                what=what,
                size=told(size),
            )
        )
    number, unit = found.groups()
    factor = (_UNITS | _BINARY_UNITS)[unit.lower()]
    result = int(float(number) * factor)
    if result < 1:
        raise ImglabError(tr("{what} must be more than nothing.", what=what))
    return result


def in_words(size: float) -> str:
    """A number of bytes for people: "512 MB", "1.5 GB"."""
    if size < 10**9:
        return f"{size / 10**6:,.0f} MB"
    return f"{size / 10**9:,.1f} GB"


def max_pixels() -> int:
    """How many pixels a picture may have here; ImglabError where the setting is no such number."""
    text = os.environ.get(PIXELS_VARIABLE)
    if text is None:
        return DEFAULT_MAX_PIXELS
    if not re.fullmatch(r"0*[1-9]\d{0,11}", text, re.ASCII):
        raise ImglabError(
            tr(
                "{variable} must be a whole number of pixels, such as 24000000 for pictures of "
                "6,000 × 4,000; not {value}.",
                variable=PIXELS_VARIABLE,
                value=told(text),
            )
        )
    return int(text)


def resident() -> int:
    """The bytes of memory that this process has in use.

    On Linux the system tells what it is now. What Python's own library knows everywhere is only
    the most that it ever was, so elsewhere a worker is renewed for one large picture, too: that is
    early, and never late. psutil knows better, but a worker does without it.
    """
    with suppress(OSError, ValueError, IndexError):
        pages = int((PROC / "self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    import resource  # noqa: PLC0415 - Windows has none, and opens pictures all the same

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT


def machine_memory() -> int | None:
    """The bytes that all processes here may have together; None where nobody tells.

    A container has less than its machine: the smallest of all limits counts.
    """
    limits = list(_cgroup_limits())
    with suppress(AttributeError, ValueError, OSError):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    limits = [each for each in limits if 0 < each < _NO_LIMIT]
    return min(limits, default=None)


def _cgroup_limits() -> Iterator[int]:
    """The limits of this process' cgroup and of all that it is in; both versions of them."""
    try:
        lines = (PROC / "self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _limits_upwards(CGROUPS, path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _limits_upwards(CGROUPS / "memory", path, "memory.limit_in_bytes")


def _limits_upwards(mount: Path, path: str, name: str) -> Iterator[int]:
    """What stands in these files; in a container some of the folders are not to be seen."""
    inner = PurePosixPath(path.lstrip("/"))
    for folder in (inner, *inner.parents):
        with suppress(OSError, ValueError):
            yield int((mount / folder / name).read_text())
