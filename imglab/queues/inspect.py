"""Reading a queue in Redis, tolerantly: claims, workers, events, and all of it at one moment.

Any person with redis-cli can write into these keys. What cannot be read has "?" for a name and 0
for a number, and never ends the reading of the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import redis

from imglab.errors import QueueError
from imglab.queues.keys import Keys
from imglab.queues.stored_settings import from_text
from imglab.queues.vocabulary import FINISHED, PRIORITIES, Status

#: What stands for a name that cannot be read.
UNKNOWN = "?"
#: How many ids of each place a snapshot names; of the others it knows the number.
NAMED = 200
#: How many events a snapshot looks back.
RECENT_EVENTS = 100
#: Entries of the events that are read in one round trip.
PAGE = 1000
#: No count and no clock goes so far; and whoever divides such a number gets no error.
MOST = 10**30
#: The mark before all events.
FIRST_MARK = "0-0"
#: The command that says how long a key of each type is.
_LENGTHS = {
    "list": "LLEN",
    "hash": "HLEN",
    "zset": "ZCARD",
    "stream": "XLEN",
    "set": "SCARD",
    "string": "STRLEN",
}
#: The fields of events that are numbers; Redis gives text.
_NUMBERS = ("attempt", "crashes", "wait")


@dataclass(frozen=True, slots=True)
class Claim:
    """A task in a worker's hands, as `processing` has it. Times are ms of the server's clock."""

    task: str
    worker: str = UNKNOWN
    attempt: int = 0
    #: The fencing token.
    token: str = ""
    claimed_at: int = 0
    deadline: int = 0

    def lease_left(self, now: int) -> float:
        """The share of the lease that is left, from 1 down to 0."""
        lease = max(1, self.deadline - self.claimed_at)
        left = (self.deadline - now) / lease
        return min(1.0, max(0.0, left))


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What Redis says of one key."""

    name: str
    #: list, hash, zset, stream, set, string; "none" for a key that is gone by now.
    kind: str
    #: Entries, fields or bytes, as counts for its type.
    length: int
    #: Seconds until Redis deletes it; None for never.
    ttl: int | None


@dataclass(frozen=True)
class Snapshot:
    """One moment of a queue."""

    #: Milliseconds of the server's clock.
    at: int
    #: high, normal, low, processing, delayed, completed, failed, cancelled → how many tasks.
    counts: dict[str, int]
    #: The same places → the first ids: next to be taken, soonest due, latest finished first.
    ids: dict[str, list[str]]
    claims: list[Claim]
    #: Worker → {"seen" (ms), "task", "pid", "host"}.
    workers: dict[str, dict[str, Any]]
    #: The latest events, oldest first.
    events: list[dict[str, Any]]
    #: Completed, failed and cancelled since the queue began.
    totals: dict[str, int]
    is_paused: bool
    #: How many tasks may be in line and delayed; None for any number.
    max_pending: int | None = None

    @property
    def in_line(self) -> int:
        """Tasks that wait for a worker, now or for later: those that a bound counts."""
        return sum(self.counts[place] for place in (*PRIORITIES, Status.DELAYED))


def read_claim(task_id: str, text: object) -> Claim:
    """The claim in an entry of `processing`."""
    values = _read_object(text)
    return Claim(
        task=task_id,
        worker=_as_text(values.get("worker"), UNKNOWN),
        attempt=read_number(values.get("attempt")),
        token=_as_text(values.get("claim"), ""),
        claimed_at=read_number(values.get("claimed_at")),
        deadline=read_number(values.get("deadline")),
    )


def read_worker(text: object) -> dict[str, Any]:
    """What is known of a worker: {"seen" (ms), "task" (the ids it claimed last), "pid", "host"}."""
    values = _read_object(text)
    return {
        "seen": read_number(values.get("seen")),
        "task": _as_text(values.get("task"), ""),
        "pid": read_number(values.get("pid")),
        "host": _as_text(values.get("host"), UNKNOWN),
    }


