"""A Redis for the class: the one you name, the one already running here, or one started now."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imglab.errors import QueueUnavailable
from imglab.project import project_home
from imglab.queues.connection import address, connect, speaking_to
from imglab.server.binary import find_binary
from imglab.server.keeper import STATE, ask, locked

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

    #: It may hold a password.
    url: str = field(repr=False)
    host: str
    port: int
    #: By this very call.
    started: bool
    #: The project's own: `stop` stops it.
    owned: bool
    #: A sentence to be said aloud.
    note: str = ""


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


def own_home() -> Path:
    """Where the data of the project's own server is."""
    return project_home() / "redis"


def ensure(home: Path | None = None) -> RedisServer:
    """Have a Redis that answers: that of IMGLAB_REDIS_URL, else the project's own.

    Its data is in `home`, or where `own_home` says.

    Raises QueueUnavailable when the named one does not answer, or none can be started.
    """
    named = os.environ.get("IMGLAB_REDIS_URL")
    if named:
        return _named(named)
    home = (home or own_home()).resolve()
    home.mkdir(parents=True, exist_ok=True)
    with locked(home / "lock"):
        state = _answering(home)
        started = not state
        if started:
            state = _start(home)
    port = state["port"]
    note = ""
    if port != PORT:
        note = (
            f"Port {PORT} was taken by another program, so this project's Redis listens on port "
            f"{port}; write -p {port} in redis-cli lines."
        )
    return RedisServer(
        url=f"redis://127.0.0.1:{port}",
        host="127.0.0.1",
        port=port,
        started=started,
        owned=True,
        note=note,
    )


def stop(home: Path | None = None) -> bool:
    """Stop the project's own server, its data safe on disk; return whether there was one."""
    home = home or own_home()
    if not home.is_dir():
        return False
    with locked(home / "lock"):
        return _stop(home.resolve())


def status(home: Path | None = None) -> ServerStatus | None:
    """What the server that `ensure` would find says of itself; None when none answers."""
    home = home or own_home()
    url = os.environ.get("IMGLAB_REDIS_URL")
    state = _state(home)
    with connect("127.0.0.1", state.get("port", 0), url=url) as client:
        info = ask(client)
    if not info:
        return None
    if not url and info["run_id"] != state["run_id"]:  # somebody else has the port now
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
        folder=None if url else home.resolve(),
    )


def _named(url: str) -> RedisServer:
    client = connect(url=url)
    with client, speaking_to(client):
        client.ping()
    note = f"This is the Redis at {address(client)}, as IMGLAB_REDIS_URL says."
    where = {"host": "localhost", "port": PORT, **client.connection_pool.connection_kwargs}
    return RedisServer(
        url=url,
        host=where["host"],
        port=int(where["port"]),
        started=False,
        owned=False,
        note=note,
    )


def _start(home: Path) -> dict[str, Any]:
    binary = find_binary()
    _stop(home)  # what a killed keeper left behind
    for port in _ports(home):
        _launch(home, port, binary)
        state = _answering(home)
        if state:
            return state
        if _is_free(port):
            break  # whatever went wrong, it was not the port
    raise QueueUnavailable(f"{binary} did not start. The end of its log:\n{_log(home)}")


def _launch(home: Path, port: int, binary: str) -> None:
    (home / STATE).unlink(missing_ok=True)
    command = [sys.executable, "-m", "imglab.server.keeper", str(home), str(port), binary]
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


def _answering(home: Path) -> dict[str, Any]:
    """The state of the kept server once it answers; empty when no keeper is there, or it leaves."""
    for _ in _looks(home):
        if not _is_kept(home):
            break
        state = _state(home)
        if _pid(state):
            return state
    return {}


def _stop(home: Path) -> bool:
    """Stop the keeper and its server, or the server that a killed keeper left behind.

    Linux stops that one too, but it must be gone before another opens the same file; it stops
    answering only after its last sync.
    """
    found = False
    for _ in _looks(home):
        state = _state(home)
        is_kept = _is_kept(home)
        pid = state.get("keeper") if is_kept else _pid(state)
        if not is_kept and not pid:
            break
        found = True
        if pid:  # without one, the keeper is just arriving or just leaving
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
    return found


def _state(home: Path) -> dict[str, Any]:
    with suppress(FileNotFoundError):
        return dict(json.loads((home / STATE).read_text()))
    return {}


def _pid(state: dict[str, Any]) -> int:
    """The process id of the very server of this state; 0 when it does not answer."""
    if not state:
        return 0
    with connect("127.0.0.1", state["port"]) as client:
        info = ask(client)
    return info["process_id"] if info.get("run_id") == state["run_id"] else 0


def _is_kept(home: Path) -> bool:
    with locked(home / "keeper.lock", wait=False) as life:
        return life < 0


def _looks(home: Path) -> Iterator[None]:
    """Look again and again, for START_TIMEOUT seconds; then QueueUnavailable, with the log."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        yield
        time.sleep(LOOK_EVERY)
    raise QueueUnavailable(f"Redis is not ready in time. The end of its log:\n{_log(home)}")


def _log(home: Path) -> str:
    lines = list[str]()
    for file in (home / "keeper.log", home / "redis.log"):
        if file.exists():
            lines += file.read_text().splitlines()[-LOG_LINES:]
    return "\n".join(lines)


def _ports(home: Path) -> Iterator[int]:
    """The port of a killed keeper, for its clients still know it; then PORT; then any."""
    yield from filter(_is_free, (_state(home).get("port", PORT), PORT))
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
