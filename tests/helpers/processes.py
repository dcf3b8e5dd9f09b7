"""Who is at work: the processes of a project."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil


def processes_of(folder: Path | str) -> list[psutil.Process]:
    """All processes but this one that belong to a project.

    They are in its folder, as its Redis, or have it in their environment, as its workers.
    """
    root = Path(folder).resolve()
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            places = (process.cwd(), process.environ().get("IMGLAB_ROOT", ""))
            is_inside = any(Path(place).is_relative_to(root) for place in places)
            if is_inside and process.pid != os.getpid():
                found.append(process)
    return found
