"""What is true of a sound queue at every moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from imglab.language import tr
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
    settings: QueueSettings | None = None,
    moved: Collection[str] = (),
) -> list[str]:
    """The invariants that do not hold, each as a sentence; empty for a sound queue.

    `settings` are those of a queue whose bounds were never lower than before: what crashed or ended
    under higher ones may be beyond those of today, and is so only until it ends, or others do.
    `moved` are tasks that were seen in two places, but one after the other.
    """
    everything = list(standings)
    found: list[str] = []
    for standing in everything:
        found += _broken(standing)
    for task_id, count in Counter(standing.id for standing in everything).items():
        if count > 1 and task_id not in moved:
            found.append(tr("Task {task_id} is in {count} places.", task_id=task_id, count=count))
    if settings is not None:
        found += _beyond(everything, settings)
    if tokens > 1:
        found.append(tr("There are {tokens} wake tokens; one is the most.", tokens=tokens))
    return found


def seen_twice(standings: Iterable[Standing]) -> list[str]:
    """The tasks in more than one place."""
    counts = Counter(standing.id for standing in standings)
    return [task_id for task_id, count in counts.items() if count > 1]


def unsound(standings: Iterable[Standing]) -> list[str]:
    """The tasks with which something may be wrong: each id once."""
    everything = list(standings)
    ids = [each.id for each in everything if any(_broken(each))]
    return list(dict.fromkeys(ids + seen_twice(everything)))


def _beyond(standings: list[Standing], settings: QueueSettings) -> Iterator[str]:
    """What is more than the bounds of these settings allow."""
    for task in standings:
        if task.crashes > settings.max_crashes:
            yield _tries_of(task)
    for place, count in Counter(standing.place for standing in standings).items():
        if place in FINISHED and count > settings.keep:
            yield tr(
                "{count} tasks are kept as {place}; {most} is the limit.",
                count=count,
                place=place,
                most=settings.keep,
            )


def _tries_of(task: Standing) -> str:
    return tr(
        "Task {id} has {attempts} attempts and {crashes} crashes.",
        id=task.id,
        attempts=task.attempts,
        crashes=task.crashes,
    )


def _broken(task: Standing) -> Iterator[str]:
    if not task.status:
        yield tr("Task {id} is {place}, but its own record is gone.", id=task.id, place=task.place)
        return
    if task.status != task.place:
        yield tr(
            "Task {id} is in {place}, but says that it is {status}.",
            id=task.id,
            place=task.place,
            status=task.status,
        )
    is_held = task.place == Status.PROCESSING
    if task.claim != task.held or bool(task.held) != is_held:
        yield tr(
            "Task {id} is {place} with claim {claim!r}, held by {held!r}.",
            id=task.id,
            place=task.place,
            claim=task.claim,
            held=task.held,
        )
    is_completed = task.place == Status.COMPLETED
    if task.has_result and not is_completed:
        yield tr("Task {id} is {place} with a result.", id=task.id, place=task.place)
    if is_completed and not task.has_result:
        yield tr("Task {id} is {place} without a result.", id=task.id, place=task.place)
    if task.attempts < 0 or task.crashes > task.attempts:  # only an attempt can crash
        yield _tries_of(task)
