"""What an answer may use: memory, processor time, files of a bounded size.

Each process inherits the limits of the one that started it. The system keeps them; macOS keeps
only those of time and of files.
"""

from __future__ import annotations

import math
import os
import resource
from contextlib import suppress

from imglab.language import tr

#: Bytes of memory for one process.
MEMORY = 1 << 30
#: Bytes of one file; Python tells more as "File too large".
FILE = 256 << 20
#: What an answer hears that needs more memory.
OUT_OF_MEMORY = tr(
    "it needs more than the {gigabytes} GB of memory that an answer may have",
    gigabytes=MEMORY >> 30,
)


def limit_this_process(seconds: float) -> None:
    """Set the limits for this process and for all it will start."""
    # A process that got away from everybody ends by itself when it works for so long.
    processor_seconds = math.ceil(seconds) * (os.cpu_count() or 1)
    _set_limit(resource.RLIMIT_CPU, processor_seconds)
    _set_limit(resource.RLIMIT_DATA, MEMORY)
    _set_limit(resource.RLIMIT_FSIZE, FILE)
    _set_limit(resource.RLIMIT_CORE, 0)


def lift_memory_limit() -> None:
    """Let this process use more again: whoever tells that the memory is full needs some."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _set_limit(kind: int, value: int) -> None:
    _, most = resource.getrlimit(kind)
    if most != resource.RLIM_INFINITY:
        value = min(value, most)
    # A system that does not know a limit, or keeps it otherwise, goes without.
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (value, most))