def read_event(entry: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """An entry of the events: {"at" (ms), "event", "task", …}, numbers as numbers."""
    event: dict[str, Any] = {"at": 0, "event": "", "task": UNKNOWN, **fields}
    # The entry's own time: a field of that name is not ours.
    event["at"] = read_number(entry.partition("-")[0])
    for name in _NUMBERS:
        if name in event:
            event[name] = read_number(event[name])
    return event


def read_number(value: object) -> int:
    """A number that Redis keeps as text; 0 for what is none, or beyond all that is counted here."""
    try:
        number = int(cast("str", value))
    except (TypeError, ValueError, OverflowError):
        return 0
    if abs(number) > MOST:
        return 0
    return number


def read_errors(text: object) -> tuple[dict[str, Any], ...]:
    """The last errors of a task: {"error", "at" (ms), "claim"}; what is none is left out."""
    try:
        errors = json.loads(cast("str", text))
    except (TypeError, ValueError, RecursionError):
        return ()
    if not isinstance(errors, list):
        return ()
    return tuple(each for each in errors if isinstance(each, dict) and "error" in each)


def workers(client: redis.Redis, keys: Keys) -> dict[str, dict[str, Any]]:
    """Who works on a queue, by name."""
    records = cast("dict[str, str]", client.hgetall(keys.workers))
    return {name: read_worker(record) for name, record in sorted(records.items())}


def claims(client: redis.Redis, keys: Keys) -> list[Claim]:
    """Every task in a worker's hands."""
    entries = cast("dict[str, str]", client.hgetall(keys.processing))
    return [read_claim(task_id, entry) for task_id, entry in entries.items()]


def set_aside(client: redis.Redis, keys: Keys, limit: int) -> tuple[int, list[dict[str, Any]]]:
    """How much was set aside because it is no task, and the latest of it."""
    entries = [_read_object(text) for text in client.lrange(keys.odd, 0, limit - 1)]
    latest = [
        {
            "id": _as_text(values.get("id"), UNKNOWN),
            "reason": _as_text(values.get("reason"), UNKNOWN),
            "at": read_number(values.get("at")),
        }
        for values in entries
    ]
    return int(client.llen(keys.odd)), latest


def events(client: redis.Redis, keys: Keys) -> Iterator[dict[str, Any]]:
    """What happened, oldest first, as far back as is kept."""
    first = "-"
    while True:
        page = cast("list[Any]", client.xrange(keys.events, first, "+", count=PAGE))
        for entry, fields in page:
            yield read_event(entry, fields)
        if len(page) < PAGE:
            return
        first = f"({page[-1][0]}"


def events_after(client: redis.Redis, keys: Keys, mark: str) -> tuple[str, list[dict[str, Any]]]:
    """What happened since a mark, oldest first, and the mark of the last of it."""
    found = []
    while True:
        page = cast("list[Any]", client.xrange(keys.events, f"({mark}", "+", count=PAGE))
        for entry, fields in page:
            found.append(read_event(entry, fields))
            mark = entry
        if len(page) < PAGE:
            return mark, found


def now(client: redis.Redis) -> int:
    """The server's clock, in milliseconds."""
    seconds, microseconds = client.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


def snapshot(client: redis.Redis, keys: Keys) -> Snapshot:
    """The whole queue in one round trip: how many tasks are where, the first of them by name."""
    with client.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.hgetall(keys.processing)
        pipe.hgetall(keys.workers)
        pipe.zcard(keys.delayed)
        pipe.zrange(keys.delayed, 0, NAMED - 1)
        pipe.hmget(keys.meta, [*FINISHED, "paused", "settings"])
        pipe.xrevrange(keys.events, count=RECENT_EVENTS)
        for line in keys.lines:
            pipe.llen(line)
            pipe.lrange(line, -NAMED, -1)
        for status in FINISHED:
            pipe.llen(keys.finished(status))
            pipe.lrange(keys.finished(status), 0, NAMED - 1)
        clock, held, known, delayed, due, meta, recent, *lists = pipe.execute()
    *totals, paused, settings = meta
    places = (*PRIORITIES, *FINISHED)
    counts: dict[str, int] = dict(zip(places, lists[::2], strict=True))
    ids: dict[str, list[str]] = dict(zip(places, lists[1::2], strict=True))
    for priority in PRIORITIES:
        ids[priority].reverse()  # the right end is taken first
    counts[Status.PROCESSING] = len(held)
    counts[Status.DELAYED] = delayed
    ids[Status.PROCESSING] = list(held)
    ids[Status.DELAYED] = due
    return Snapshot(
        at=clock[0] * 1000 + clock[1] // 1000,
        counts=counts,
        ids=ids,
        claims=[read_claim(task_id, entry) for task_id, entry in held.items()],
        workers={name: read_worker(record) for name, record in sorted(known.items())},
        events=[read_event(entry, fields) for entry, fields in reversed(recent)],
        totals=dict(zip(FINISHED, map(read_number, totals), strict=True)),
        is_paused=bool(paused),
        max_pending=_read_bound(settings),
    )


def find_keys(client: redis.Redis, patterns: Iterable[str]) -> list[str]:
    """The names of the keys that match, sorted; with SCAN, which keeps nobody else waiting."""
    found: set[str] = set()
    for pattern in patterns:
        found.update(client.scan_iter(pattern, count=PAGE))  # it may tell a name twice
    return sorted(found)


def look_at_key(client: redis.Redis, name: str) -> KeyInfo:
    """What Redis says of a key; length 0 for one that is gone, or of a type of some module."""
    kind = str(client.type(name))
    command = _LENGTHS.get(kind)
    if command is None:
        return KeyInfo(name, kind, 0, None)
    ttl = int(client.ttl(name))
    length = int(client.execute_command(command, name))  # type: ignore[no-untyped-call]
    return KeyInfo(name, kind, length, ttl if ttl >= 0 else None)


def with_record(client: redis.Redis, keys: Keys, task_ids: Iterable[str]) -> list[str]:
    """Those of the tasks that have a record of their own."""
    wanted = list(task_ids)
    with client.pipeline(transaction=False) as pipe:
        for task_id in wanted:
            pipe.exists(keys.task(task_id))
        found = pipe.execute()
    return [task_id for task_id, is_there in zip(wanted, found, strict=True) if is_there]


def _read_bound(text: str | None) -> int | None:
    """The bound in the stored settings; None where there is none, or where they are broken."""
    if text is None:
        return None
    try:
        return from_text(text).max_pending
    except QueueError:
        return None


def _read_object(text: object) -> dict[str, Any]:
    try:
        value = json.loads(cast("str", text))
    except (TypeError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _as_text(value: object, default: str) -> str:
    return value if isinstance(value, str) else default
