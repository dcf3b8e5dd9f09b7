"""Connections that look for their server whenever they connect: it may be another one by now."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ClusterDownError, MovedError, ReadOnlyError
from redis.retry import Retry

from imglab.language import tr

#: How long a sentinel or a node may take to say where a server is, in seconds.
ASK_TIMEOUT_S = 1.0
#: What a server says that is no primary, or none that reaches the others.
_NOT_HERE = (ReadOnlyError, ClusterDownError)
#: The same inside a script's error, or where redis-py has no error of its own.
_NOT_HERE_WORDS = re.compile(r"\b(READONLY|CLUSTERDOWN|MASTERDOWN|NOREPLICAS)\b")
#: What the connections of a client have in common, wherever they lead; and what begins with ssl_.
_IN_COMMON = (
    "db",
    "username",
    "password",
    "credential_provider",
    "client_name",
    "socket_timeout",
    "socket_connect_timeout",
    "socket_keepalive",
    "decode_responses",
    "encoding_errors",
    "protocol",
)


class SlotMoved(redis.ConnectionError):
    """A node of a cluster keeps this slot no more. It has done nothing, and said who keeps it."""


class Following(redis.Connection):
    """A connection that hangs up where the next command is to go to another server."""

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        """The reply. SlotMoved where another node is to be asked: the next connection does."""
        try:
            return super().read_response(*arguments, **options)
        except MovedError as error:
            self.disconnect()  # type: ignore[no-untyped-call]
            self.goes_to(error.host, error.port)
            raise SlotMoved(
                tr("this slot is at {host}:{port} now", host=error.host, port=error.port)
            ) from error
        except redis.ResponseError as error:
            if isinstance(error, _NOT_HERE) or _NOT_HERE_WORDS.search(str(error)):
                self.disconnect()  # type: ignore[no-untyped-call]
            raise

    def goes_to(self, host: str, port: int) -> None:
        """Note where a node has sent us."""


def options_of(client: redis.Redis) -> dict[str, Any]:
    """What the connections of a client to one server are made with, but for where that is.

    A command is sent a second time only where the first one was not done.
    """
    options = {
        name: value
        for name, value in client.connection_pool.connection_kwargs.items()
        if name in _IN_COMMON or name.startswith("ssl_")
    }
    return options | {"retry": Retry(NoBackoff(), 1, supported_errors=(SlotMoved,))}


def is_over_tls(client: redis.Redis) -> bool:
    """Whether its connections are encrypted."""
    return issubclass(client.connection_pool.connection_class, redis.SSLConnection)


def short(options: dict[str, Any]) -> dict[str, Any]:
    """The same for a connection that only asks where a server is."""
    return options | {
        "socket_timeout": ASK_TIMEOUT_S,
        "socket_connect_timeout": ASK_TIMEOUT_S,
        "retry": Retry(NoBackoff(), 0),
    }


def as_words(hosts: Iterable[tuple[str, int]]) -> str:
    """Hosts and ports as they are shown."""
    return ", ".join(f"{host}:{port}" for host, port in hosts)
