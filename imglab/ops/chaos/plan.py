"""The plan that a seed draws: which tasks, and which faults when; nothing runs here."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

#: Seconds; short, so that a stopped worker's task comes back soon.
LEASE = 2.0
#: So many crashes that only poison reaches it.
MAX_CRASHES = 8
#: Faults per 50 s; signals per 50 s and 8 workers.
FAULTS = {"SIGKILL": 40, "SIGTERM": 20, "SIGSTOP": 15, "Redis killed": 8, "connections cut": 40}
#: The kinds of tasks that are not plain, in thousandths of all.
KINDS = {"long": 5, "poison": 5, "hopeless": 5, "flaky": 80}
#: The kinds of tasks that are made to fail, and what the reason has to say.
DOOMED = {"poison": r"worker .* \((\d+) of \1\)", "hopeless": "as planned"}


#: What a task of a kind takes, in milliseconds, from … to …; the long ones last beyond a lease.
LENGTHS = {"long": (3000, 4500)}
USUAL_LENGTH = (5, 80)
#: Seconds a stopped worker sleeps: longer than a lease, but not than the three the pool waits.
STOP_LASTS = (1.3 * LEASE, 2 * LEASE)
#: Seconds a killed Redis is away.
REDIS_AWAY = (0.2, 0.8)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong."""

    #: Seconds after the beginning.
    at: float
    #: A key of FAULTS.
    what: str
    #: Which worker a signal hits, counted round those that are awake.
    worker: int
    #: Seconds it lasts, where it has an end.
    lasts: float


@dataclass(frozen=True)
class Plan:
    """Everything a seed decides: the tasks' kinds and lengths (ms), and the faults in order."""

    tasks: dict[str, tuple[str, int]]
    faults: tuple[Fault, ...]

    @classmethod
    def draw(cls, seed: int, tasks: int, workers: int, seconds: float) -> Plan:
        """The plan of a seed; each kind of task and of fault is in it at least once."""
        dice = random.Random(seed)
        kinds = _kinds(dice, tasks)
        faults = faults_of(dice, FAULTS, workers, seconds)
        planned: dict[str, tuple[str, int]] = {}
        for number, kind in enumerate(kinds):
            shortest, longest = LENGTHS.get(kind, USUAL_LENGTH)
            planned[f"{kind}-{number}"] = (kind, dice.randint(shortest, longest))
        return cls(planned, faults)

    def payload(self, task_id: str) -> dict[str, Any]:
        """What a task asks for: a photograph to filter, with trouble among the filters."""
        kind, ms = self.tasks[task_id]
        flaky = {"name": "flaky", "task": int(task_id.partition("-")[2])}
        trouble = {
            "poison": {"name": "poison"},
            "hopeless": {**flaky, "times": 99},
            "flaky": {**flaky, "times": 1 + ms % 2},
        }
        filters = [{"name": "busy", "ms": ms}, trouble.get(kind, {"name": "blur"})]
        return {
            "image_path": "images/photo.png",
            "output_path": f"output/{task_id}.png",
            "filters": filters,
        }


def _kinds(dice: random.Random, tasks: int) -> list[str]:
    """The kind of each task, in a drawn order."""
    kinds: list[str] = []
    for kind, thousandths in KINDS.items():
        kinds += [kind] * max(1, tasks * thousandths // 1000)
    kinds += ["plain"] * (tasks - len(kinds))
    dice.shuffle(kinds)
    return kinds


def faults_of(
    dice: random.Random, rates: Mapping[str, float], workers: int, seconds: float
) -> tuple[Fault, ...]:
    """The faults of so many seconds, in order; each kind happens once at least.

    `rates` says how often per 50 s; signals, whose names begin with SIG, per 8 workers as well.
    """
    faults: list[Fault] = []
    for what, per_50_s in rates.items():
        rate = per_50_s / 50
        limits = REDIS_AWAY
        if what.startswith("SIG"):
            rate *= workers / 8
            limits = STOP_LASTS
        for _ in range(max(1, round(rate * seconds))):
            lasts = dice.uniform(*limits)
            at = dice.uniform(0, seconds)
            worker = dice.randrange(workers)
            faults.append(Fault(at, what, worker, lasts))
    return tuple(sorted(faults, key=attrgetter("at")))
