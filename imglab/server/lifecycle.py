"""A Redis for the class: the one you name, the one already running here, or one started now."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imglab.errors import QueueUnavailable
from imglab.extras import need_posix
from imglab.language import tr
from imglab.project import private_folder
from imglab.queues.connection import address, connect, host_and_port, speaking_to
from imglab.queues.own_password import (
    HOST,
    PASSWORD,
    STATE,
    ServerState,
    is_locked,
    offer_to,
    own_home,
    read_state,
    remember,
)
from imglab.server.binary import find_binary
from imglab.server.keeper import ask, locked
from imglab.system_words import told

#: The port in every book, and in the course's own redis-cli lines.
PORT = 6379
#: Seconds that a start or a stop may take.
START_TIMEOUT = 10.0
#: Seconds between two looks at a server that starts or stops.
LOOK_EVERY = 0.015
#: Lines of each log that an error quotes.
LOG_LINES = 5


@dataclass(frozen=True)
class RedisServer:
    """Where to connect, and how the server came to be there."""

    #: It holds the password that IMGLAB_REDIS_URL holds; that of our own is found in its file.
    url: str = field(repr=False)
    host: str
    port: int
    #: By this very call.
    started: bool
    #: The project's own: `stop` stops it.
    owned: bool
    #: A sentence to be said aloud.
    note: str = ""
    #: Where the password of our own is.
    password_file: Path | None = None


@dataclass(frozen=True)
class ServerStatus:
    """One server at one moment; sizes in bytes, times in seconds."""

    version: str
    port: int
    pid: int
    #: Without the keeper and whoever asks.
    clients: int
    #: In database 0, where everything of ours is.
    keys: int
    used_memory: int
    uptime: int
    appendonly: bool
    #: Where its data is, when it is ours.
    folder: Path | None
    #: Where its password is, when it is ours and has one.
    password_file: Path | None


def ensure(home: Path | None = None, address: str = "") -> RedisServer:
    """Have a Redis that answers: that of IMGLAB_REDIS_URL, else the project's own.

    Its data is in `home`, or where `own_home` says. With an `address` it listens there, too, for
    those whom `imglab.server.guests` lets in.

    Raises QueueUnavailable when the named one does not answer, none can be started, or it runs and
    does not listen at the address; on Windows NotInstalled where none is named.
    """
    named = os.environ.get("IMGLAB_REDIS_URL")
    if named:
        return _named(named)
    need_posix()
    home = (home or own_home()).resolve()
    with _in(home):
        private_folder(home)
        with locked(home / "lock"):
            state = _answering(home)
            started = state is None
            if state is None:
                state = _start(home, address)
    if address not in ("", state.address):
        raise QueueUnavailable(
            tr(
                "This project's Redis runs already, and does not listen at {address}. Type `imglab "
                "server stop`, then this line again: its data stay, and workers come back.",
                address=address,
            )
        )
    remember(home)
    port = state.port
    note = ""
    if port != PORT:
        note = tr(
            "Port {taken} was taken by another program, so this project's Redis listens on port "
            "{port}; write -p {port} in redis-cli lines.",
            taken=PORT,
            port=port,
        )
    return RedisServer(
        url=f"redis://{HOST}:{port}",
        host=HOST,
        port=port,
        started=started,
        owned=True,
        note=note,
        password_file=_password_file(home, state),
    )


def stop(home: Path | None = None) -> bool:
    """Stop the project's own server, its data safe on disk; return whether there was one."""
    home = home or own_home()
    if not home.is_dir():
        return False
    with _in(home), locked(home / "lock"):
        return _stop(home.resolve())


def status(home: Path | None = None) -> ServerStatus | None:
    """What the server that `ensure` would find says of itself; None when none answers."""
    home = (home or own_home()).resolve()
    url = os.environ.get("IMGLAB_REDIS_URL")
    state = None
    if url:
        client = connect(url=url)
    else:
        state = read_state(home)
        if state is None:
            return None
        client = _own_client(home, state)
    with client:
        info = ask(client)
    if "run_id" not in info:  # nobody answers, or no Redis
        return None
    if state and info["run_id"] != state.run_id:  # somebody else has the port now
        return None
    kind = "valkey" if "valkey_version" in info else "redis"
    # Whoever asks is connected, and our own keeper as well.
    ours = 1 if url else 2
    return ServerStatus(
        version=f"{kind} {info[f'{kind}_version']}",
        port=info["tcp_port"],
        pid=info["process_id"],
        clients=info["connected_clients"] - ours,
        keys=info.get("db0", {"keys": 0})["keys"],
        used_memory=info["used_memory"],
        uptime=info["uptime_in_seconds"],
        appendonly=bool(info["aof_enabled"]),
        folder=None if url else home,
        password_file=_password_file(home, state),
    )


