"""The queue's own protocol with one line taken out, and which promise that breaks.

Each story is a short life of one task, played against a real Redis; nobody waits in it, for a
worker that is known to be dead needs no lease to run out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from imglab.errors import ImglabError, LeaseLost
from imglab.language import tr
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.queues.scripts import script

#: More deaths than any crash budget of these stories.
MANY_DEATHS = 6
#: How a promise is shown that was kept, and one that was broken.
KEPT = "·"
BROKEN = "✗"
#: No pause before another try, and a lease that does not run out meanwhile.
SETTINGS = QueueSettings(lease=3600, backoff=0, max_crashes=3)


@dataclass(frozen=True)
class Removed:
    """One line of the scripts, and what stands there without it."""

    #: What the line does, in words.
    line: str
    old: str
    new: str = ""


REMOVED = (
    Removed(
        tr("claim: note who has the task"),
        "  redis.call('HSET', processing, id, cjson.encode(entry))\n",
    ),
    Removed(
        tr("report: is it the token that counts?"),
        "if claim and claim.claim == token then",
        "if claim then",
    ),
    Removed(
        tr("report: take the task out of processing"),
        "  redis.call('HDEL', processing, id)\n  redis.call('HSET', result_key(id)",
        "  redis.call('HSET', result_key(id)",
    ),
    Removed(
        tr("reap: is the lease over?"),
        "if deadline > now and not is_dead then",
        "if false then",
    ),
    Removed(
        tr("reap: take the task out of processing"),
        "      redis.call('HDEL', processing, id)\n      if has_record",
        "      if has_record",
    ),
    Removed(
        tr("reap: put the task in line for another try"),
        "  sure('ZADD', delayed, now + wait, id)\n",
    ),
    Removed(
        tr("reap: count the crashes"),
        "  if tries >= budget then return bury(id, reason) end\n",
    ),
)


class ChangedQueue(RedisTaskQueue):
    """A queue whose scripts lack a line."""

    def __init__(self, removed: Removed, **where: Any) -> None:
        super().__init__(**where)
        self._removed = removed

    def _send_script(self, name: str, *arguments: object) -> Any:
        text = script(name).text.replace(self._removed.old, self._removed.new)
        return self._send("EVAL", text, *self._head, *arguments)


# The stories: each returns whether its promise was kept


def _nothing_is_lost(queue: RedisTaskQueue) -> bool:
    queue.add_task({}, task_id="coffee")
    queue.get_task("ann")
    queue.reap(dead_worker="ann")
    again = queue.get_task("bob")
    if again is None:
        return False
    queue.mark_completed(again)
    return queue.get_stats().completed == 1


def _who_lives_keeps_its_task(queue: RedisTaskQueue) -> bool:
    queue.add_task({}, task_id="coffee")
    held = queue.get_task("ann")
    queue.reap()
    if held is None or queue.get_task("bob") is not None:
        return False
    queue.mark_completed(held)
    return queue.get_stats().completed == 1


def _a_zombie_is_refused(queue: RedisTaskQueue) -> bool:
    queue.add_task({}, task_id="coffee")
    first = queue.get_task("ann")
    queue.reap(dead_worker="ann")
    second = queue.get_task("bob")
    if first is None or second is None:
        return False
    try:
        queue.mark_completed(first, {"by": "ann"})
    except LeaseLost:
        queue.mark_completed(second, {"by": "bob"})
        return queue.result("coffee") == {"by": "bob"}
    return False


def _done_is_done(queue: RedisTaskQueue) -> bool:
    queue.add_task({}, task_id="coffee")
    held = queue.get_task("ann")
    if held is None:
        return False
    queue.mark_completed(held)
    queue.reap(dead_worker="ann")
    return queue.get_task("bob") is None and queue.get_stats().completed_total == 1


def _poison_ends(queue: RedisTaskQueue) -> bool:
    queue.add_task({}, task_id="poison")
    for _ in range(MANY_DEATHS):
        queue.get_task("ann")
        queue.reap(dead_worker="ann")
    return queue.get_stats().failed == 1 and queue.task("poison").crashes == SETTINGS.max_crashes


#: Promise → the story that shows it.
STORIES: dict[str, Callable[[RedisTaskQueue], bool]] = {
    tr("a killed worker loses no task"): _nothing_is_lost,
    tr("a live worker keeps its task"): _who_lives_keeps_its_task,
    tr("a zombie's report is refused"): _a_zombie_is_refused,
    tr("done is done"): _done_is_done,
    tr("poison ends with the dead letters"): _poison_ends,
}


@dataclass(frozen=True)
class Consequence:
    """A removed line, and the promises that do not hold without it."""

    line: str
    broken: tuple[str, ...]


@dataclass(frozen=True)
class Consequences:
    """What each of the removed lines was good for."""

    rows: tuple[Consequence, ...]

    def __str__(self) -> str:
        lines = [f"{number} {promise}" for number, promise in enumerate(STORIES, 1)]
        head = tr("without this line")
        width = max(len(row.line) for row in self.rows) + 2
        numbers = "  ".join(str(number) for number in range(1, len(STORIES) + 1))
        lines += ["", f"{head:{width}}{numbers}"]
        for row in self.rows:
            marks = [BROKEN if promise in row.broken else KEPT for promise in STORIES]
            lines.append(f"{row.line:{width}}{'  '.join(marks)}")
        return "\n".join(lines)


def without_a_line(queue: RedisTaskQueue) -> Consequences:
    """Play every story with the whole protocol, then without each of some lines.

    It happens beside `queue`, in a namespace of its own below the queue's, which is empty
    afterwards.
    """
    place = queue.spec()
    place["namespace"] = f"{queue.namespace}removed-lines:"
    place["settings"] = SETTINGS
    whole = Removed(tr("(all lines are there)"), "")
    rows = []
    for removed in (whole, *REMOVED):
        with ChangedQueue(removed, **place) as changed:
            broken = tuple(promise for promise in STORIES if not _is_kept(promise, changed))
        rows.append(Consequence(removed.line, broken))
    return Consequences(tuple(rows))


def _is_kept(promise: str, queue: RedisTaskQueue) -> bool:
    """Whether a promise holds: a queue that raises has not kept it."""
    try:
        return STORIES[promise](queue)
    except ImglabError:
        return False
    finally:
        # Without one of its lines a queue may lose sight of a task, which `clear` would leave.
        queue.delete_namespace()
