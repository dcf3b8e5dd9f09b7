"""What each worker of a queue does at one moment, from its claims and its signs of life.

A worker's own record says what it claimed last, which may be long completed by somebody else; only
a claim says what it has in hand. Terminal, board and doctor all ask here, so they tell the same.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

from imglab.language import tr
from imglab.queues.connection import BLOCK
from imglab.queues.inspect import Claim, Snapshot

#: An idle worker shows life after each wait for a task: silence is longer than so many waits.
WAITS = 3
#: After so many leases without a sign of life a worker is not expected back.
LEASES_UNTIL_GONE = 3
#: Tasks that are named; of the others their number is told.
NAMED_TASKS = 2
#: Seconds after which a time of day needs its date.
DAY_S = 86_400


class Activity(StrEnum):
    """What a worker does, as far as Redis knows."""

    WORKING = "working"
    IDLE = "idle"
    #: No sign of life for a lease: frozen, cut off or killed.
    SILENT = "silent"
    #: No sign of life for several leases.
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class WorkerState:
    """One worker at one moment."""

    name: str
    activity: Activity
    #: The tasks in its hands; of a silent worker those that nobody took over yet.
    tasks: tuple[str, ...] = ()
    #: Its last sign of life, in milliseconds of the server's clock; 0 when there was none.
    seen: int = 0
    #: Seconds since then.
    silent_s: float = 0.0

    @property
    def is_here(self) -> bool:
        """Whether it showed life of late."""
        return self.activity in (Activity.WORKING, Activity.IDLE)

    @property
    def words(self) -> str:
        """What it does, for people; the names of tasks stand in it as they are."""
        named = ", ".join(self.tasks[:NAMED_TASKS])
        if len(self.tasks) > NAMED_TASKS:
            more = len(self.tasks) - NAMED_TASKS
            named = tr("{tasks} and {count} more", tasks=named, count=more)
        if self.activity is Activity.WORKING:
            return tr("at work on {tasks}", tasks=named)
        if self.activity is Activity.IDLE:
            return tr("idle")
        words = self._silence()
        if named:
            words = tr("{state}, still holds {tasks}", state=words, tasks=named)
        return words

    def _silence(self) -> str:
        """Since when nobody has heard of it."""
        is_gone = self.activity is Activity.GONE
        if not self.seen:
            return tr("gone, was never heard of") if is_gone else tr("silent, was never heard of")
        when = self._last_seen()
        return (
            tr("gone since {when}", when=when) if is_gone else tr("silent since {when}", when=when)
        )

    def _last_seen(self) -> str:
        form = "%H:%M:%S" if self.silent_s < DAY_S else "%Y-%m-%d %H:%M"
        try:
            return time.strftime(form, time.localtime(self.seen / 1000))
        except (OverflowError, ValueError, OSError):  # somebody wrote another number there
            return f"{self.seen} ms"


def worker_states(snapshot: Snapshot, lease: float) -> list[WorkerState]:
    """What every worker does that has a record or a claim, by name; `lease` is in seconds."""
    held: dict[str, list[Claim]] = {name: [] for name in snapshot.workers}
    for claim in snapshot.claims:
        held.setdefault(claim.worker, []).append(claim)
    states = []
    for name, claims in sorted(held.items()):
        seen = snapshot.workers.get(name, {}).get("seen", 0)
        states.append(_state(name, claims, seen, snapshot.at, lease))
    return states


def _state(name: str, claims: list[Claim], seen: int, at: int, lease: float) -> WorkerState:
    silent_s = max(0.0, (at - seen) / 1000)
    patience = max(lease, WAITS * BLOCK)
    # A claim that runs was made, or renewed, less than a lease ago: that is a sign of life, too.
    if any(claim.deadline > at for claim in claims):
        activity = Activity.WORKING
    elif silent_s <= patience:
        activity = Activity.WORKING if claims else Activity.IDLE
    elif silent_s <= LEASES_UNTIL_GONE * patience:
        activity = Activity.SILENT
    else:
        activity = Activity.GONE
    tasks = tuple(claim.task for claim in claims)
    return WorkerState(name, activity, tasks, seen, silent_s)
