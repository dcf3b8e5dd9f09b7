"""The key space of a queue: every key with its type, length, TTL and first entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imglab.lab.draw import short
from imglab.lab.rediscli import run
from imglab.queues import RedisTaskQueue
from imglab.queues.connection import speaking_to

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


@dataclass(frozen=True)
class Key:
    """One key, and what redis-cli would print of it."""

    name: str
    kind: str
    length: int
    #: Seconds until Redis deletes it; None for never.
    ttl: int | None
    value: str


@dataclass(frozen=True)
class KeySpace:
    """The keys of one queue at about one moment, and how many more there are."""

    keys: tuple[Key, ...]
    more: int = 0

    def __str__(self) -> str:
        lines = []
        for key in self.keys:
            ttl = "" if key.ttl is None else f", gone in {key.ttl:,} s"
            lines.append(f"{key.name}  {key.kind}, {key.length:,} long{ttl}")
            lines += [f"    {line}" for line in key.value.splitlines()]
        return "\n".join([*lines, *[f"and {self.more:,} more keys"] * bool(self.more)])

    __repr__ = __str__


def keys(queue: RedisTaskQueue, limit: int = 30) -> KeySpace:
    """Every key of a queue, its own first, then up to `limit` in all of its tasks and results.

    It goes round with SCAN, as one should: KEYS would keep everybody else waiting meanwhile.
    """
    client = queue.redis
    with speaking_to(client):
        own = [each for each in queue.keys.values() if client.exists(each)]
        places = [f"{queue.namespace}{kind}:*" for kind in ("task", "result")]
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