def _password_file(home: Path, state: ServerState | None) -> Path | None:
    if state and state.password:
        return home / PASSWORD
    return None


@contextmanager
def _in(home: Path) -> Iterator[None]:
    """Turn what the disk may refuse inside the block into an error a person can act on."""
    try:
        yield
    except OSError as error:
        raise QueueUnavailable(
            tr(
                "Redis' data belong into the folder {home}, which cannot be used: {error}.",
                home=home,
                error=told(error),
            )
        ) from error


def _own_client(home: Path, state: ServerState) -> Any:
    client = connect(HOST, state.port)
    offer_to(client, home)
    return client


def _named(url: str) -> RedisServer:
    client = connect(url=url)
    with client, speaking_to(client):
        client.ping()
        host, port = host_and_port(client)
    note = tr("This is the Redis at {place}, as IMGLAB_REDIS_URL says.", place=address(client))
    return RedisServer(
        url=url,
        host=host,
        port=port,
        started=False,
        owned=False,
        note=note,
    )


def _start(home: Path, address: str) -> ServerState:
    binary = find_binary()
    _stop(home)  # what a killed keeper left behind
    for port in _ports(home):
        _launch(home, port, binary, address)
        state = _answering(home)
        if state:
            return state
        if _is_free(port):
            break  # whatever went wrong, it was not the port
    raise QueueUnavailable(
        tr("{binary} did not start. The end of its log:\n{log}", binary=binary, log=_log(home))
    )


def _launch(home: Path, port: int, binary: str, address: str) -> None:
    (home / STATE).unlink(missing_ok=True)
    command = [sys.executable, "-m", "imglab.server", str(home), str(port), binary]
    command += ["--address", address]
    with locked(home / "keeper.lock") as life, (home / "keeper.log").open("ab") as log:
        keeper = subprocess.Popen(
            command,
            cwd=home,  # not a student's folder, whose redis.py would be imported
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[life],
        )
    # This process may outlive the keeper: then somebody must take note of the death.
    threading.Thread(target=keeper.wait, name="imglab-keeper", daemon=True).start()


def _answering(home: Path) -> ServerState | None:
    """The state of the kept server once it answers; None when no keeper is there, or it leaves."""
    for _ in _looks(home):
        if not _is_kept(home):
            break
        state = read_state(home)
        if state and _pid(home, state):
            return state
    return None


def _stop(home: Path) -> bool:
    """Stop the keeper and its server, or the server that a killed keeper left behind.

    Linux stops that one too, but it must be gone before another opens the same file; it stops
    answering only after its last sync.
    """
    found = False
    for _ in _looks(home):
        is_kept = _is_kept(home)
        pid = _whom_to_stop(home, is_kept=is_kept)
        if not is_kept and not pid:
            break
        found = True
        if pid:  # without one, the keeper is just arriving or just leaving
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
    return found


def _whom_to_stop(home: Path, *, is_kept: bool) -> int:
    """The process id of the keeper; without one, of the server that still answers; else 0."""
    state = read_state(home)
    if state is None:
        return 0
    if is_kept:
        return state.keeper
    return _pid(home, state)


def _pid(home: Path, state: ServerState) -> int:
    """The process id of the very server of this state; 0 when it does not answer."""
    with _own_client(home, state) as client:
        info = ask(client)
    return info["process_id"] if info.get("run_id") == state.run_id else 0


def _is_kept(home: Path) -> bool:
    return is_locked(home / "keeper.lock")


def _looks(home: Path) -> Iterator[None]:
    """Look again and again, for START_TIMEOUT seconds; then QueueUnavailable, with the log."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        yield
        time.sleep(LOOK_EVERY)
    state = read_state(home)
    log = _log(home)
    if state is None:
        words = tr("Redis is not ready in time. The end of its log:\n{log}", log=log)
    else:
        words = tr(
            "Redis is not ready in time (process {pid} keeps it). The end of its log:\n{log}",
            pid=state.keeper,
            log=log,
        )
    raise QueueUnavailable(words)


def _log(home: Path) -> str:
    lines = list[str]()
    for file in (home / "keeper.log", home / "redis.log"):
        if file.exists():
            lines += file.read_text(errors="replace").splitlines()[-LOG_LINES:]
    return "\n".join(lines)


def _ports(home: Path) -> Iterator[int]:
    """The port of a killed keeper, for its clients still know it; then PORT; then any."""
    wanted = [PORT]
    state = read_state(home)
    if state:
        wanted.insert(0, state.port)
    yield from filter(_is_free, wanted)
    for _ in range(3):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        yield port


def _is_free(port: int) -> bool:
    """Whether nobody listens there, on either address that `localhost` may mean."""
    with suppress(OSError), socket.create_connection(("localhost", port), timeout=0.5):
        return False
    with suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False
