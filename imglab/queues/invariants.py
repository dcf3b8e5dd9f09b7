"""What is true of a sound queue at every moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from imglab.queues.task import QueueSettings
from imglab.queues.vocabulary import FINISHED, Status


@dataclass(frozen=True, slots=True)
class Standing:
    """One place that a task is in, and what its own record says beside it."""

    place: str
    id: str
    #: The status in its record; "" where the record is gone.
    status: str
    #: The token of the claim in its record.
    claim: str
    #: The token of the claim in `processing`, where a task is held.
    held: str
    attempts: int
    crashes: int
    #: Whether its result is there, or was and is too old to be kept.
    has_result: bool


def broken(
    standings: Iterable[Standing],
    tokens: int,
    settings: QueueSettings,
    moved: Collection[str] = (),
) -> list[str]:
    """The invariants that do not hold, each as a sentence; empty for a sound queue.

    `moved` are tasks that were seen in two places, but one after the other.
    """
    everything = list(standings)
    found: list[str] = []
    for standing in everything:
        found += _broken(standing, settings)
    for task_id, count in Counter(standing.id for standing in everything).items():
        if count > 1 and task_id not in moved:
            found.append(f"Task {task_id} is in {count} places.")
    for place, count in Counter(standing.place for standing in everything).items():
        if place in FINISHED and count > settings.keep:
            found.append(f"{count} tasks are kept as {place}; {settings.keep} is the limit.")
    if tokens > 1:
        found.append(f"There are {tokens} wake tokens; one is the most.")
    return found


def seen_twice(standings: Iterable[Standing]) -> list[str]:
    """The tasks in more than one place."""
    counts = Counter(standing.id for standing in standings)
    return [task_id for task_id, count in counts.items() if count > 1]


def unsound(standings: Iterable[Standing], settings: QueueSettings) -> list[str]:
    """The tasks with which something may be wrong: each id once."""
    everything = list(standings)
    ids = [each.id for each in everything if any(_broken(each, settings))]
    return list(dict.fromkeys(ids + seen_twice(everything)))


def _broken(task: Standing, settings: QueueSettings) -> Iterator[str]:
    if not task.status:
        yield f"Task {task.id} is {task.place}, but its own record is gone."
        return
    if task.status != task.place:
        yield f"Task {task.id} is in {task.place}, but says that it is {task.status}."
    is_held = task.place == Status.PROCESSING
    if task.claim != task.held or bool(task.held) != is_held:
        yield f"Task {task.id} is {task.place} with claim {task.claim!r}, held by {task.held!r}."
    is_completed = task.place == Status.COMPLETED
    if task.has_result and not is_completed:
        yield f"Task {task.id} is {task.place} with a result."
    if is_completed and not task.has_result:
        yield f"Task {task.id} is {task.place} without a result."
    if task.crashes > settings.max_crashes or task.attempts < 0:
        yield f"Task {task.id} has {task.attempts} attempts and {task.crashes} crashes."
