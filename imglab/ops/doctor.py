"""`imglab doctor`: what is wrong with a Redis or a queue, each finding with its remedy."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from imglab.errors import QueueError
from imglab.queues import RedisTaskQueue
from imglab.queues.connection import BLOCK, speaking_to
from imglab.queues.invariants import Standing
from imglab.queues.story import illegal

#: A worker that was not seen for so many seconds is not coming back under its old name.
FORGOTTEN = 3600


@dataclass(frozen=True)
class Finding:
    """One thing the doctor looked at."""

    #: ok, warning or broken.
    level: str
    what: str
    remedy: str = ""
    #: What `--repair` does about it, if it can.
    repair: Callable[[], None] | None = field(default=None, repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """The finding as plain data; `repairable` tells whether `--repair` helps."""
        values = asdict(self)
        return {**values, "repair": None, "repairable": self.repair is not None}


def examine(queue: RedisTaskQueue) -> list[Finding]:
    """Everything the doctor looks at, the server first, then the queue; nothing is changed."""
    findings: list[Finding] = []
    for look in (_server, _clock, _timeouts, _invariants, _story, _leases, _orphans, _workers):
        try:
            with speaking_to(queue.redis):
                findings += look(queue)
        except QueueError as error:
            findings.append(Finding("warning", f"{look.__name__[1:]} cannot be looked at: {error}"))
    return findings


def _server(queue: RedisTaskQueue) -> Iterator[Finding]:
    info = queue.redis.info()
    kind = "Valkey" if "valkey_version" in info else "Redis"
    version = info.get("valkey_version", info["redis_version"])
    yield Finding("ok", f"{kind} {version} answers.")
    if info["aof_enabled"]:
        yield Finding("ok", "The append-only file is on: at most a second or two can be lost.")
    else:
        what = "Redis keeps snapshots only: a crash loses every task since the last one."
        yield Finding("warning", what, "CONFIG SET appendonly yes, and put it into redis.conf.")
    policy, limit = info["maxmemory_policy"], info["maxmemory"]
    if policy != "noeviction":
        what = f"When its memory is full, Redis deletes keys ({policy}): tasks would vanish."
        yield Finding("broken", what, "CONFIG SET maxmemory-policy noeviction")
    if limit and info["used_memory"] > 0.8 * limit:
        what = (
            f"Redis uses {info['used_memory'] / limit:.0%} of its memory; then it takes no tasks."
        )
        yield Finding("warning", what, "Raise maxmemory, or keep fewer finished tasks.")


def _clock(queue: RedisTaskQueue) -> Iterator[Finding]:
    skew = _now(queue) / 1000 - time.time()
    level = "ok" if abs(skew) < 1 else "warning"
    what = f"The clocks of Redis and of this machine differ by {abs(skew):.1f} s."
    remedy = (
        "Harmless for the queue, which uses Redis' clock alone; logs will not line up: use NTP."
    )
    yield Finding(level, what, remedy if level == "warning" else "")


def _timeouts(queue: RedisTaskQueue) -> Iterator[Finding]:
    idle = int(_client(queue).config_get("timeout")["timeout"])
    if 0 < idle <= 2 * BLOCK:
        what = f"Redis closes connections that are idle for {idle} s: shorter than workers block."
        yield Finding("broken", what, "CONFIG SET timeout 0")
    else:
        yield Finding("ok", f"No timeout is shorter than a worker's block of {BLOCK:g} s.")


def _invariants(queue: RedisTaskQueue) -> Iterator[Finding]:
    wrong = queue.check()
    for what in wrong:
        remedy = "Probably freed by hand. --repair makes each task's record say where it is."
        yield Finding("broken", what, remedy, lambda: mend(queue))
    if not wrong:
        yield Finding(
            "ok", f"All invariants hold ({queue.get_stats().unfinished} unfinished tasks)."
        )


def _story(queue: RedisTaskQueue) -> Iterator[Finding]:
    for what in illegal(queue.events()):
        yield Finding("warning", what, "Somebody moved it by hand; imglab trace tells the rest.")


def _leases(queue: RedisTaskQueue) -> Iterator[Finding]:
    now = _now(queue)
    claims = _client(queue).hgetall(queue.keys[":processing"])
    deadlines = {each: re.search(r'"deadline":\s*(\d+)', entry) for each, entry in claims.items()}
    late = [each for each, found in deadlines.items() if not found or int(found[1]) < now]
    if late:
        names = ", ".join(late[:5])
        what = (
            f"{len(late)} claimed tasks are past their lease, and nobody took them over: {names}."
        )
        remedy = "Start a worker: it takes them over. --repair gives them back right now."
        yield Finding("warning", what, remedy, lambda: _ignore(queue.reap()))


def _orphans(queue: RedisTaskQueue) -> Iterator[Finding]:
    for task_id in sorted(_orphan_ids(queue)):
        what = f"Task {task_id} has a record, but is in no list: nobody will ever take it."
        remedy = "--repair puts it back in line, or deletes it if it was finished."
        yield Finding("broken", what, remedy, lambda: mend(queue))


def _workers(queue: RedisTaskQueue) -> Iterator[Finding]:
    now = _now(queue)
    for name, record in queue.workers().items():
        silent = (now - record["seen"]) / 1000
        if silent > FORGOTTEN:
            what = f"{name} was last seen {silent / 3600:.1f} hours ago."
            remedy = "--repair takes it off the list; so does the next worker process."
            yield Finding("warning", what, remedy, partial(queue.leave, name))


def _client(queue: RedisTaskQueue) -> Any:
    return queue.redis  # its replies depend on its settings, which its types do not know


def _now(queue: RedisTaskQueue) -> int:
    seconds, microseconds = queue.redis.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


def _ignore(_: object) -> None:
    """A repair gives nothing back."""


# Repairs


def mend(queue: RedisTaskQueue) -> None:
    """Make each task be in one place, and its record say so; the queue is paused meanwhile.

    Best done while no worker is busy: it looks first and acts then.
    """
    with speaking_to(queue.redis):
        queue.pause()
        try:
            _, standings = queue.standings()
            by_task: dict[str, list[Standing]] = {}
            for standing in standings:
                by_task.setdefault(standing.id, []).append(standing)
            for places in by_task.values():
                _settle(queue, places)
            for task_id in _orphan_ids(queue):
                _adopt(queue, task_id)
            queue.redis.ltrim(queue.keys[":wake"], 0, 0)
        finally:
            queue.resume()


#: Where a task counts when it is in several places: what is finished stays finished.
_STRONGEST = ("completed", "failed", "processing", "delayed", "pending")


def _settle(queue: RedisTaskQueue, places: list[Standing]) -> None:
    task = min(places, key=lambda standing: _STRONGEST.index(standing.place))
    place = "completed" if task.has_result else task.place
    if place == "completed" and not task.has_result:
        place = "pending"  # its result is gone: the work is to be done again
    if len(places) == 1 and place == task.place and task.status:
        claim = task.held if place == "processing" else ""
        queue.redis.hset(_record(queue, task.id), mapping={"status": place, "claim": claim})
        return
    _take_out(queue, task.id)
    if task.status:
        _put(queue, task.id, place)


def _adopt(queue: RedisTaskQueue, task_id: str) -> None:
    status = queue.redis.hget(_record(queue, task_id), "status")
    if status in ("completed", "failed"):
        queue.redis.delete(_record(queue, task_id), f"{queue.namespace}result:{task_id}")
    else:
        _put(queue, task_id, "pending")


def _put(queue: RedisTaskQueue, task_id: str, place: str) -> None:
    # A claim or a date cannot be made up: what was held or delayed is simply to be done.
    place = place if place in ("completed", "failed") else "pending"
    queue.redis.hset(_record(queue, task_id), mapping={"status": place, "claim": ""})
    queue.redis.lpush(queue.keys[f":{place}"], task_id)


def _take_out(queue: RedisTaskQueue, task_id: str) -> None:
    for suffix in (":pending", ":pending:high", ":pending:low", ":completed", ":failed"):
        queue.redis.lrem(queue.keys[suffix], 0, task_id)
    queue.redis.zrem(queue.keys[":delayed"], task_id)
    queue.redis.hdel(queue.keys[":processing"], task_id)


def _record(queue: RedisTaskQueue, task_id: str) -> str:
    return f"{queue.namespace}task:{task_id}"


def _orphan_ids(queue: RedisTaskQueue) -> set[str]:
    """Tasks with a record but no place, among those that this queue's events know.

    Another queue may keep its tasks under the same namespace: they are none of ours.
    """
    placed = {standing.id for standing in queue.standings()[1]}
    known = {event["task"] for event in queue.events()} - placed
    return {each for each in known if queue.redis.exists(_record(queue, each))}
