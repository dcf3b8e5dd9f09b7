"""The key space of a queue: every key with its type, length, TTL and first entries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

from imglab.console.redis_cli import run
from imglab.queues import RedisTaskQueue
from imglab.queues.connection import speaking_to
from imglab.text import short
from imglab.views.board_table import CELL
from imglab.views.live_view import Live

#: How to see how long a key of each type is, and its first entries.
_LOOK = {
    "list": ("LLEN", ["LRANGE", "{}", "0", "3"]),
    "hash": ("HLEN", ["HGETALL", "{}"]),
    "zset": ("ZCARD", ["ZRANGE", "{}", "0", "3", "WITHSCORES"]),
    "stream": ("XLEN", ["XREVRANGE", "{}", "+", "-", "COUNT", "1"]),
    "set": ("SCARD", ["SRANDMEMBER", "{}", "4"]),
    "string": ("STRLEN", ["GET", "{}"]),
}
#: Lines of a value that are shown, and letters of a line.
LINES, LETTERS = 8, 88
TABLE = "border-collapse:collapse;border:none;margin:0;font-family:monospace;font-size:13px"


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
    def line(self) -> str:
        """Its first entries in one line of text; those of a list between its two ends."""
        lines = [re.sub(r"^ *\d+\) ", "", each) for each in self.value.splitlines()]
        words = [each.strip('"').replace('\\"', '"') for each in lines]
        if self.kind == "list":
            return boxes([*words, *["…"] * (self.length > len(words))])
        pairs = zip(words[::2], words[1::2], strict=False)
        is_of_pairs = self.kind in ("hash", "zset")
        return short("  ".join(map(": ".join, pairs) if is_of_pairs else words), 60)


@dataclass(frozen=True)
class KeySpace:
    """The keys of one queue at about one moment, and how many more there are."""

    keys: tuple[Key, ...]
    more: int = 0

    def __str__(self) -> str:
        lines = []
        for key in self.keys:
            lines.append(", ".join(filter(None, (str(key), key.end))))
            lines += [f"    {line}" for line in key.value.splitlines()]
        return "\n".join([*lines, *[f"and {self.more:,} more keys"] * bool(self.more)])

    def __repr__(self) -> str:
        return "\n".join(map(str, self.keys)) or "no keys"

    def _repr_html_(self) -> str:
        cells = [
            (key.name, f"{key.kind}, {key.length:,}", "  ".join(filter(None, (key.end, key.line))))
            for key in self.keys
        ]
        cells += [(f"and {self.more:,} more keys", "", "")] * bool(self.more)
        rows = [
            "".join(f'<td style="{CELL};padding-right:2ch">{escape(each)}</td>' for each in row)
            for row in cells or [("no keys", "", "")]
        ]
        body = "".join(f'<tr style="background:transparent">{each}</tr>' for each in rows)
        return f'<table class="imglab-keys" style="{TABLE}">{body}</table>'


def boxes(entries: Iterable[str]) -> str:
    """A list as a line of text, from its left end to its right, such as `left ┤ b │ a ├ right`."""
    return f"left ┤ {' │ '.join(entries)} ├ right"


def keys(queue: RedisTaskQueue, limit: int = 30, *, pattern: str = "") -> KeySpace:
    """Every key of a queue, its own first, then up to `limit` in all of its tasks and results.

    With a pattern such as `lesson-03:*`, the keys that match it instead. It goes round with SCAN,
    as one should: KEYS would keep everybody else waiting meanwhile.
    """
    client = queue.redis
    with speaking_to(client):
        own = [each for each in queue.keys.all if not pattern and client.exists(each)]
        kinds = [f"{queue.namespace}{kind}:*" for kind in ("task", "result")]
        places = [pattern] if pattern else kinds
        found = sorted({each for place in places for each in client.scan_iter(place, count=1000)})
        wanted = [*own, *found][: max(limit, len(own))]
        shown = tuple(_look(client, each) for each in wanted)
    return KeySpace(shown, len(own) + len(found) - len(wanted))


def _look(client: Any, name: str) -> Key:
    kind = str(client.type(name))
    if kind not in _LOOK:  # expired between two looks, or of a module's own type
        return Key(name, kind, 0, None, "")
    length, words = _LOOK[kind]
    ttl = int(client.ttl(name))
    value = run(client, [name if each == "{}" else each for each in words])
    lines = [short(each, LETTERS) for each in value.splitlines()]
    value = "\n".join(lines[:LINES] + ["…"] * (len(lines) > LINES))
    count = int(client.execute_command(length, name))
    return Key(name, kind, count, ttl if ttl >= 0 else None, value)


def live_keys(queue: RedisTaskQueue, pattern: str = "") -> Live:
    """A view of `keys` that follows what happens: in a `with` block, or until its `stop()`."""
    return Live(lambda: keys(queue, pattern=pattern)._repr_html_())
