"""A client whose round trips are counted, and whose Redis has a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: What the counted client's TIME says: seconds, and microseconds.
CLOCK = (1_000_000_000, 250_000)
#: The same in milliseconds.
NOW = 1_000_000_000_250
#: The command KEYS, as it goes over the wire.
_KEYS = b"$4\r\nKEYS\r\n"
#: The beginning of EVAL and of EVALSHA.
_EVAL = b"\r\nEVAL"


class RoundTrips:
    """Counts what a redis-py client sends: everything it sends at once is one round trip."""

    def __init__(self, client: Any) -> None:
        #: Round trips so far.
        self.count = 0
        #: All that was sent, one after the other, as it goes over the wire, in capital letters.
        self.sent = b""
        #: What somebody else does between two round trips; None for nothing.
        self.between: Callable[[], None] | None = None
        pool = client.connection_pool
        kind = pool.connection_class
        count = self._note
        connecting: list[Any] = []

        def connect_check_health(connection: Any, *arguments: Any, **options: Any) -> None:
            # What a new connection says of itself is not the answer's.
            connecting.append(connection)
            try:
                kind.connect_check_health(connection, *arguments, **options)
            finally:
                connecting.remove(connection)

        def send_packed_command(connection: Any, command: Any, check_health: bool = True) -> None:
            if connection not in connecting:
                count(command)
            kind.send_packed_command(connection, command, check_health)

        methods = {
            "connect_check_health": connect_check_health,
            "send_packed_command": send_packed_command,
        }
        pool.connection_class = type("Counting", (kind,), methods)
        pool.disconnect()  # the next connection is the first that counts
        pool.reset()
        client.set_response_callback("TIME", lambda *_, **__: CLOCK)

    def begin(self) -> None:
        """Count from 0 again."""
        self.count = 0
        self.sent = b""

    @property
    def has_keys(self) -> bool:
        """Whether the command KEYS was sent."""
        return _KEYS in self.sent

    @property
    def has_script(self) -> bool:
        """Whether a Lua script was run."""
        return _EVAL in self.sent

    def _note(self, command: Any) -> None:
        if self.count and self.between is not None:
            self.between()
        self.count += 1
        parts = [command] if isinstance(command, bytes) else command
        self.sent += b"".join(parts).upper()
