"""A storm of retries: everybody fails at one moment, and comes back. When, is what matters.

It is worked out, with a seed and without a clock, in slots of a tenth of a second. A service that
was away is back, and can do so many calls in each slot; what it cannot do fails, and tries again
later. A queue's formula says when.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from imglab.language import tr
from imglab.queues import QueueSettings

#: Milliseconds of a slot: tries in the same one meet.
SLOT_MS = 100
#: The limits by which retries wait: those of every queue that nobody changed.
SETTINGS = QueueSettings()
#: A column of the picture stands for so many slots; a row is as long as this many letters.
SLOTS_A_ROW = 10
ROW_LETTERS = 40


@dataclass(frozen=True)
class Storm:
    """Who came back when, until all were served."""

    tasks: int
    #: Slot → tries in it; those in which nobody came are not in here.
    tries: Counter[int]

    @property
    def worst(self) -> int:
        """The most tries that met in one slot."""
        return max(self.tries.values())

    @property
    def total(self) -> int:
        """All tries."""
        return self.tries.total()

    @property
    def seconds(self) -> float:
        """How long it took until the last one was served."""
        return (max(self.tries) + 1) * SLOT_MS / 1000

    def __str__(self) -> str:
        """A line for each second: how many tries it had, and the worst slot in it."""
        second_head = tr("second")
        tries_head = tr("tries")
        worst_head = tr("the worst tenth of a second")
        wide = len(second_head)
        wider = len(tries_head) + 2
        lines = [f"{second_head}{tries_head:>{wider}}  {worst_head}"]
        last = max(self.tries) // SLOTS_A_ROW
        for second in range(last + 1):
            first = second * SLOTS_A_ROW
            counts = [self.tries[slot] for slot in range(first, first + SLOTS_A_ROW)]
            if any(counts):
                worst = max(counts)
                bar = "█" * max(1, round(ROW_LETTERS * worst / self.tasks))
                lines.append(f"{second:{wide}}{sum(counts):{wider}}  {worst:3} {bar}")
        return "\n".join(lines)


#: How long the next try waits, in ms, after so many tries.
Wait = Callable[[int], float]


def longest_wait(tries: int) -> float:
    """The longest wait after so many tries, in ms: it doubles each time, up to a cap."""
    seconds = min(SETTINGS.backoff_cap, SETTINGS.backoff * 2.0 ** (tries - 1))
    return seconds * 1000


def jittered(seed: int) -> Wait:
    """The wait of our queues: any moment up to the longest one (*full jitter*)."""
    chance = random.Random(seed)

    def wait(tries: int) -> float:
        return chance.random() * longest_wait(tries)

    return wait


def storm(tasks: int, capacity: int, wait: Wait = longest_wait) -> Storm:
    """Let so many tasks fail at one moment, and come back until a service has done them all.

    It does `capacity` of them in a slot; the others of that slot fail again.
    """
    tries: Counter[int] = Counter()
    #: Slot → for each task that comes in it, how many tries it has had.
    coming: dict[int, list[int]] = {}

    def come_back(slot: int, had: int) -> None:
        # In a later slot at any rate: a service that is full now is full for all of this slot.
        later = slot + max(1, round(wait(had) / SLOT_MS))
        coming.setdefault(later, []).append(had)

    for _ in range(tasks):
        come_back(0, 1)
    while coming:
        slot = min(coming)
        arrived = coming.pop(slot)
        tries[slot] = len(arrived)
        for had in arrived[capacity:]:
            come_back(slot, had + 1)
    return Storm(tasks, tries)
