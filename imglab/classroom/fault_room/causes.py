"""What can be the matter with a queue: the causes that a diagnosis may name, known here alone."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from imglab.language import in_every_language, tr

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

    #: What the lesson calls it, in its language.
    name: str
    meaning: str
    #: Goes on after "If it were this, ".
    shows: str


CAUSES = {
    FROZEN: Cause(
        tr("frozen worker"),
        tr("a worker's process stands still, with a task in its hands"),
        tr("ps would say of the process that it is stopped"),
    ),
    KILLED: Cause(
        tr("killed worker"),
        tr("a worker's process is gone, and its task is still claimed"),
        tr("ps would say of the worker that its process is gone"),
    ),
    NO_WORKER: Cause(
        tr("no worker"),
        tr("nobody works at all"),
        tr("ps would show no process that is alive or stopped"),
    ),
    OTHER_QUEUE: Cause(
        tr("other queue"),
        tr("the worker is alive, and asks for work at another queue"),
        tr("its name would stand in a hash of workers, but not in that of this queue"),
    ),
    PAUSED: Cause(
        tr("paused queue"),
        tr("somebody paused the queue, so nothing is handed out"),
        tr("the hash meta would have a field paused"),
    ),
    POISON: Cause(
        tr("poison task"),
        tr("a task that kills each worker that takes it"),
        tr("the record of the task would count crashes"),
    ),
    FORBIDDEN: Cause(
        tr("forbidden path"),
        tr("a task names a file that no worker may read or write"),
        tr("the errors in the record of the task would name a path"),
    ),
    NO_RECORD: Cause(
        tr("no record"),
        tr("somebody wrote an id into the line, and there is no task behind it"),
        tr("the id would be in the list odd, and have no hash task:<id>"),
    ),
    FAR_AWAY: Cause(
        tr("far away"),
        tr("a task is to wait for days before anybody may take it"),
        tr("the task would be in delayed, with a moment far from now"),
    ),
    ANOTHER_TRY: Cause(
        tr("another try"),
        tr("a try of the task failed, and the next one comes in a moment"),
        tr("the task would be in delayed, and its record would count attempts"),
    ),
    CANCELLED: Cause(
        tr("cancelled task"),
        tr("somebody took the task back"),
        tr("the id would be in the list cancelled"),
    ),
}


def as_cause(text: str) -> str | None:
    """The cause that a text means, in any language; None for none of them.

    Capitals, hyphens and accents are left out of account.
    """
    return _BY_NAME.get(_plain(text))


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFD", text.replace("-", " ").replace("_", " "))
    plain = "".join(each for each in letters if not unicodedata.combining(each))
    return " ".join(plain.split()).casefold()


_BY_NAME = {_plain(name): cause for cause in CAUSES for name in in_every_language(cause)}
