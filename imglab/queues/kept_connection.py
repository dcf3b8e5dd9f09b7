"""One connection kept at hand: the fast way for the commands that a busy worker sends."""

from __future__ import annotations

import select
import sys
import threading
from contextlib import suppress
from typing import Any

import hiredis
import redis

from imglab.queues.following import SlotMoved
from imglab.queues.this_process import ThisProcess


class KeptConnection:
    """One connection kept at hand: a command on it costs half of what `execute_command` takes.

    For one thread at a time; whoever comes meanwhile takes a connection from the client's pool,
    and gets what redis-py makes of the reply. So it is for commands of which it makes nothing else:
    scripts and BLPOP.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._in_use = threading.Lock()
        self._connection: Any = None
        #: The socket of the connection, and what tells whether there is anything to read from it.
        self._socket: Any = None
        self._poll: Any = None

    def send(self, *words: Any) -> Any:
        """The reply to one command, or the error that redis-py makes of it."""
        if not self._in_use.acquire(blocking=False):
            return self._client.execute_command(*words)  # type: ignore[no-untyped-call]
        try:
            return self._answer(words)
        except SlotMoved:
            return self._answer(words)  # by the node that keeps it now
        finally:
            self._in_use.release()

    def _answer(self, words: tuple[Any, ...]) -> Any:
        try:
            connection = self._ready()
            connection.send_packed_command([hiredis.pack_command(words)])
            return connection.read_response()
        except redis.ResponseError:
            raise  # a whole reply, if not a good one
        except BaseException:  # an interrupt, too: the reply may come when nobody expects it
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.disconnect()  # it connects again by itself

    def _ready(self) -> Any:
        connection = self._connection
        if connection is None or connection.pid != ThisProcess.pid:  # a fork must not share it
            self._connection = self._client.connection_pool.get_connection()
            return self._connection
        if self._is_silent(connection):
            return connection
        with suppress(redis.ConnectionError):
            if not connection.can_read(0):
                return connection
        self._hang_up()  # nothing was due: this is the end of the connection
        return connection

    def _is_silent(self, connection: Any) -> bool:
        """Whether the server has said nothing, nor hung up; False where this cannot be told.

        It saves the look of redis-py's own, which takes five times as long.
        """
        socket = getattr(connection, "_sock", None)
        if socket is None or sys.platform != "linux":
            return False
        if socket is not self._socket:
            # A new one, for after a fork the old one is the parent's as well.
            self._poll = select.epoll()
            self._poll.register(socket, select.EPOLLIN)
            self._socket = socket
        return not self._poll.poll(0)
