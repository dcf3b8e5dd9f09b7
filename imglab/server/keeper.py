"""The keeper: a process that starts this project's Redis, mends it, and stops it when unused.

It has a session of its own, out of reach of interrupt buttons; `imglab.server.lifecycle` starts it.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import logging
import os
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from imglab.errors import QueueError, QueueUnavailable
from imglab.language import tr
from imglab.queues.connection import connect, connect_like, speaking_to
from imglab.queues.own_password import (
    ALIVE,
    HOST,
    PASSWORD,
    STATE,
    ServerState,
    offer_to,
    read_password,
    read_state,
)

#: Seconds without any client before the server is stopped.
GRACE = 60.0
#: A server that lives less than QUICK seconds is started again this many times in a row.
RESTARTS = 5
#: Seconds; see above.
QUICK = 10.0
#: Seconds that a server may take to leave, before it is killed.
STOP_TIMEOUT = 5.0
#: Seconds of waiting for a lock after which it is said who has it.
PATIENCE = 5.0
#: Seconds after which a lock is waited for no longer: nobody needs it for so long.
LOCK_TIMEOUT = 30.0
#: Seconds between two tries to take a lock.
TRY_EVERY = 0.01
#: Bytes of chance in the password.
PASSWORD_BYTES = 32
#: In the folder of a server's data: its users from other machines, as lines of redis.conf.
GUESTS = "guests.conf"
#: Nobody but the owner may use a file that we make: what `os.umask` takes away.
OTHERS = 0o077
#: What Linux calls "send me this signal when my parent dies", for prctl.
PR_SET_PDEATHSIG = 1

logger = logging.getLogger(__name__)
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@contextmanager
def locked(file: Path, *, wait: bool = True) -> Iterator[int]:
    """Hold a file's lock; gives its descriptor, or -1 when somebody else has it and we do not wait.

    A process that inherits the descriptor holds the lock as well, until it ends.
    QueueUnavailable when another process keeps it for LOCK_TIMEOUT seconds.
    """
    with file.open("a+b") as lock:
        if wait:
            _wait_for(lock, file)
        elif not _is_taken(lock):
            yield -1
            return
        with suppress(OSError):  # a full disk keeps nobody from stopping a server
            os.ftruncate(lock.fileno(), 0)
            os.write(lock.fileno(), str(os.getpid()).encode())
        yield lock.fileno()


def _wait_for(lock: IO[bytes], file: Path) -> None:
    """Take a lock as soon as it is free; say whom we wait for, and do not wait for ever."""
    started = time.monotonic()
    is_said = False
    while not _is_taken(lock):
        waited = time.monotonic() - started
        if waited >= LOCK_TIMEOUT:
            pid = _holder(file)
            raise QueueUnavailable(
                tr(
                    "Process {pid} does not give {file} back: it may stand still (Ctrl-Z). Let it "
                    "go on with `kill -CONT {pid}`, or end it with `kill -9 {pid}`.",
                    pid=pid,
                    file=file,
                )
            )
        if waited >= PATIENCE and not is_said:
            is_said = True
            pid = _holder(file)
            words = tr("Waiting for process {pid}, which holds {file}.", pid=pid, file=file)
            logger.warning("%s", words)
        time.sleep(TRY_EVERY)


def _is_taken(lock: IO[bytes]) -> bool:
    """Take a lock if it is free; whether it is ours now."""
    import fcntl  # noqa: PLC0415 - Windows has none; a producer there imports this file all the same

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: Path) -> str:
    """The process id of who holds a lock, as it wrote it down."""
    with suppress(OSError, ValueError):
        return str(int(file.read_bytes()))
    return "PID"


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


def make_password(home: Path, name: str = PASSWORD) -> str:
    """The password in this file of a folder; a new one if there is none, or others could read it.

    OSError when it cannot be written.
    """
    file = home / name
    with suppress(OSError):
        if not stat.S_IMODE(file.stat().st_mode) & OTHERS:
            known = read_password(home, name)
            if known:
                return known
    new = secrets.token_urlsafe(PASSWORD_BYTES)
    write_privately(file, new)
    return new


def write_privately(file: Path, text: str) -> None:
    """Write a file that only its owner can read, as a whole or not at all."""
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)  # it keeps its mode otherwise
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text + "\n")
    new.replace(file)


class Keeper:
    """One server on one port, with its data in one folder."""

    def __init__(self, home: Path, port: int, binary: str, grace: float, address: str) -> None:
        self.home = home
        self.port = port
        #: Where it listens for other machines, too; empty for none.
        self.address = address
        #: Seconds without any client before the server is stopped.
        self.grace = grace
        self.state = home / STATE
        options = {
            "port": str(port),
            "unixsocketperm": "700",
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
        self.command = [binary, "--bind", HOST]
        if address:
            self.command.append(address)
        for name, value in options.items():
            self.command += [f"--{name}", value]
        self.password = make_password(home)
        #: The one client that does not count.
        self.client = self._by_port()
        #: What is written down of the server.
        self.said = ServerState(port, run_id="", keeper=os.getpid(), password=True, address=address)
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
        if self.state.exists():
            # Until the new one has the port, nobody shall say the password to who else may have it.
            self._write_down(run_id="")
        # In /tmp, for a socket's path must be short. Nobody else can look into the folder.
        door = Path(tempfile.mkdtemp(prefix="imglab-", dir="/tmp"))
        server = self._start(door / "redis")
        try:
            self._wait_until_ready(server, door)
            self._watch(server)
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(STOP_TIMEOUT)
            # Only a server that ignored SIGTERM is left; all it acknowledged is in its
            # append-only file.
            server.kill()
        return server.wait()

    def _start(self, socket_file: Path) -> subprocess.Popen[bytes]:
        """Start the server; it holds the lock ALIVE until it ends."""
        # A new file: what a killed server left behind may hold the old one for a moment.
        (self.home / ALIVE).unlink(missing_ok=True)
        with locked(self.home / ALIVE) as life:
            server = subprocess.Popen(  # one thread only, so this hook is safe
                [*self.command, "--unixsocket", str(socket_file), "-"],
                preexec_fn=partial(_die_with, os.getpid()),  # noqa: PLW1509
                pass_fds=[life],
                stdin=subprocess.PIPE,
            )
        # Not as an argument: everybody can read those in the list of processes.
        if server.stdin:
            with suppress(BrokenPipeError), server.stdin as told:  # it did not even start
                told.write(f"requirepass {self.password}\n{self._guests()}".encode())
        return server

    def _guests(self) -> str:
        """Who may come in from other machines, as lines of a configuration."""
        if not self.address:
            return ""
        return (self.home / GUESTS).read_text()

    def _wait_until_ready(self, server: subprocess.Popen[bytes], door: Path) -> None:
        """Return when the server is announced, or has left.

        Its port may be another program's, who would be told the password: we come in by a socket
        that only our own server can have made.
        """
        options = {"path": str(door / "redis"), "password": self.password}
        self.client = connect_like({"kind": "UnixDomainSocketConnection", "options": options})
        try:
            while self._goes_on(server, 0.01) and not self._announce(server.pid):
                pass
        finally:
            shutil.rmtree(door, ignore_errors=True)  # the connection stays

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
            self._write_down(run_id=info["run_id"])
            logger.info("%s answers on port %s.", self.command[0], self.port)
        return is_ready

    def _write_down(self, run_id: str) -> None:
        self.said = replace(self.said, run_id=run_id)
        write_privately(self.state, json.dumps(asdict(self.said)))

    def _mend(self) -> None:
        """Write our files again if somebody spoilt them; a removed STATE is a wish to leave."""
        with suppress(OSError):  # a full disk does not end the server
            if read_state(self.home) != self.said and self.state.exists():
                self._write_down(self.said.run_id)
            if read_password(self.home) != self.password:
                write_privately(self.home / PASSWORD, self.password)

    def _by_port(self) -> Any:
        client = connect(HOST, self.port)
        offer_to(client, self.home)
        return client

    def _watch(self, server: subprocess.Popen[bytes]) -> None:
        """Return when the server has left or is unused."""
        last: int | None = None
        since = time.monotonic()
        # Few looks, for each shows in a student's MONITOR and in Redis' own counters.
        while self.state.exists() and self._goes_on(server, self.grace / 10):
            self._mend()
            if self.address:
                continue  # other machines come, go and are cut off: it stays until it is stopped
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
        if not info:  # somebody may have cut our connection, whose socket is gone
            self.client.close()
            self.client = self._by_port()
        if info.get("connected_clients") != 1:  # the one is the keeper itself
            return None
        return int(info["total_connections_received"])


def main() -> None:
    """Be the keeper that the command line describes."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    parser = argparse.ArgumentParser(prog="python -m imglab.server", description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("binary")
    parser.add_argument("--grace", type=float, metavar="SECONDS")
    parser.add_argument("--address", default="")
    os.umask(OTHERS)
    parser.set_defaults(grace=float(os.environ.get("IMGLAB_REDIS_GRACE", GRACE)))
    Keeper(**vars(parser.parse_args())).run()
