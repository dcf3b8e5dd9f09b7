"""A client of Redis that is killed, or interrupted by somebody else, right before one command.

A transaction or a script is one command: nobody gets in between. The commands of a pipeline
without a transaction are as many as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from imglab.queues.connection import connect

#: The most commands of one operation that are tried.
MOST_COMMANDS = 60


class Killed(BaseException):
    """The process ends here: no `except Exception` holds it up."""


class Interruption:
    """What happens right before the `number`-th command; `was_reached` when there were as many."""

    def __init__(self, number: int, act: Callable[[], None]) -> None:
        self.number = number
        self.was_reached = False
        self.is_over = False
        self._act = act
        self._commands = 0
        self._is_counting = False
        self._is_dead = False

    def start(self) -> None:
        """Count from here on."""
        self._is_counting = True

    def before_command(self) -> None:
        """Count one more command, and act before the one that is meant."""
        if self.is_over or not self._is_counting:
            return
        if self._is_dead:
            raise Killed
        self._commands += 1
        if self._commands != self.number:
            return
        self.was_reached = True
        try:
            self._act()
        except Killed:
            self._is_dead = True
            raise


def die() -> None:
    """Be killed, as by `kill -9`."""
    raise Killed


class _Apart(list[bytes]):
    """Several commands that travel together and are not one step."""


def interrupted(url: str, interruption: Interruption) -> Any:
    """A client whose commands are counted by an interruption."""
    client: Any = connect(url=url)
    pool: Any = client.connection_pool
    pool.connection_class = _counted(pool.connection_class, interruption)
    return client


def _counted(plain: Any, interruption: Interruption) -> Any:
    """A kind of connection that asks before it sends a command."""

    class Counted(plain):  # type: ignore[misc]
        """A connection whose commands are counted."""

        is_greeting = False

        def on_connect(self) -> None:
            """Greet the server: that is redis-py's business, and no step of an answer."""
            self.is_greeting = True
            super().on_connect()
            self.is_greeting = False

        def pack_commands(self, commands: Iterable[Any]) -> Any:
            """The bytes of a pipeline; each command apart where it is no transaction."""
            together = list(commands)
            if len(together) < 2 or together[0][0] == "MULTI":
                return super().pack_commands(together)
            return _Apart(b"".join(self._command_packer.pack(*each)) for each in together)

        def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            """Send one command, or several one by one, and ask before each of them."""
            if isinstance(command, _Apart):
                _send_apart(super().send_packed_command, self.read_response, command, interruption)
                return
            if not self.is_greeting:
                interruption.before_command()
            super().send_packed_command(command, check_health)

    return Counted


def _send_apart(
    send: Callable[[Any], None],
    read: Callable[[], Any],
    commands: _Apart,
    interruption: Interruption,
) -> None:
    for sent, command in enumerate(commands):
        try:
            interruption.before_command()
        except Killed:
            for _ in range(sent):
                read()  # so that they were executed before anybody looks
            raise
        send([command])
