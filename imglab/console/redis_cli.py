"""What redis-cli would print, also where there is no redis-cli: in a notebook, in a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from imglab.console.resp import ErrorReply, Status, raw_command, raw_replies
from imglab.errors import QueueError

#: Commands whose reply is a text for people: printed as it is, not quoted.
_TEXTS = ("info", "lolwut", "client list", "client info", "memory doctor", "latency doctor")
_ESCAPES = {code: f"\\x{code:02x}" for code in range(256) if not 32 <= code < 127}
_ESCAPES |= {ord(char): f"\\{name}" for char, name in zip('\\"\n\r\t\a\b', '\\"nrtab', strict=True)}


def run(client: Any, words: Sequence[str]) -> str:
    """What redis-cli prints for one command, without the last newline; errors are text as well.

    Raises QueueUnavailable when no Redis answers.
    """
    reply = raw_command(client, words)
    if isinstance(reply, bytes) and " ".join(words[:2]).lower().startswith(_TEXTS):
        return reply.decode(errors="replace").replace("\r\n", "\n").rstrip("\n")
    return format_reply(reply)


def monitor(client: Any) -> Iterator[str]:
    """A line for every command that anybody sends from this call on, as redis-cli MONITOR does."""
    replies = raw_replies(client, ["MONITOR"])
    if isinstance(first := next(replies), ErrorReply):
        raise QueueError(f"Redis refuses MONITOR: {first}")
    return map(str, replies)


def format_reply(reply: Any, indent: int = 0) -> str:
    """A reply as redis-cli shows it; `indent` is how far to the right a nested one stands."""
    match reply:
        case list() if reply:
            width = len(str(len(reply)))
            inner = (format_reply(item, indent + width + 2) for item in reply)
            lines = (f"{number:{width}}) {item}" for number, item in enumerate(inner, 1))
            text = f"\n{' ' * indent}".join(lines)
        case Status():
            text = reply
        case str() | bytes() if not isinstance(reply, ErrorReply):
            data = reply.encode() if isinstance(reply, str) else reply
            text = f'"{data.decode("latin-1").translate(_ESCAPES)}"'
        case float():
            text = f"(double) {reply!r}".removesuffix(".0")
        case None | []:
            text = "(nil)" if reply is None else "(empty array)"
        case _:
            text = f"({'integer' if isinstance(reply, int) else 'error'}) {reply}"
    return text
