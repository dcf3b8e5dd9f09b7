"""A connection that says by its name who is here, for as long as it is open.

Redis lists all connections with their names and databases, and drops one when its process ends,
however it ends. So to be somewhere takes no key, no lifetime and nobody who renews it.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Any

import redis

from imglab.errors import ImglabError
from imglab.queues.connection import connect, speaking_to

#: Seconds that the watching thread listens in one go: nobody speaks, so it hears only the end.
_LISTEN = 1.0
#: Seconds between two tries to be there again after Redis was away.
_TRY_AGAIN = 1.0


@dataclass(frozen=True)
class Present:
    """A connection that has a name."""

    name: str
    database: int


class Presence:
    """One connection to a Redis, under a name and in a database."""

    def __init__(self, url: str) -> None:
        self._client = connect(url=url)
        self._connection: Any = None
        self._name = ""
        self._database = 0
        self._left = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def database(self) -> int:
        """The database it is in, or that the address names as long as it has not appeared."""
        if self._name:
            return self._database
        return int(self._client.connection_pool.connection_kwargs.get("db") or 0)

    def appear(self, name: str, database: int) -> list[Present] | None:
        """Be there under this name; return all others with a name, None for no such database.

        It is one step, so of two that come at once, the later one sees the earlier one. The name
        has no spaces. QueueError where this user may not see who is connected.
        """
        commands = (
            ("MULTI",),
            ("SELECT", database),
            ("CLIENT", "SETNAME", name),
            ("CLIENT", "ID"),
            ("CLIENT", "LIST"),
            ("EXEC",),
        )
        with speaking_to(self._client):
            connection = self._open()
            try:
                for words in commands:
                    connection.send_command(*words)
                    reply = connection.read_response()
            except redis.ResponseError:  # a transaction that was begun ends with its connection
                connection.disconnect()
                raise
        selected, _, own_id, text = reply
        if isinstance(selected, redis.ResponseError):
            return None
        self._name = name
        self._database = database
        return _others(text, own_id)

    def stay(self) -> None:
        """From now on, be there again by itself whenever Redis was away."""
        self._watcher = threading.Thread(target=self._watch, name="presence", daemon=True)
        self._watcher.start()

    def leave(self) -> None:
        """Close the connection: nobody is here under this name any more."""
        self._left.set()
        if self._watcher is not None:
            self._watcher.join()
        if self._connection is not None:
            self._connection.disconnect()

    def _open(self) -> Any:
        if self._connection is None:
            self._connection = self._client.connection_pool.get_connection()
        return self._connection

    def _watch(self) -> None:
        while not self._left.is_set():
            try:
                self._connection.can_read(_LISTEN)
            except (redis.RedisError, OSError):
                self._connection.disconnect()
                self._return()

    def _return(self) -> None:
        while not self._left.wait(_TRY_AGAIN):
            try:
                self.appear(self._name, self._database)
            except ImglabError:
                continue
            return


def _others(client_list: str, own_id: int) -> list[Present]:
    """What stands in a CLIENT LIST: the connections that have a name, without our own."""
    found = []
    for line in client_list.splitlines():
        fields = dict(re.findall(r"(\S+?)=(\S*)", line))
        if fields.get("name") and fields.get("id") != str(own_id):
            found.append(Present(fields["name"], int(fields.get("db", 0))))
    return found
