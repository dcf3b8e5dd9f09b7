"""What redis-cli would print, also where there is no redis-cli: in a notebook, in a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from imglab.console.resp import ErrorReply, Status, raw_command, raw_replies
from imglab.errors import QueueError
from imglab.language import tr
from imglab.queues.connection import connect
from imglab.text import shown, shown_output

#: Commands whose reply is a text for people: printed as it is, not quoted.
_TEXTS = ("info", "lolwut", "client list", "client info", "memory doctor", "latency doctor")
#: How redis-cli writes the bytes that are no letters: by number, and some by name.
_ESCAPES = {code: f"\\x{code:02x}" for code in range(256) if not 32 <= code < 127}
_ESCAPES |= str.maketrans(
    {
        "\\": r"\\",
        '"': r"\"",
        "\n": r"\n",
        "\r": r"\r",
        "\t": r"\t",
        "\a": r"\a",
        "\b": r"\b",
    }
)


def open_client(url: str) -> Any:
    """A client for whatever a person types to the Redis at this address."""
    return connect(url=url)


def run(client: Any, words: Sequence[str]) -> str:
    """Send one command; return what redis-cli prints, without the last newline, errors as well.

    Raises QueueUnavailable when no Redis answers.
    """
    reply = raw_command(client, words)
    if isinstance(reply, bytes) and " ".join(words[:2]).lower().startswith(_TEXTS):
        return shown_output(reply.decode(errors="replace")).rstrip("\n")
    return format_reply(reply)


def monitor(client: Any) -> Iterator[str]:
    """A line for every command that anybody sends from this call on, as redis-cli MONITOR does.

    QueueError when Redis refuses it.
    """
    replies = raw_replies(client, ["MONITOR"])
    first = next(replies)
    if isinstance(first, ErrorReply):
        raise QueueError(tr("Redis refuses MONITOR: {error}", error=first))
    return map(shown, replies)


def format_reply(reply: Any, indent: int = 0) -> str:
    """A reply as redis-cli shows it; `indent` is how far to the right a nested one stands."""
    match reply:
        case list():
            text = _format_list(reply, indent)
        case Status():
            text = shown(reply)
        case ErrorReply():
            text = f"(error) {shown(reply)}"
        case str() | bytes():
            text = _quoted(reply)
        case float():
            text = f"(double) {reply!r}".removesuffix(".0")
        case int():
            text = f"(integer) {reply}"
        case None:
            text = "(nil)"
        case _:
            text = f"(error) {reply}"
    return text


def _format_list(items: list[Any], indent: int) -> str:
    if not items:
        return "(empty array)"
    width = len(str(len(items)))
    lines = []
    for number, item in enumerate(items, 1):
        lines.append(f"{number:{width}}) {format_reply(item, indent + width + 2)}")
    return f"\n{' ' * indent}".join(lines)


def _quoted(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    return f'"{data.decode("latin-1").translate(_ESCAPES)}"'
