"""Starting a worker in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from imglab import language
from imglab.project import private_folder
from imglab.workers.logs import LOG_VARIABLE
from imglab.workers.process import VARIABLE
from imglab.workers.spec import WorkerSpec


def start_process(spec: WorkerSpec, log: Path) -> subprocess.Popen[bytes]:
    """Start a worker process, and return it; what it prints goes to the end of `log`.

    Its data go through its environment: a list of processes shows arguments, and a spec may hold a
    password. OSError when the folder of the log cannot be made, or the process not be started.
    """
    private_folder(log.parent)
    settings = {
        VARIABLE: spec.to_json(),
        LOG_VARIABLE: str(log.resolve()),
        # A worker is in no notebook, so it cannot know by itself what that speaks.
        language.VARIABLE: language.language(),
    }
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "imglab.workers"],
            env={**os.environ, **settings},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a notebook's interrupt is not for it
        )
