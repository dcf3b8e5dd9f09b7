"""Any command as typed and its reply as sent: to show what Redis says, not to build on."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, BinaryIO

from imglab.errors import QueueUnavailable
from imglab.language import tr
from imglab.queues.connection import address, speaking_to


class Status(str):
    """A word of the protocol, such as OK; redis-py does not tell it from data."""


class ErrorReply(str):
    """An error to show, not to raise."""


def raw_command(client: Any, words: Sequence[str]) -> object:
    """Send one command and return its reply; wait for one that may block as long as it takes."""
    upper = [word.upper() for word in words]
    may_block = upper[0].startswith(("B", "WAIT")) or "BLOCK" in upper
    timeout = None
    if not may_block:
        timeout = client.connection_pool.connection_kwargs.get("socket_timeout")
    with closing(raw_replies(client, words, timeout=timeout)) as replies:
        return next(replies)


def raw_replies(
    client: Any, words: Sequence[str], *, timeout: float | None = None
) -> Generator[object, None, None]:
    """Send one command; whatever comes after it, until the generator and its connection close."""
    # As typed, byte for byte: what is no UTF-8 came from the command line like this.
    command = [word.encode("utf-8", "surrogateescape") for word in words]
    pool = client.connection_pool
    # In the older protocol a hash is a flat list, as a terminal shows it.
    settings = {**pool.connection_kwargs, "protocol": 2, "socket_timeout": timeout}
    connection = pool.connection_class(**settings)
    try:
        with speaking_to(client):
            connection.connect()
            connection.send_command(*command)
            stream = connection._sock.makefile("rb")
            while True:
                yield _read(stream)
    except (OSError, ValueError) as error:  # silence, an early end, or not a Redis at all
        raise QueueUnavailable(
            tr("Redis at {where} broke off: {error}", where=address(client), error=error)
        ) from error
    finally:
        connection.disconnect()


def _read(stream: BinaryIO) -> object:
    line = stream.readline()
    if not line:
        raise ConnectionResetError(tr("it closed the connection"))
    kind = line[:1]
    text = line[1:-2].decode(errors="replace")
    if kind == b"+":
        return Status(text)
    if kind == b"-":
        return ErrorReply(text)
    size = int(text)
    if kind == b"*" and size >= 0:
        return [_read(stream) for _ in range(size)]
    if kind == b"$" and size >= 0:
        return stream.read(size + 2)[:-2]
    if kind == b":":
        return size
    return None  # a size of -1: there is nothing
