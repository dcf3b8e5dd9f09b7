"""One way to connect to Redis: settings that suit a blocking worker, errors a person can act on."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from imglab.errors import PasswordRefused, QueueError, QueueUnavailable
from imglab.language import tr
from imglab.queues import addresses, cluster, own_password, sentinel
from imglab.queues.arguments import DEFAULT_PORT, as_port, as_text

#: The longest a client blocks in one command, in seconds: a worker looks around this often.
BLOCK = 1.0
#: The oldest server with every command the queue uses.
OLDEST = (6, 2)

#: Replies that mean "not now, or not this server": a worker waits and asks again.
_PASSING = (
    redis.exceptions.BusyLoadingError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.TryAgainError,
    redis.exceptions.MasterDownError,
    redis.exceptions.AskError,  # this slot is on its way to another node
)
#: The same as words, where redis-py has no error of its own, and inside a script's error.
_PASSING_WORDS = re.compile(
    r"(?:^|[\s-])(BUSY|MISCONF|NOREPLICAS|LOADING|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|READONLY|UNBLOCKED)\b"
)
#: What a command ends with when no Redis answers, whoever sent it.
AWAY = (QueueUnavailable, redis.ConnectionError, redis.TimeoutError)
#: What says where a server is and who connects, of all that a redis-py connection is made with.
_IDENTITY = ("host", "port", "path", "db", "username", "password", "credential_provider")
_KINDS = {
    kind.__name__: kind
    for kind in (redis.Connection, redis.SSLConnection, redis.UnixDomainSocketConnection)
}


class _Pool(redis.ConnectionPool):
    """The connections of a client; its repr says where they lead.

    That of redis-py before 7.4 says with which password, too.
    """

    def __repr__(self) -> str:
        return f"<connections to {_address_of(self.connection_kwargs)}>"


def place_of(host: Any, port: Any, url: Any, connection: Any) -> dict[str, Any]:
    """Where a server is, as plain data, from what a caller gave; QueueError for what is no place.

    An address may stand in place of the host. Without anything it is IMGLAB_REDIS_URL, or else
    localhost:6379.
    """
    if isinstance(host, str) and "://" in host:
        if port is not None or url is not None:
            raise QueueError(
                tr("The first argument is a whole address: give no port or url beside it.")
            )
        url = host
        host = None
    if url is None and host is None and port is None and connection is None:
        url = os.environ.get("IMGLAB_REDIS_URL") or None
    if url is not None:
        url = as_text(url, tr("An address"))
    if connection is not None and not isinstance(connection, Mapping):
        connection = describe(connection)
    return {
        "host": as_text(host, tr("A host")) or "localhost",
        "port": as_port(port) or DEFAULT_PORT,
        "url": url,
        "connection": connection,
    }


def connect(
    host: str = "localhost", port: int = DEFAULT_PORT, *, url: str | None = None
) -> redis.Redis:
    """A client for one Redis; `url` wins over `host` and `port`. Nothing is sent yet."""
    if url is None:
        return _client_with(_Pool(host=host, port=port, **_settings(is_socket_file=False)))
    client = _client_of(url)
    own_password.offer_to(client)
    return client


def _client_with(pool: _Pool) -> redis.Redis:
    """A client that closes these connections when it is closed itself."""
    client = redis.Redis.from_pool(pool)
    own_password.offer_to(client)
    return client


def _client_of(url: str) -> redis.Redis:
    place = addresses.read(url)
    settings = _settings(is_socket_file=url.startswith("unix:"))
    try:
        pool = _Pool.from_url(place.first, **settings)
    except ValueError:
        raise QueueUnavailable(addresses.NO_ADDRESS) from None
    given = pool.connection_kwargs
    # One shorter than a worker blocks would cut each of its waits.
    given["socket_timeout"] = max(BLOCK + 0.5, given["socket_timeout"] or 0)
    if not url.startswith("unix:"):
        given.setdefault("host", "localhost")
        given.setdefault("port", DEFAULT_PORT)
    client = redis.Redis.from_pool(pool)
    if place.kind == addresses.SENTINEL:
        return sentinel.follow(client, place)
    if place.kind == addresses.CLUSTER:
        return cluster.follow(client, place.hosts, None)
    return client


def connect_like(description: Mapping[str, Any]) -> redis.Redis:
    """A client for the server that `describe` told of, with the same credentials."""
    kind = _KINDS[description["kind"]]
    settings = _settings(is_socket_file=kind is redis.UnixDomainSocketConnection)
    return _client_with(_Pool(connection_class=kind, **settings, **description["options"]))


def describe(client: redis.Redis) -> dict[str, Any]:
    """Where a client connects to and as whom, as data for `connect_like`; it may hold a password.

    QueueError for a client of another kind than `redis.Redis`, such as one of a cluster.
    """
    pool: Any = getattr(client, "connection_pool", None)
    kind = getattr(getattr(pool, "connection_class", None), "__name__", "")
    if not isinstance(client, redis.Redis) or kind not in _KINDS:
        raise QueueError(
            tr(
                "A connection must be a redis.Redis, not {kind}. Give its address: url=…",
                kind=_kind_of(client, kind),
            )
        )
    options = {
        name: value
        for name, value in pool.connection_kwargs.items()
        if value is not None and (name in _IDENTITY or name.startswith("ssl_"))
    }
    return {"kind": kind, "options": options}


def _kind_of(client: object, kind_of_connection: str) -> str:
    """What somebody gave for a client; never as text, which may be an address with a password."""
    kind = tr("a {kind}", kind=type(client).__name__)
    if kind_of_connection:
        return tr(
            "{kind} that connects by {kind_of_connection}",
            kind=kind,
            kind_of_connection=kind_of_connection,
        )
    return kind


def _settings(*, is_socket_file: bool) -> dict[str, Any]:
    """What suits a blocking worker.

    redis-py's defaults (a socket timeout below the block, silent retries) would run a claim
    twice when only its reply was lost. Here a lost reply is an error, and the caller decides.
    """
    settings: dict[str, Any] = {
        "socket_timeout": BLOCK + 3,
        "socket_connect_timeout": 2,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": True,
        # Anybody may have written bytes that are no text: they read as \\xff, and end no reading.
        "encoding_errors": "backslashreplace",
        "protocol": 2,  # said aloud: redis-py's own choice changed, and with it the replies
    }
    if not is_socket_file:
        settings["socket_keepalive"] = True
    return settings


def address(client: redis.Redis) -> str:
    """Where a client connects to, as `host:port` or a socket's path, never with its password.

    For one that follows its server, the sentinels or the nodes of the cluster.
    """
    pool: Any = client.connection_pool
    if _follows(client):
        return str(pool.place)
    return _address_of(pool.connection_kwargs)


def _address_of(settings: Mapping[str, Any]) -> str:
    return str(settings.get("path") or f"{settings.get('host')}:{settings.get('port')}")


def host_and_port(client: redis.Redis) -> tuple[str, int]:
    """Where a client is connected now: for one that follows its server, to whom."""
    pool = client.connection_pool
    connection: Any = pool.get_connection()
    pool.release(connection)
    # A socket's file has neither.
    host = getattr(connection, "host", "localhost")
    return str(host), int(getattr(connection, "port", DEFAULT_PORT))


def _follows(client: redis.Redis) -> bool:
    """Whether a client looks for its server anew with each connection."""
    return isinstance(client.connection_pool, sentinel.SentinelPool | cluster.ClusterPool)


class _Speaking:
    """A block in which whatever redis-py raises becomes one of our errors."""

    # Not a generator with @contextmanager: this stands around every command.

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        if not isinstance(error, redis.RedisError):
            return
        ours = _in_our_words(self._client, error)
        if ours is not None:
            raise ours from error


def speaking_to(client: redis.Redis) -> _Speaking:
    """Turn whatever redis-py raises inside the block into one of our errors."""
    return _Speaking(client)


def _in_our_words(client: redis.Redis, error: redis.RedisError) -> QueueError | None:
    where = address(client)
    if isinstance(error, redis.AuthenticationError | redis.exceptions.AuthorizationError):
        return _password_refused(where, error)
    if isinstance(error, _PASSING) and not isinstance(error, redis.exceptions.MovedError):
        return _not_now(where, error)
    if isinstance(error, redis.ConnectionError | redis.TimeoutError | redis.InvalidResponse):
        return QueueUnavailable(_away(client, error))
    if isinstance(error, redis.ResponseError):
        return _refusal(where, error)
    return None


def _password_refused(where: str, error: redis.RedisError) -> PasswordRefused:
    if isinstance(error, sentinel.SentinelsRefuse):
        return PasswordRefused(str(error))
    return PasswordRefused(
        tr(
            "Redis at {where} asks for a password, and got none or a wrong one. "
            "Put it into IMGLAB_REDIS_URL=redis://USER:PASSWORD@HOST:PORT.",
            where=where,
        )
    )


def _away(client: redis.Redis, error: redis.RedisError) -> str:
    """What to say when nothing came back."""
    where = address(client)
    if _follows(client):
        return tr(
            "Redis at {where} cannot be reached ({error}). When a replica has taken over, all "
            "goes on by itself; a call waits for that as long as `queue.patience` says.",
            where=where,
            error=error,
        )
    return tr(
        "No Redis answers at {where} ({error}). Start one with `imglab server "
        "start`, or say where yours is: IMGLAB_REDIS_URL=redis://HOST:PORT.",
        where=where,
        error=error,
    )


def _refusal(where: str, error: redis.ResponseError) -> QueueError:
    """What an answer of Redis' means that is an error."""
    if isinstance(error, redis.exceptions.OutOfMemoryError):
        return QueueError(
            tr(
                "Redis at {where} is full and takes no new tasks. Let the workers finish "
                "what is there, or raise its maxmemory.",
                where=where,
            )
        )
    if isinstance(error, redis.exceptions.MovedError):
        return QueueError(
            tr(
                "Redis at {where} is one node of a cluster, and another one keeps this queue. "
                "Write the address as that of a cluster: redis+cluster://HOST:PORT,HOST:PORT.",
                where=where,
            )
        )
    if _PASSING_WORDS.search(str(error)):
        return _not_now(where, error)
    if "WRONGTYPE" in str(error):
        return QueueError(
            tr(
                "A key of this queue at {where} holds another kind of value than it "
                "should: somebody wrote it by hand. Find it with TYPE, and DEL it.",
                where=where,
            )
        )
    return QueueError(tr("Redis at {where} refuses: {error}", where=where, error=error))


def has_changed_nothing(error: QueueError) -> bool:
    """Whether Redis refused a script for sure before its first write, so that nothing is done."""
    why = error.__cause__
    if isinstance(why, redis.exceptions.OutOfMemoryError):
        return True  # once a script has written, a full server lets it finish
    return isinstance(why, redis.ResponseError) and "@user_script" not in str(why)


def _not_now(where: str, error: redis.RedisError) -> QueueUnavailable:
    return QueueUnavailable(
        tr("Redis at {where} cannot do this now: {error}", where=where, error=error)
    )


def check_version(version: str, where: str) -> None:
    """Raise QueueUnavailable when a server's version is below the oldest supported one."""
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise QueueUnavailable(
            tr(
                "Redis at {where} is version {version}; imglab needs {oldest} or newer, or Valkey. "
                "`imglab server start` brings one along.",
                where=where,
                version=version,
                oldest=oldest,
            )
        )
