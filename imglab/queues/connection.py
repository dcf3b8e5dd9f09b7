"""One way to connect to Redis: settings that suit a blocking worker, errors a person can act on."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import hiredis
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from imglab.errors import QueueError, QueueUnavailable

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
)


def connect(host: str = "localhost", port: int = 6379, *, url: str | None = None) -> redis.Redis:
    """A client for one Redis; `url` wins over `host` and `port`. Nothing is sent yet.

    redis-py's defaults (a socket timeout below the block, silent retries) would run a claim
    twice when only its reply was lost. Here a lost reply is an error, and the caller decides.
    """
    settings: dict[str, Any] = {
        "socket_timeout": BLOCK + 3,
        "socket_connect_timeout": 2,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": True,
        "protocol": 2,  # said aloud: redis-py's own choice changed, and with it the replies
    }
    if not (url and url.startswith("unix:")):
        settings["socket_keepalive"] = True
    if url is None:
        return redis.Redis(host=host, port=port, **settings)
    try:
        return redis.Redis.from_url(url, **settings)
    except ValueError:
        # The address itself is not repeated: it may hold a password.
        raise QueueUnavailable(
            "This is not the address of a Redis. Write redis://HOST:PORT, or rediss:// for TLS."
        ) from None


class Line:
    """One connection kept at hand: a command on it costs half of what `execute_command` takes.

    For one thread at a time; whoever comes meanwhile takes a connection from the client's pool,
    and gets what redis-py makes of the reply. So it is for commands of which it makes nothing else:
    scripts and BLPOP.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._in_use = threading.Lock()
        self._connection: Any = None

    def send(self, *words: Any) -> Any:
        """The reply to one command, or the error that redis-py makes of it."""
        if not self._in_use.acquire(blocking=False):
            return self._client.execute_command(*words)  # type: ignore[no-untyped-call]
        try:
            connection = self._ready()
            connection.send_packed_command([hiredis.pack_command(words)])
            return connection.read_response()
        except redis.ResponseError:
            raise  # a whole reply, if not a good one
        except BaseException:  # an interrupt, too: the reply may come when nobody expects it
            self._hang_up()
            raise
        finally:
            self._in_use.release()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.disconnect()  # it connects again by itself

    def _ready(self) -> Any:
        connection = self._connection
        if connection is None or connection.pid != os.getpid():  # a fork must not share it
            self._connection = self._client.connection_pool.get_connection()
            return self._connection
        with suppress(redis.ConnectionError):
            if not connection.can_read(0):
                return connection
        self._hang_up()  # nothing was due: this is the end of the connection
        return connection


def address(client: redis.Redis) -> str:
    """Where a client connects to, as `host:port` or a socket's path, never with its password."""
    settings = client.connection_pool.connection_kwargs
    return str(settings.get("path") or f"{settings.get('host')}:{settings.get('port')}")


@contextmanager
def speaking_to(client: redis.Redis) -> Iterator[None]:
    """Turn whatever redis-py raises inside the block into one of our errors."""
    try:
        yield
    except (redis.AuthenticationError, redis.exceptions.AuthorizationError) as error:
        raise QueueUnavailable(
            f"Redis at {address(client)} asks for a password, and got none or a wrong one. "
            "Put it into IMGLAB_REDIS_URL=redis://USER:PASSWORD@HOST:PORT."
        ) from error
    except _PASSING as error:
        raise _not_now(client, error) from error
    except (redis.ConnectionError, redis.TimeoutError, redis.InvalidResponse) as error:
        raise QueueUnavailable(
            f"No Redis answers at {address(client)} ({error}). Start one with `imglab server "
            "start`, or say where yours is: IMGLAB_REDIS_URL=redis://HOST:PORT."
        ) from error
    except redis.exceptions.OutOfMemoryError as error:
        raise QueueError(
            f"Redis at {address(client)} is full and takes no new tasks. Let the workers finish "
            "what is there, or raise its maxmemory."
        ) from error
    except redis.ResponseError as error:
        if str(error).startswith("UNBLOCKED"):
            raise _not_now(client, error) from error
        if "WRONGTYPE" in str(error):
            raise QueueError(
                f"A key of this queue at {address(client)} holds another kind of value than it "
                "should: somebody wrote it by hand. Find it with TYPE, and DEL it."
            ) from error
        raise QueueError(f"Redis at {address(client)} refuses: {error}") from error


def _not_now(client: redis.Redis, error: redis.RedisError) -> QueueUnavailable:
    return QueueUnavailable(f"Redis at {address(client)} cannot do this now: {error}")


def check_version(version: str, where: str) -> None:
    """Raise QueueUnavailable when a server's version is below the oldest supported one."""
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise QueueUnavailable(
            f"Redis at {where} is version {version}; imglab needs {oldest} or newer, or Valkey. "
            "`imglab server start` brings one along."
        )
