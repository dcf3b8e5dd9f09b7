"""The plan that a seed draws: which tasks, and which faults when; nothing runs here."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

#: Short, so that a stopped worker's task comes back soon.
LEASE = 2.0
#: More than any task uses up that is not poison, however unlucky it is.
MAX_CRASHES = 8
#: What goes wrong, and how often in 50 s; the signals as often to 8 workers.
FAULTS = {"SIGKILL": 40, "SIGTERM": 20, "SIGSTOP": 15, "Redis killed": 8, "connections cut": 40}
#: The kinds of tasks that are not plain, in thousandths of all.
KINDS = {"long": 5, "poison": 5, "hopeless": 5, "flaky": 80}
#: The kinds of tasks that are made to fail, and what the reason has to say.
DOOMED = {"poison": r"worker .* \((\d+) of \1\)", "hopeless": "as planned"}


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong: when, to which worker if it is a signal, and for how long."""

    at: float
    what: str
    worker: int
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
        kinds = [kind for kind, n in KINDS.items() for _ in range(max(1, tasks * n // 1000))]
        kinds = [*kinds, *["plain"] * tasks][:tasks]
        dice.shuffle(kinds)
        faults = []
        for what, number in FAULTS.items():
            to_worker = what.startswith("SIG")
            rate = number / 50 * (workers / 8 if to_worker else 1)
            for _ in range(max(1, round(rate * seconds))):
                # Longer than a lease, but not than the three leases the pool waits.
                lasts = dice.uniform(1.3, 2) * LEASE if to_worker else dice.uniform(0.2, 0.8)
                at, worker = dice.uniform(0, seconds), dice.randrange(workers)
                faults.append(Fault(at, what, worker, lasts))
        lengths = {"long": (3000, 4500)}  # well beyond a lease
        planned = [(kind, dice.randint(*lengths.get(kind, (5, 80)))) for kind in kinds]
        return cls(
            {f"{kind}-{n}": (kind, ms) for n, (kind, ms) in enumerate(planned)},
            tuple(sorted(faults, key=lambda fault: fault.at)),
        )

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
        output = f"output/{task_id}.png"
        return {"image_path": "images/photo.png", "output_path": output, "filters": filters}
