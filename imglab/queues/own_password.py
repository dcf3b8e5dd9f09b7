"""The password of the project's own Redis, found in a file as libpq finds `~/.pgpass`.

Nobody types it. It is looked up for each new connection, and said to that very server only: never
to another one that has the port before, after or beside it.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import redis

from imglab.project import project_home
from imglab.queues.arguments import DEFAULT_PORT, MAX_PORT

#: In the folder of a server's data: what its keeper says of it. Gone when no server is wanted.
STATE = "server.json"
#: The password, in a file that only its owner can read.
PASSWORD = "password"
#: The file that the server process itself holds locked for as long as it lives.
ALIVE = "server.lock"
#: Folders of servers that this process or a parent was given, beside that of the project.
HOMES = "IMGLAB_REDIS_HOMES"
#: Where the project's own server listens.
HOST = "127.0.0.1"
#: The user that every Redis has. Named, because one who needs no password then accepts any.
USER = "default"


@dataclass(frozen=True)
class ServerState:
    """What a keeper wrote down of its server."""

    port: int
    #: Which start of a server it is; empty while it is not ready.
    run_id: str
    #: The keeper's process id.
    keeper: int
    #: Whether the server asks for the password: those of older versions do not.
    password: bool = False
    #: The address of this machine where it listens for others, too; empty for none.
    address: str = ""


def own_home() -> Path:
    """Where the data of the project's own server is."""
    return project_home() / "redis"


def read_state(home: Path) -> ServerState | None:
    """What the keeper of this folder wrote down; None when there is nothing that can be used."""
    try:
        found = json.loads((home / STATE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    port = found.get("port")
    run_id = found.get("run_id")
    keeper = found.get("keeper")
    if type(port) is not int or not 0 < port <= MAX_PORT:
        return None
    # A signal to 0 or to a negative number reaches whole groups of processes.
    if type(keeper) is not int or keeper <= 1 or type(run_id) is not str:
        return None
    address = found.get("address")
    if type(address) is not str:
        address = ""
    return ServerState(port, run_id, keeper, found.get("password") is True, address)


def read_password(home: Path, name: str = PASSWORD) -> str:
    """The password in this folder, in the file of this name; empty when there is none."""
    with suppress(OSError, ValueError):
        return (home / name).read_text().strip()
    return ""


def is_locked(file: Path) -> bool:
    """Whether some process holds this file's lock; asking disturbs nobody else who asks."""
    import fcntl  # noqa: PLC0415 - Windows has none, and no server of ours either

    try:
        with file.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def remember(home: Path) -> None:
    """Let this process and its children find the password of the server in this folder."""
    homes = [str(home)]
    for other in os.environ.get(HOMES, "").split(os.pathsep):
        if other and other not in homes and Path(other).is_dir():
            homes.append(other)
    os.environ[HOMES] = os.pathsep.join(homes)


def offer_to(client: redis.Redis, *homes: Path) -> None:
    """Let a client that was given no password say that of the project's own server.

    Only in these folders, if some are named.
    """
    pool = client.connection_pool
    given = pool.connection_kwargs
    has_credentials = any(
        given.get(name) for name in ("username", "password", "credential_provider")
    )
    if pool.connection_class is redis.Connection and not has_credentials:
        # Found now: a program may change its current folder, and connect again.
        given["redis_connect_func"] = _Greeting(homes or _known_homes())


def with_own_password(url: str) -> str:
    """The same address with the password of the project's own server, where it leads there.

    For a library that connects by itself. The address is a secret then; nobody is to print it.
    """
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.hostname != HOST:
        return url
    password = _Greeting(_known_homes())._password_at(parts.port or DEFAULT_PORT)
    if not password:
        return url
    place = f"{USER}:{quote(password, safe='')}@{parts.netloc}"
    return urlunsplit(parts._replace(netloc=place))


def _known_homes() -> tuple[Path, ...]:
    homes = list[Path]()
    with suppress(OSError):  # the current folder was deleted
        homes.append(own_home().absolute())
    homes += [Path(home) for home in os.environ.get(HOMES, "").split(os.pathsep) if home]
    return tuple(homes)


@dataclass(frozen=True)
class _Greeting:
    """What redis-py calls on each new connection, in place of its own greeting."""

    homes: tuple[Path, ...]

    def __call__(self, connection: Any) -> None:
        """Say who we are, and a password only where the own server is at the other end."""
        try:
            # Not the name: `localhost` may have led to somebody else's [::1].
            host, port = connection._sock.getpeername()[:2]
        except OSError as error:  # it has hung up already
            raise redis.ConnectionError(str(error)) from error
        connection.username = None
        connection.password = None
        if host == HOST:
            password = self._password_at(port)
            if password:
                connection.username = USER
                connection.password = password
        connection.on_connect()

    def _password_at(self, port: int) -> str:
        for home in self.homes:
            if _asks_at(port, home):
                return read_password(home)
        return ""


def _asks_at(port: int, home: Path) -> bool:
    """Whether the server of this folder has the port now, and asks for its password."""
    state = read_state(home)
    if state is None or state.port != port or not state.run_id or not state.password:
        return False
    # What is written down may be old; the server that holds its lock lives, and has its port.
    return is_locked(home / ALIVE)
