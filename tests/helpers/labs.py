"""JupyterLab as a person starts it: a command in a folder, and what its server then says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from helpers.clock import until
from helpers.server import free_port

#: Seconds in which JupyterLab is there.
SET_UP = 60
#: For the token of the JupyterLab of a test, which only this machine can reach.
TOKEN = "a-token-of-this-test"


@contextmanager
def lab_started_by(
    command: str, folder: Path, environment: dict[str, str], *further: str
) -> Iterator[str]:
    """JupyterLab as this command starts it, once it answers; its address. It is gone afterwards.

    The command takes JupyterLab's options, and gets the further ones, too.
    """
    port = free_port()
    options = ("--allow-root", f"--port={port}", f"--IdentityProvider.token={TOKEN}", *further)
    log = folder.parent / "lab.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["sh", "-c", f"exec {command} {' '.join(options)}"],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(address) or process.poll() is not None, SET_UP)
        assert process.poll() is None, log.read_text()
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def asked(address: str, path: str) -> dict[str, object]:
    """What the server of a JupyterLab says of something."""
    with urllib.request.urlopen(f"{address}/api/{path}?token={TOKEN}", timeout=5) as reply:
        return json.load(reply)


def answers(address: str) -> bool:
    """Whether a JupyterLab is there."""
    try:
        return "started" in asked(address, "status")
    except (URLError, ConnectionError, TimeoutError):
        return False
