"""Loads for a queue with priorities, and how any way to claim serves them, as events.

A load says which tasks come before each claim. It is the same for every way, so the ways can be
compared; nothing in it depends on a clock.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from imglab.queues.vocabulary import PRIORITIES, Event

#: The levels of the tasks that come before each claim.
Load = Sequence[Sequence[str]]

#: Tasks that come at once in a `busy` load.
BATCH = 10


def flood(claims: int, **waiting: int) -> Load:
    """A load that keeps the first level busy: one such task comes before each claim.

    So many tasks of other levels wait from the beginning, such as `flood(40, normal=8, low=8)`.
    """
    load = [[PRIORITIES[0]] for _ in range(claims)]
    for level, count in waiting.items():
        load[0] += [level] * count
    return load


def busy(claims: int, levels: Sequence[str], share: float, seed: int = 1) -> Load:
    """A load that comes in batches of ten of any level, and is so large a share of the claims."""
    chance = random.Random(seed)
    load: list[list[str]] = []
    for _ in range(claims):
        arrivals = []
        if chance.random() < share / BATCH:
            arrivals = chance.choices(levels, k=BATCH)
        load.append(arrivals)
    return load


def serve(
    load: Load, add: Callable[[str, str], object], claim: Callable[[int], str | None]
) -> list[dict[str, Any]]:
    """Let a load come and claim after each step of it; return what happened, as events.

    `add(level, task)` puts a task into its line, the tasks of a level being called low-1, low-2, …;
    `claim(number)` takes one and returns its name, None when none waits. `number` says how many
    were claimed before.
    """
    events: list[dict[str, Any]] = []
    added: dict[str, int] = {}
    claimed = 0
    for arrivals in load:
        for level in arrivals:
            added[level] = added.get(level, 0) + 1
            task = f"{level}-{added[level]}"
            add(level, task)
            events.append({"event": str(Event.ADDED), "task": task, "priority": level})
        taken = claim(claimed)
        if taken is not None:
            claimed += 1
            events.append({"event": str(Event.CLAIMED), "task": taken})
    return events


def mean_waits(events: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Level → how many claims its tasks waited on average, of those that were claimed."""
    came: dict[str, tuple[str, int]] = {}
    waits: dict[str, list[int]] = {}
    claims = 0
    for event in events:
        task = event["task"]
        if event["event"] == Event.ADDED:
            came[task] = (event["priority"], claims)
        elif event["event"] == Event.CLAIMED:
            level, before = came[task]
            waits.setdefault(level, []).append(claims - before)
            claims += 1
    return {level: sum(each) / len(each) for level, each in sorted(waits.items())}
