"""The key space of a queue: every key with its type, length, TTL and first entries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

from imglab.console import redis_cli
from imglab.queues import RedisTaskQueue
from imglab.queues.connection import speaking_to
from imglab.text import short
from imglab.views.html_table import cell, row, table
from imglab.views.live_view import Live


class Look(NamedTuple):
    """How to look at a key of one type."""

    #: The command that says how long it is.
    length: str
    #: The command that shows its first entries.
    entries: str
    #: What follows the key's name in it.
    arguments: tuple[str, ...] = ()


LOOKS = {
    "list": Look("LLEN", "LRANGE", ("0", "3")),
    "hash": Look("HLEN", "HGETALL"),
    "zset": Look("ZCARD", "ZRANGE", ("0", "3", "WITHSCORES")),
    "stream": Look("XLEN", "XREVRANGE", ("+", "-", "COUNT", "1")),
    "set": Look("SCARD", "SRANDMEMBER", ("4",)),
    "string": Look("STRLEN", "GET"),
}
#: Lines of a value that are shown.
VALUE_LINES = 8
#: Letters of such a line.
LINE_LETTERS = 88


@dataclass(frozen=True)
class Key:
    """One key, and what redis-cli would print of it."""

    name: str
    kind: str
    length: int
    #: Seconds until Redis deletes it; None for never.
    ttl: int | None
    value: str

    def __str__(self) -> str:
        """What does not change while the key stays as it is: no value, which may hold a time."""
        return f"{self.name}  {self.kind}, {self.length:,} long"

    @property
    def end(self) -> str:
        """In how many seconds Redis deletes it, in words; nothing for never."""
        return "" if self.ttl is None else f"gone in {self.ttl:,} s"

    @property
    def words(self) -> str:
        """Its end and its first entries, in one line of text."""
        parts = [each for each in (self.end, self.line) if each]
        return "  ".join(parts)

    @property
    def line(self) -> str:
        """Its first entries in one line of text; those of a list between its two ends."""
        lines = [re.sub(r"^ *\d+\) ", "", each) for each in self.value.splitlines()]
        words = [each.strip('"').replace('\\"', '"') for each in lines]
        if self.kind == "list":
            if self.length > len(words):
                words.append("…")
            return boxes(words)
        if self.kind in ("hash", "zset"):
            pairs = zip(words[::2], words[1::2], strict=False)
            words = [f"{name}: {value}" for name, value in pairs]
        return short("  ".join(words), 60)


@dataclass(frozen=True)
class KeySpace:
    """The keys of one queue at about one moment, and how many more there are."""

    keys: tuple[Key, ...]
    more: int = 0

    @property
    def rest(self) -> str:
        """How many more keys there are, in words; nothing when these are all."""
        return f"and {self.more:,} more keys" if self.more else ""

    def __str__(self) -> str:
        lines = []
        for key in self.keys:
            lines.append(f"{key}, {key.end}" if key.end else str(key))
            lines += [f"    {line}" for line in key.value.splitlines()]
        if self.rest:
            lines.append(self.rest)
        return "\n".join(lines)

    def __repr__(self) -> str:
        return "\n".join(map(str, self.keys)) or "no keys"

    def _repr_html_(self) -> str:
        rows = [_row(key.name, f"{key.kind}, {key.length:,}", key.words) for key in self.keys]
        if self.rest:
            rows.append(_row(self.rest))
        if not rows:
            rows.append(_row("no keys"))
        return table("keys", rows)


def _row(name: str, kind: str = "", words: str = "") -> str:
    return row(cell(escape(each), "padding-right:2ch") for each in (name, kind, words))


def boxes(entries: Iterable[str]) -> str:
    """A list as a line of text, from its left end to its right, such as `left ┤ b │ a ├ right`."""
    return f"left ┤ {' │ '.join(entries)} ├ right"


def keys(queue: RedisTaskQueue, limit: int = 30, *, pattern: str = "") -> KeySpace:
    """Look at every key of a queue: its own first, then up to `limit` in all with those of tasks.

    With a pattern such as `lesson-03:*`, at the keys that match it instead. It goes round with
    SCAN, as one should: KEYS would keep everybody else waiting meanwhile.
    """
    client = queue.redis
    with speaking_to(client):
        if pattern:
            own = list[str]()
            found = _scan(client, [pattern])
        else:
            own = [key for key in queue.keys.all if client.exists(key)]
            found = _scan(client, [f"{queue.namespace}task:*", f"{queue.namespace}result:*"])
        wanted = [*own, *found][: max(limit, len(own))]
        shown = tuple(_look(client, key) for key in wanted)
    return KeySpace(shown, more=len(own) + len(found) - len(wanted))


def _scan(client: Any, patterns: Iterable[str]) -> list[str]:
    """The names that match; SCAN may tell one of them twice."""
    found = set[str]()
    for pattern in patterns:
        found.update(client.scan_iter(pattern, count=1000))
    return sorted(found)


def _look(client: Any, name: str) -> Key:
    kind = str(client.type(name))
    look = LOOKS.get(kind)
    if look is None:  # expired between two looks, or of a module's own type
        return Key(name, kind, 0, None, "")
    ttl = int(client.ttl(name))
    value = redis_cli.run(client, [look.entries, name, *look.arguments])
    lines = [short(line, LINE_LETTERS) for line in value.splitlines()]
    if len(lines) > VALUE_LINES:
        lines[VALUE_LINES:] = ["…"]
    length = int(client.execute_command(look.length, name))
    return Key(name, kind, length, ttl if ttl >= 0 else None, "\n".join(lines))


def live_keys(queue: RedisTaskQueue, pattern: str = "") -> Live:
    """Show a view of `keys` that follows what happens: with `with`, or until its `stop()`."""

    def picture() -> str:
        return keys(queue, pattern=pattern)._repr_html_()

    return Live(picture)
