"""The key space of a queue: every key with its type, length, TTL and first entries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from imglab.console import redis_cli
from imglab.language import tr
from imglab.queues import RedisTaskQueue
from imglab.text import short, shown
from imglab.views.html_table import (
    LETTER_EM,
    WRAP_STYLE,
    cell,
    full_table,
    letters_wide,
    plain,
    row,
    row_head,
)
from imglab.views.live_view import Live

#: The command that shows the first entries of a key of each type; {} stands for its name.
LOOKS = {
    "list": ("LRANGE", "{}", "0", "3"),
    "hash": ("HGETALL", "{}"),
    "zset": ("ZRANGE", "{}", "0", "3", "WITHSCORES"),
    "stream": ("XREVRANGE", "{}", "+", "-", "COUNT", "1"),
    "set": ("SRANDMEMBER", "{}", "4"),
    "string": ("GET", "{}"),
}
#: Lines of a value that are shown.
VALUE_LINES = 8
#: Letters of such a line.
LINE_LETTERS = 88
#: Letters of a key's name in a row, such as `lesson-03:image_processing:`; a longer one goes on
#: below.
NAME_LETTERS = 27
#: Letters of type and length in a row.
KIND_LETTERS = 10
#: Letters between two columns.
GAP = 2


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
        return tr(
            "{name}  {kind}, {length:,} long",
            name=shown(self.name),
            kind=self.kind,
            length=self.length,
        )

    @property
    def end(self) -> str:
        """In how many seconds Redis deletes it, in words; nothing for never."""
        return "" if self.ttl is None else tr("gone in {ttl:,} s", ttl=self.ttl)

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
        return tr("and {more:,} more keys", more=self.more) if self.more else ""

    def __str__(self) -> str:
        lines = []
        for key in self.keys:
            lines.append(f"{key}, {key.end}" if key.end else str(key))
            lines += [f"    {line}" for line in key.value.splitlines()]
        if self.rest:
            lines.append(self.rest)
        return "\n".join(lines)

    def __repr__(self) -> str:
        return "\n".join(map(str, self.keys)) or tr("no keys")

    def _repr_html_(self) -> str:
        rows = [_row(key.name, f"{key.kind}, {key.length:,}", key.words) for key in self.keys]
        if self.rest:
            rows.append(_row(self.rest))
        if not rows:
            rows.append(_row(tr("no keys")))
        return full_table("keys", rows)


def _row(name: str, kind: str = "", words: str = "") -> str:
    # Else a browser would divide a name at its first hyphen: `lesson-`.
    name_style = f"{WRAP_STYLE};word-break:break-all;{letters_wide(NAME_LETTERS)}"
    return row(
        [
            row_head(plain(name), f"{name_style};padding-right:{GAP * LETTER_EM:.1f}em"),
            cell(plain(kind), f"{WRAP_STYLE};{letters_wide(KIND_LETTERS + GAP)}"),
            cell(plain(words), WRAP_STYLE),
        ]
    )


def boxes(entries: Iterable[str]) -> str:
    """A list as a line of text, from its left end to its right, such as `left ┤ b │ a ├ right`."""
    return tr("left ┤ {entries} ├ right", entries=" │ ".join(entries))


def keys(queue: RedisTaskQueue, limit: int = 30, *, pattern: str = "") -> KeySpace:
    """Look at every key of a queue: its own first, then up to `limit` in all with those of tasks.

    With a pattern such as `lesson-03:*`, at the keys that match it instead. It goes round with
    SCAN, as one should: KEYS would keep everybody else waiting meanwhile.
    """
    found = queue.find_keys(pattern) if pattern else queue.find_keys()
    if not pattern:
        own = sum(key in queue.keys.all for key in found)
        limit = max(limit, own)
    shown = tuple(_look(queue, key) for key in found[:limit])
    return KeySpace(shown, more=len(found) - len(shown))


def _look(queue: RedisTaskQueue, name: str) -> Key:
    info = queue.look_at_key(name)
    words = LOOKS.get(info.kind)
    if words is None:  # expired between two looks, or of a module's own type
        return Key(name, info.kind, 0, None, "")
    value = redis_cli.run(queue.redis, [name if word == "{}" else word for word in words])
    lines = [short(line, LINE_LETTERS) for line in value.splitlines()]
    if len(lines) > VALUE_LINES:
        lines[VALUE_LINES:] = ["…"]
    return Key(name, info.kind, info.length, info.ttl, "\n".join(lines))


def live_keys(queue: RedisTaskQueue, pattern: str = "") -> Live:
    """Show a view of `keys` that follows what happens: with `with`, or until its `stop()`."""

    def picture() -> str:
        return keys(queue, pattern=pattern)._repr_html_()

    return Live(picture, of=("keys", queue, pattern))
