"""A Redis to be killed again and again: the same port and the same file each time."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from imglab.errors import QueueUnavailable
from imglab.language import tr
from imglab.queues.connection import connect, speaking_to
from imglab.server import find_binary

#: Seconds a start may take: after a kill, the server reads its whole file first.
START_TIMEOUT = 20.0
#: Seconds it may take to end by itself.
STOP_TIMEOUT = 10.0
#: What it keeps on disk, unless somebody says otherwise: every command, written at once, and taken
#: to the disk itself once a second.
KEEPING = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "")


class MortalRedis:
    """A server of our own, killed and started again with the same port and the same file.

    `keeping` are options that say what it keeps on disk; with none, it does as Redis comes.
    """

    def __init__(self, folder: Path, keeping: Sequence[str] = KEEPING) -> None:
        self.folder = folder
        self.keeping = tuple(keeping)
        self.binary = find_binary()
        # Below the ephemeral range: a client that dials a dead server on a port of that range can
        # be given that very port, and connect to itself.
        self.port = random.SystemRandom().randrange(15_000, 30_000)
        self.url = f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> MortalRedis:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and wait until it has read its file."""
        where = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder))
        log = self.folder / "log"
        limit = time.monotonic() + START_TIMEOUT
        with log.open("ab") as file:
            command = (self.binary, *where, *self.keeping)
            self.process = subprocess.Popen(command, stdout=file, start_new_session=True)
        answers = False
        try:
            while not answers and self.process.poll() is None and time.monotonic() < limit:
                time.sleep(0.02)
                answers = self._answers()
        finally:
            if not answers:
                self.kill()
        if not answers:
            end = log.read_text()[-500:]
            raise QueueUnavailable(
                tr(
                    "{binary} did not start. The end of its log:\n{log}",
                    binary=self.binary,
                    log=end,
                )
            )

    def _answers(self) -> bool:
        """Whether it answers, this very process."""
        with suppress(QueueUnavailable), connect(url=self.url) as client, speaking_to(client):
            return bool(client.info("server")["process_id"] == self.process.pid)
        return False

    def kill(self) -> None:
        """`kill -9`: nothing is written any more."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end (SIGTERM): it saves first, as it was told to."""
        self.process.terminate()
        self.process.wait(STOP_TIMEOUT)

    def cut(self) -> None:
        """Break all connections but this one."""
        with connect(url=self.url) as client, speaking_to(client):
            client.client_kill_filter(_type="normal")
