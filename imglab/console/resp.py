"""Any command as typed and its reply as sent: to show what Redis says, not to build on."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, BinaryIO

from imglab.errors import QueueUnavailable
from imglab.queues.connection import address, speaking_to


class Status(str):
    """A word of the protocol, such as OK; redis-py does not tell it from data."""


class ErrorReply(str):
    """An error to show, not to raise."""


def raw_command(client: Any, words: Sequence[str]) -> object:
    """One command's reply; one that may block is waited for as long as it takes."""
    blocks = words[0].upper().startswith(("B", "WAIT")) or "BLOCK" in map(str.upper, words)
    timeout = None if blocks else client.connection_pool.connection_kwargs.get("socket_timeout")
    with closing(raw_replies(client, words, timeout=timeout)) as replies:
        return next(replies)


def raw_replies(
    client: Any, words: Sequence[str], *, timeout: float | None = None
) -> Generator[object, None, None]:
    """Whatever comes after one command, over a connection that is closed with the generator."""
    pool = client.connection_pool
    # In the older protocol a hash is a flat list, as a terminal shows it.
    settings = {**pool.connection_kwargs, "protocol": 2, "socket_timeout": timeout}
    connection = pool.connection_class(**settings)
    try:
        with speaking_to(client):
            connection.connect()
            connection.send_command(*words)
            stream = connection._sock.makefile("rb")
            while True:
                yield _read(stream)
    except (OSError, ValueError) as error:  # silence, an early end, or not a Redis at all
        raise QueueUnavailable(f"Redis at {address(client)} broke off: {error}") from error
    finally:
        connection.disconnect()


def _read(stream: BinaryIO) -> object:
    line = stream.readline()
    if not line:
        raise ConnectionResetError("it closed the connection")
    kind, text = line[:1], line[1:-2].decode(errors="replace")
    if kind in (b"+", b"-"):
        return Status(text) if kind == b"+" else ErrorReply(text)
    size = int(text)
    if kind == b"*" and size >= 0:
        return [_read(stream) for _ in range(size)]
    if kind == b"$" and size >= 0:
        return stream.read(size + 2)[:-2]
    return size if kind == b":" else None
