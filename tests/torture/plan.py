"""What a seed draws: the tasks, and what happens to Redis and the workers when; nothing runs here.

The hostile producer, and the bytes after which a connection is cut, have dice of their own.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from imglab.ops.chaos.plan import LEASE, STOP_LASTS, Fault, faults_of
from torture.kinds import DEADLY, ENDINGS, NEVER_ENDING, SOUND

#: Seconds one try may take: longer than a frozen worker sleeps, and no sound task is over it.
TIME_LIMIT = STOP_LASTS[1] + LEASE
#: Faults per 50 s; signals per 50 s and 8 workers.
FAULTS = {
    "SIGKILL": 25,
    "SIGTERM": 15,
    "SIGSTOP": 10,
    "BUSY": 10,
    "full": 10,
    "MISCONF": 6,
    "NOREPLICAS": 6,
}
#: Unsound tasks, in thousandths of all: the others are sound.
UNSOUND = 80
#: Tasks that cost a worker its life, or the time limit, in thousandths of all.
COSTLY = 1
#: Tasks a second that are added at the most: by it, seconds of the plan are shares of the tasks.
RATE = 110
#: The shortest plan, in seconds.
SHORTEST = 8.0

#: Payloads that no worker can use, and what the reason has to say.
USELESS = {
    "no such filter": ({"image_path": "images/dot.png", "filters": ["nonsense"]}, "No filter"),
    "no such picture": ({"image_path": "images/none.png"}, r"none\.png"),
    "no picture at all": ({}, "."),
    "outside": ({"image_path": "../../etc/passwd"}, "."),
    "odd text": ({"image_path": "\x1b[2J[/b]\u202e\x00"}, "."),
    "odd types": ({"image_path": ["a", {"b": None}], "filters": {"x": 1}}, "."),
    "deep": ({"image_path": [[[[[[[["x"]]]]]]]], "filters": [[[[]]]]}, "."),
    "large": ({"image_path": "x" * 60_000}, "."),
}


@dataclass(frozen=True)
class Plan:
    """Everything a seed decides: id → kind of each task, and the faults in order."""

    seed: int
    tasks: dict[str, str]
    faults: tuple[Fault, ...]
    #: How long faults rain, in seconds.
    seconds: float

    @classmethod
    def draw(cls, seed: int, tasks: int, workers: int) -> Plan:
        """The plan of a seed; each kind of fault is in it at least once."""
        dice = random.Random(seed)
        seconds = max(SHORTEST, tasks / RATE)
        kinds = _kinds(dice, tasks)
        named = {f"{_first_word(kind)}-{number}": kind for number, kind in enumerate(kinds)}
        return cls(seed, named, faults_of(dice, FAULTS, workers, seconds), seconds)

    def payload(self, task_id: str) -> dict[str, Any]:
        """What a task asks for."""
        kind = self.tasks[task_id]
        if kind in USELESS:
            return USELESS[kind][0]
        number = number_of(task_id)
        filters = [{"name": "stamp", "number": number}]
        if kind != SOUND:
            filters = [{"name": "trouble", "kind": list(ENDINGS).index(kind), "task": number}]
        return {
            "image_path": "images/dot.png",
            "output_path": f"output/{task_id}.png",
            "filters": filters,
        }

    def reason(self, task_id: str) -> str:
        """A pattern for the reason with which a task has to fail; "" where it is sound."""
        kind = self.tasks[task_id]
        if kind in USELESS:
            return USELESS[kind][1]
        return ENDINGS.get(kind, "")

    def tries(self, task_id: str) -> int | None:
        """How many tries a task gets; None for as many as usual."""
        return 1 if self.tasks[task_id] in NEVER_ENDING else None


def number_of(task_id: str) -> int:
    """The number at the end of a planned task's id."""
    return int(task_id.rpartition("-")[2])


def _first_word(kind: str) -> str:
    return kind.partition(" ")[0]


def _kinds(dice: random.Random, tasks: int) -> list[str]:
    """The kind of each task, in a drawn order."""
    costly = [*DEADLY, *NEVER_ENDING]
    cheap = [kind for kind in (*ENDINGS, *USELESS) if kind not in costly]
    kinds = [dice.choice(costly) for _ in range(max(1, tasks * COSTLY // 1000))]
    kinds += [cheap[number % len(cheap)] for number in range(tasks * UNSOUND // 1000)]
    kinds += [SOUND] * (tasks - len(kinds))
    dice.shuffle(kinds)
    return kinds
