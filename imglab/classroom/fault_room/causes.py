"""What can be the matter with a queue: the causes that a diagnosis may name, spelled here alone."""

from __future__ import annotations

from dataclasses import dataclass

FROZEN = "frozen worker"
KILLED = "killed worker"
NO_WORKER = "no worker"
OTHER_QUEUE = "other queue"
PAUSED = "paused queue"
POISON = "poison task"
FORBIDDEN = "forbidden path"
NO_RECORD = "no record"
FAR_AWAY = "far away"
ANOTHER_TRY = "another try"
CANCELLED = "cancelled task"


@dataclass(frozen=True)
class Cause:
    """One cause: what has happened, and what one would see then."""

    meaning: str
    #: Goes on after "If it were this, ".
    shows: str


CAUSES = {
    FROZEN: Cause(
        "a worker's process stands still, with a task in its hands",
        "ps would say of the process that it is stopped",
    ),
    KILLED: Cause(
        "a worker's process is gone, and its task is still claimed",
        "ps would say of the worker that its process is gone",
    ),
    NO_WORKER: Cause(
        "nobody works at all",
        "ps would show no process that is alive or stopped",
    ),
    OTHER_QUEUE: Cause(
        "the worker is alive, and asks for work at another queue",
        "its name would stand in a hash of workers, but not in that of this queue",
    ),
    PAUSED: Cause(
        "somebody paused the queue, so nothing is handed out",
        "the hash meta would have a field paused",
    ),
    POISON: Cause(
        "a task that kills each worker that takes it",
        "the record of the task would count crashes",
    ),
    FORBIDDEN: Cause(
        "a task names a file that no worker may read or write",
        "the errors in the record of the task would name a path",
    ),
    NO_RECORD: Cause(
        "somebody wrote an id into the line, and there is no task behind it",
        "the id would be in the list odd, and have no hash task:<id>",
    ),
    FAR_AWAY: Cause(
        "a task is to wait for days before anybody may take it",
        "the task would be in delayed, with a moment far from now",
    ),
    ANOTHER_TRY: Cause(
        "a try of the task failed, and the next one comes in a moment",
        "the task would be in delayed, and its record would count attempts",
    ),
    CANCELLED: Cause(
        "somebody took the task back",
        "the id would be in the list cancelled",
    ),
}


def as_cause(text: str) -> str | None:
    """The cause that a text means, whatever its capitals and hyphens; None for none of them."""
    words = " ".join(text.replace("-", " ").replace("_", " ").split()).casefold()
    if words in CAUSES:
        return words
    return None
