"""The keeper: a process that starts this project's Redis, mends it, and stops it when unused.

It has a session of its own, out of reach of interrupt buttons; `imglab.server.lifecycle` starts it.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from imglab.errors import QueueError
from imglab.queues.connection import connect, speaking_to

#: The file that says which server answers; the keeper writes it, and removes it before it leaves.
STATE = "server.json"
#: Seconds without any client before the server is stopped.
GRACE = 60.0
#: A server that lives less than QUICK seconds is started again this many times in a row.
RESTARTS = 5
#: Seconds; see above.
QUICK = 10.0
#: Seconds that a server may take to leave, before it is killed.
STOP_TIMEOUT = 5.0
#: What Linux calls "send me this signal when my parent dies", for prctl.
PR_SET_PDEATHSIG = 1

logger = logging.getLogger(__name__)
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@contextmanager
def locked(file: Path, *, wait: bool = True) -> Iterator[int]:
    """Hold a file's lock; gives its descriptor, or -1 when somebody else has it and we do not wait.

    A process that inherits the descriptor holds the lock as well, until it ends.
    """
    how = fcntl.LOCK_EX
    if not wait:
        how |= fcntl.LOCK_NB
    with file.open("a") as lock:
        try:
            fcntl.flock(lock, how)
        except BlockingIOError:
            yield -1
        else:
            yield lock.fileno()


def ask(client: Any) -> dict[str, Any]:
    """A server's INFO; empty when it does not answer."""
    try:
        with speaking_to(client):
            return dict(client.info())
    except QueueError:
        return {}


def _die_with(keeper: int) -> None:
    """In the server, before it is one: Linux shall send it a SIGTERM when the keeper dies."""
    if _libc:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != keeper:  # already dead, before we could ask
            os._exit(1)


class Keeper:
    """One server on one port, with its data in one folder."""

    def __init__(self, home: Path, port: int, binary: str, grace: float) -> None:
        self.home = home
        self.port = port
        #: Seconds without any client before the server is stopped.
        self.grace = grace
        self.state = home / STATE
        options = {
            "bind": "127.0.0.1",
            "port": str(port),
            "dir": str(home),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            # The file begins with commands, not with a snapshot: then an older Redis can read the
            # data of a newer Valkey, whichever of them is found next time.
            "aof-use-rdb-preamble": "no",
            "maxmemory-policy": "noeviction",
            "logfile": str(home / "redis.log"),
            "daemonize": "no",
        }
        self.command = [binary]
        for name, value in options.items():
            self.command += [f"--{name}", value]
        self.client = connect("127.0.0.1", port)  # the one client that does not count
        self.leaving = False

    def run(self) -> None:
        """Keep the server; return when it was asked to stop, is unused, or does not stay up."""
        signal.signal(signal.SIGTERM, self._leave)
        crashes = 0
        while crashes <= RESTARTS:
            started = time.monotonic()
            code = self._serve()
            # Without the file: it never answered, nobody needed it, or its folder was deleted.
            if code == 0 or self.leaving or not self.state.exists():
                break
            if time.monotonic() - started >= QUICK:
                crashes = 0  # only those in a row count
            crashes += 1
            logger.info("The server left with code %s.", code)
        else:
            logger.info("It died again after %s quick restarts in a row: giving up.", RESTARTS)
        self.state.unlink(missing_ok=True)

    def _leave(self, *_: object) -> None:
        self.leaving = True

    def _serve(self) -> int:
        server = subprocess.Popen(  # one thread only, so this hook is safe
            self.command,
            preexec_fn=partial(_die_with, os.getpid()),  # noqa: PLW1509
        )
        try:
            while self._goes_on(server, 0.01) and not self._announce(server.pid):
                pass
            self._watch(server)
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(STOP_TIMEOUT)
            # Only a server that ignored SIGTERM is left; all it acknowledged is in its
            # append-only file.
            server.kill()
        return server.wait()

    def _goes_on(self, server: subprocess.Popen[bytes], seconds: float) -> bool:
        """Wait so long, unless the server or the keeper leaves before; whether neither did."""
        deadline = time.monotonic() + seconds
        while not self.leaving and server.poll() is None:
            if time.monotonic() >= deadline:
                return True
            time.sleep(min(seconds, 0.05))
        return False

    def _announce(self, pid: int) -> bool:
        """Write down how to reach the server, once it is ready; return whether it is."""
        info = ask(self.client)
        # By pid: another program may have the port, and be a Redis too.
        is_ready = info.get("process_id") == pid and not info["loading"]
        if is_ready:
            state = {"port": self.port, "run_id": info["run_id"], "keeper": os.getpid()}
            new = self.state.with_suffix(".new")
            new.write_text(json.dumps(state))
            new.replace(self.state)
            logger.info("%s answers on port %s.", self.command[0], self.port)
        return is_ready

    def _watch(self, server: subprocess.Popen[bytes]) -> None:
        """Return when the server has left or is unused."""
        last: int | None = None
        since = time.monotonic()
        # Few looks, for each shows in a student's MONITOR and in Redis' own counters.
        while self.state.exists() and self._goes_on(server, self.grace / 10):
            seen = self._visitors()
            if seen is None or seen != last:
                last = seen
                since = time.monotonic()
            elif time.monotonic() - since >= self.grace:
                # Whoever wants a server holds this lock, and connects while holding it.
                with locked(self.home / "lock", wait=False) as lock:
                    if lock >= 0 and self._visitors() == last:
                        logger.info("Nobody was connected for %g s.", self.grace)
                        self.state.unlink()

    def _visitors(self) -> int | None:
        """How many ever connected; None while one is here, or the server is too busy to say."""
        info = ask(self.client)
        if info.get("connected_clients") != 1:  # the one is the keeper itself
            return None
        return int(info["total_connections_received"])


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    parser = argparse.ArgumentParser(prog="python -m imglab.server.keeper", description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("binary")
    parser.add_argument("--grace", type=float, metavar="SECONDS")
    parser.set_defaults(grace=float(os.environ.get("IMGLAB_REDIS_GRACE", GRACE)))
    Keeper(**vars(parser.parse_args())).run()
