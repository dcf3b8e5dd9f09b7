"""`imglab doctor`: what is wrong with a Redis or a queue, each finding with its remedy."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from imglab.errors import ImglabError, QueueError, QueueUnavailable
from imglab.memory import in_words
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.queues.connection import BLOCK
from imglab.queues.invariants import unsound
from imglab.queues.vocabulary import impossible_steps
from imglab.queues.worker_states import Activity, worker_states
from imglab.workers.room import count_of, room_for

#: How many of what was set aside are named.
SHOWN = 5


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
        return {
            "level": self.level,
            "what": self.what,
            "remedy": self.remedy,
            "repairable": self.repair is not None,
        }


def examine(queue: RedisTaskQueue) -> list[Finding]:
    """Everything the doctor looks at, the server first, then the queue; nothing is changed."""
    findings: list[Finding] = []
    for look in LOOKS:
        try:
            findings += look(queue)
        except QueueError as error:
            # A queue that nobody could look at is not known to be sound.
            level = "broken" if look in (_invariants, _orphans) else "warning"
            findings.append(Finding(level, f"{look.__name__[1:]} cannot be looked at: {error}"))
    return findings


def _server(queue: RedisTaskQueue) -> Iterator[Finding]:
    info = queue.server_info()
    if "valkey_version" in info:
        yield Finding("ok", f"Valkey {info['valkey_version']} answers.")
    else:
        yield Finding("ok", f"Redis {info['redis_version']} answers.")
    if info["aof_enabled"]:
        yield Finding("ok", "The append-only file is on: at most a second or two can be lost.")
    else:
        what = "Redis keeps snapshots only: a crash loses every task since the last one."
        yield Finding("warning", what, "CONFIG SET appendonly yes, and put it into redis.conf.")
    policy = info["maxmemory_policy"]
    limit = info["maxmemory"]
    if policy != "noeviction":
        what = f"When its memory is full, Redis deletes keys ({policy}): tasks would vanish."
        yield Finding("broken", what, "CONFIG SET maxmemory-policy noeviction")
    if limit and info["used_memory"] > 0.8 * limit:
        what = (
            f"Redis uses {info['used_memory'] / limit:.0%} of its memory; then it takes no tasks."
        )
        yield Finding("warning", what, "Raise maxmemory, or keep fewer finished tasks.")


def _clock(queue: RedisTaskQueue) -> Iterator[Finding]:
    skew = abs(queue.server_time() / 1000 - time.time())
    what = f"The clocks of Redis and of this machine differ by {skew:.1f} s."
    if skew < 1:
        yield Finding("ok", what)
        return
    remedy = (
        "Harmless for the queue, which uses Redis' clock alone; logs will not line up: use NTP."
    )
    yield Finding("warning", what, remedy)


def _timeouts(queue: RedisTaskQueue) -> Iterator[Finding]:
    idle = int(queue.server_setting("timeout"))
    if 0 < idle <= 2 * BLOCK:
        what = f"Redis closes connections that are idle for {idle} s: shorter than workers block."
        yield Finding("broken", what, "CONFIG SET timeout 0")
    else:
        yield Finding("ok", f"No timeout is shorter than a worker's block of {BLOCK:g} s.")


def _settings(queue: RedisTaskQueue) -> Iterator[Finding]:
    try:
        queue.stored_settings()
    except QueueUnavailable:
        raise
    except QueueError as error:
        remedy = "--repair stores the default ones; `imglab settings --help` tells how to others."
        yield Finding("broken", str(error), remedy, partial(_store_settings, queue))


def _invariants(queue: RedisTaskQueue) -> Iterator[Finding]:
    wrong = queue.check()
    for what in wrong:
        remedy = "Probably freed by hand. --repair makes each task's record say where it is."
        yield Finding("broken", what, remedy, partial(mend, queue))
    if not wrong:
        yield Finding(
            "ok", f"All invariants hold ({queue.get_stats().unfinished} unfinished tasks)."
        )


def _story(queue: RedisTaskQueue) -> Iterator[Finding]:
    for what in impossible_steps(queue.events()):
        yield Finding("warning", what, "Somebody moved it by hand; imglab trace tells the rest.")


def _leases(queue: RedisTaskQueue) -> Iterator[Finding]:
    now = queue.server_time()
    late = [claim.task for claim in queue.claims() if claim.deadline < now]
    if late:
        names = ", ".join(late[:5])
        what = (
            f"{len(late)} claimed tasks are past their lease, and nobody took them over: {names}."
        )
        remedy = "Start a worker: it takes them over. --repair gives them back right now."
        yield Finding("warning", what, remedy, partial(_give_back, queue))


def _orphans(queue: RedisTaskQueue) -> Iterator[Finding]:
    for task_id in queue.orphans():
        what = f"Task {task_id} has a record, but is in no list: nobody will ever take it."
        remedy = "--repair puts it back in line, or deletes it if it was finished."
        yield Finding("broken", what, remedy, partial(mend, queue))


def _odd(queue: RedisTaskQueue) -> Iterator[Finding]:
    count, latest = queue.set_aside(SHOWN)
    if count:
        shown = "; ".join(f"{each['id']} ({each['reason']})" for each in latest)
        what = f"{count} entries of the queue's keys were of no use and were set aside: {shown}."
        key = queue.keys.odd
        remedy = (
            f"Somebody else writes here? LRANGE {key} 0 -1 shows all of them, DEL {key} ends it."
        )
        yield Finding("warning", what, remedy)


def _workers(queue: RedisTaskQueue) -> Iterator[Finding]:
    for worker in worker_states(queue.snapshot(), queue.settings.lease):
        if worker.is_here:
            continue
        what = f"Worker {worker.name} is {worker.words}."
        if worker.activity is Activity.GONE and not worker.tasks:
            remedy = "--repair takes it off the list; so does a worker process, after an hour."
            yield Finding("warning", what, remedy, partial(queue.leave, worker.name))
        else:
            remedy = "Frozen, cut off or killed? What it held goes to the next worker that asks."
            yield Finding("warning", what, remedy)


def _memory(queue: RedisTaskQueue) -> Iterator[Finding]:
    snapshot = queue.snapshot()
    states = worker_states(snapshot, queue.settings.lease)
    hosts = [snapshot.workers.get(each.name, {}).get("host") for each in states if each.is_here]
    try:
        room = room_for(max(1, hosts.count(socket.gethostname())))
    except ImglabError as error:
        yield Finding("warning", str(error), "Until then no picture is opened here.")
        return
    if room is None:
        return
    if room.is_enough:
        yield Finding(
            "ok",
            f"The memory of this machine ({in_words(room.memory)}) has room for "
            f"{count_of(room.fitting)}, with a photograph of {room.pixels:,} pixels each.",
        )
    else:
        yield Finding("warning", f"{room.what}.", f"{room.remedy[0].upper()}{room.remedy[1:]}")


LOOKS = (
    *(_server, _clock, _timeouts, _settings),
    *(_invariants, _story, _leases, _orphans, _odd, _workers, _memory),
)


# Repairs


def _store_settings(queue: RedisTaskQueue) -> None:
    queue.change_settings(QueueSettings())


def _give_back(queue: RedisTaskQueue) -> None:
    queue.reap()


def mend(queue: RedisTaskQueue) -> None:
    """Make each task be in one place, and its record say so; each in one step of Redis' own."""
    _, standings = queue.standings()
    queue.repair([*unsound(standings, queue.settings), *queue.orphans()])
