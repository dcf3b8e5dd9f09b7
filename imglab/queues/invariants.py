"""What is true of a sound queue at every moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imglab.queues.task import QueueSettings


@dataclass(frozen=True, slots=True)
class Standing:
    """One place that a task is in, and what its own record says beside it."""

    place: str
    id: str
    status: str
    claim: str
    #: The claim in `processing`, where a task is held.
    held: str
    attempts: int
    crashes: int
    has_result: bool


def broken(standings: Iterable[Standing], tokens: int, settings: QueueSettings) -> list[str]:
    """The invariants that do not hold, each as a sentence; empty for a sound queue."""
    everything = list(standings)
    found = [each for standing in everything for each in _broken(standing, settings)]
    places = Counter(standing.id for standing in everything)
    found += [f"Task {each} is in {n} places." for each, n in places.items() if n > 1]
    found += [
        f"{count} tasks are kept as {place}; {settings.keep} is the limit."
        for place, count in Counter(standing.place for standing in everything).items()
        if place in ("completed", "failed") and count > settings.keep
    ]
    if tokens > 1:
        found.append(f"There are {tokens} wake tokens; one is the most.")
    return found


def _broken(task: Standing, settings: QueueSettings) -> Iterator[str]:
    if not task.status:
        yield f"Task {task.id} is {task.place}, but its own record is gone."
        return
    if task.status != task.place:
        yield f"Task {task.id} is in {task.place}, but says that it is {task.status}."
    if task.claim != task.held or bool(task.held) != (task.place == "processing"):
        yield f"Task {task.id} is {task.place} with claim {task.claim!r}, held by {task.held!r}."
    if task.has_result != (task.place == "completed"):
        yield f"Task {task.id} is {task.place} {'with' if task.has_result else 'without'} a result."
    if task.crashes > settings.max_crashes or task.attempts < 0:
        yield f"Task {task.id} has {task.attempts} attempts and {task.crashes} crashes."
