"""`imglab doctor`: what is wrong with a Redis or a queue, each finding with its remedy."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from imglab.errors import ImglabError, QueueError, QueueUnavailable
from imglab.language import tr, tr_count
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
    for look, name in LOOKS.items():
        try:
            findings += look(queue)
        except QueueError as error:
            # A queue that nobody could look at is not known to be sound.
            level = "broken" if look in (_invariants, _orphans) else "warning"
            what = tr("{what} cannot be looked at: {error}", what=name, error=error)
            findings.append(Finding(level, what))
    return findings


def _server(queue: RedisTaskQueue) -> Iterator[Finding]:
    info = queue.server_info()
    if "valkey_version" in info:
        yield Finding("ok", tr("Valkey {version} answers.", version=info["valkey_version"]))
    else:
        yield Finding("ok", tr("Redis {version} answers.", version=info["redis_version"]))
    if info["aof_enabled"]:
        what = tr("The append-only file is on: at most a second or two can be lost.")
        yield Finding("ok", what)
    else:
        what = tr("Redis keeps snapshots only: a crash loses every task since the last one.")
        remedy = tr("CONFIG SET appendonly yes, and put it into redis.conf.")
        yield Finding("warning", what, remedy)
    policy = info["maxmemory_policy"]
    limit = info["maxmemory"]
    if policy != "noeviction":
        what = tr(
            "When its memory is full, Redis deletes keys ({policy}): tasks would vanish.",
            policy=policy,
        )
        yield Finding("broken", what, "CONFIG SET maxmemory-policy noeviction")
    if limit and info["used_memory"] > 0.8 * limit:
        what = tr(
            "Redis uses {share:.0%} of its memory; then it takes no tasks.",
            share=info["used_memory"] / limit,
        )
        yield Finding("warning", what, tr("Raise maxmemory, or keep fewer finished tasks."))


def _clock(queue: RedisTaskQueue) -> Iterator[Finding]:
    skew = abs(queue.server_time() / 1000 - time.time())
    what = tr("The clocks of Redis and of this machine differ by {skew:.1f} s.", skew=skew)
    if skew < 1:
        yield Finding("ok", what)
        return
    remedy = tr(
        "Harmless for the queue, which uses Redis' clock alone; logs will not line up: use NTP."
    )
    yield Finding("warning", what, remedy)


def _timeouts(queue: RedisTaskQueue) -> Iterator[Finding]:
    idle = int(queue.server_setting("timeout"))
    if 0 < idle <= 2 * BLOCK:
        what = tr(
            "Redis closes connections that are idle for {idle} s: shorter than workers block.",
            idle=idle,
        )
        yield Finding("broken", what, "CONFIG SET timeout 0")
    else:
        what = tr("No timeout is shorter than a worker's block of {block:g} s.", block=BLOCK)
        yield Finding("ok", what)


def _settings(queue: RedisTaskQueue) -> Iterator[Finding]:
    try:
        queue.stored_settings()
    except QueueUnavailable:
        raise
    except QueueError as error:
        remedy = tr(
            "--repair stores the default ones; `imglab settings --help` tells how to others."
        )
        yield Finding("broken", str(error), remedy, partial(_store_settings, queue))


def _invariants(queue: RedisTaskQueue) -> Iterator[Finding]:
    wrong = queue.check()
    mend_once = cache(partial(mend, queue))  # it mends all of them, looking at every task
    for what in wrong:
        remedy = tr("Probably freed by hand. --repair makes each task's record say where it is.")
        yield Finding("broken", what, remedy, mend_once)
    if not wrong:
        count = queue.get_stats().unfinished
        yield Finding(
            "ok",
            tr_count(
                "All invariants hold ({count} unfinished tasks).",
                "All invariants hold ({count} unfinished tasks).",
                count,
            ),
        )


def _story(queue: RedisTaskQueue) -> Iterator[Finding]:
    for what in impossible_steps(queue.events()):
        remedy = tr("Somebody moved it by hand; imglab trace tells the rest.")
        yield Finding("warning", what, remedy)


def _leases(queue: RedisTaskQueue) -> Iterator[Finding]:
    now = queue.server_time()
    late = [claim.task for claim in queue.claims() if claim.deadline < now]
    if late:
        names = ", ".join(late[:5])
        what = tr_count(
            "{count} claimed tasks are past their lease, and nobody took them over: {names}.",
            "{count} claimed tasks are past their lease, and nobody took them over: {names}.",
            len(late),
            names=names,
        )
        remedy = tr("Start a worker: it takes them over. --repair gives them back right now.")
        yield Finding("warning", what, remedy, partial(_give_back, queue))


def _orphans(queue: RedisTaskQueue) -> Iterator[Finding]:
    mend_once = cache(partial(mend, queue))
    for task_id in queue.orphans():
        what = tr(
            "Task {task} has a record, but is in no list: nobody will ever take it.", task=task_id
        )
        remedy = tr("--repair puts it back in line, or deletes it if it was finished.")
        yield Finding("broken", what, remedy, mend_once)


def _odd(queue: RedisTaskQueue) -> Iterator[Finding]:
    count, latest = queue.set_aside(SHOWN)
    if count:
        shown = "; ".join(f"{each['id']} ({each['reason']})" for each in latest)
        what = tr_count(
            "{count} entries of the queue's keys were of no use and were set aside: {entries}.",
            "{count} entries of the queue's keys were of no use and were set aside: {entries}.",
            count,
            entries=shown,
        )
        remedy = tr(
            "Somebody else writes here? LRANGE {key} 0 -1 shows all of them, DEL {key} ends it.",
            key=queue.keys.odd,
        )
        yield Finding("warning", what, remedy)


def _workers(queue: RedisTaskQueue) -> Iterator[Finding]:
    for worker in worker_states(queue.snapshot(), queue.settings.lease):
        if worker.is_here:
            continue
        what = tr("Worker {worker} is {words}.", worker=worker.name, words=worker.words)
        if worker.activity is Activity.GONE and not worker.tasks:
            remedy = tr("--repair takes it off the list; so does a worker process, after an hour.")
            yield Finding("warning", what, remedy, partial(queue.leave, worker.name))
        else:
            remedy = tr(
                "Frozen, cut off or killed? What it held goes to the next worker that asks."
            )
            yield Finding("warning", what, remedy)


def _memory(queue: RedisTaskQueue) -> Iterator[Finding]:
    snapshot = queue.snapshot()
    states = worker_states(snapshot, queue.settings.lease)
    hosts = [snapshot.workers.get(each.name, {}).get("host") for each in states if each.is_here]
    try:
        room = room_for(max(1, hosts.count(socket.gethostname())))
    except ImglabError as error:
        yield Finding("warning", str(error), tr("Until then no picture is opened here."))
        return
    if room is None:
        return
    if room.is_enough:
        yield Finding(
            "ok",
            tr(
                "The memory of this machine ({memory}) has room for {workers}, with a photograph "
                "of {pixels:,} pixels each.",
                memory=in_words(room.memory),
                workers=count_of(room.fitting),
                pixels=room.pixels,
            ),
        )
    else:
        yield Finding("warning", f"{room.what}.", f"{room.remedy[0].upper()}{room.remedy[1:]}")


#: Each look, in its order → what it looks at, for when it cannot.
LOOKS = {
    _server: tr("server"),
    _clock: tr("clock"),
    _timeouts: tr("timeouts"),
    _settings: tr("settings"),
    _invariants: tr("invariants"),
    _story: tr("story"),
    _leases: tr("leases"),
    _orphans: tr("orphans"),
    _odd: tr("odd"),
    _workers: tr("workers"),
    _memory: tr("memory"),
}


# Repairs


def _store_settings(queue: RedisTaskQueue) -> None:
    queue.change_settings(QueueSettings())


def _give_back(queue: RedisTaskQueue) -> None:
    queue.reap()


def mend(queue: RedisTaskQueue) -> None:
    """Make each task be in one place, and its record say so; each in one step of Redis' own."""
    _, standings = queue.standings()
    queue.repair([*unsound(standings), *queue.orphans()])
