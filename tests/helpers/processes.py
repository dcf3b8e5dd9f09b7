"""Processes: who is at work in a project, and whom a test starts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil


@contextmanager
def started(*words: str | Path, **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Start a process; once the block is left it is gone, also when a test is red."""
    process = subprocess.Popen(words, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


def is_alive(pid: int) -> bool:
    """Whether a process runs; where nobody buries orphans, a dead one remains as a zombie."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def end(processes: list[psutil.Process]) -> None:
    """Kill processes."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


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
