"""Who gets which case: the same name always gets the same rooms, tasks and workers.

Nothing here is random. What a name gets is put in order by fingerprints, so that it is the same on
every machine and with every version of Python.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from imglab.classroom.fault_room import causes
from imglab.errors import ImglabError
from imglab.language import tr

#: The faults of the six rooms.
FAULTS = (
    causes.FROZEN,
    causes.OTHER_QUEUE,
    causes.PAUSED,
    causes.POISON,
    causes.NO_RECORD,
    causes.FAR_AWAY,
)
#: The photographs that the tasks are about.
PHOTOGRAPHS = ("astronaut", "camera", "coffee", "rocket", "sample")
#: How many of them each room has.
IN_A_ROOM = 3
#: What a queue is called at which somebody works by mistake.
OTHER_QUEUES = ("test", "old", "demo", "copy")
#: The highest number of a worker's name, and the longest delay that a producer meant, in minutes.
MOST_WORKERS = 9
MOST_MINUTES = 9
#: The room of the worked example, which is the same for everybody.
EXAMPLE = 0


@dataclass(frozen=True)
class Plan:
    """What one room is to have."""

    number: int
    cause: str
    #: The photograph that does not come; where none comes, the first in line.
    photograph: str
    #: The photographs behind it.
    others: tuple[str, ...]
    worker: str
    #: For a task that comes far too late: what its producer meant.
    minutes: int
    #: For a worker at another queue: which one.
    other_queue: str


def plans_for(name: str) -> tuple[Plan, ...]:
    """The plans of a person's six rooms, by number. ImglabError for a name that is none."""
    who = _normal(name)
    in_order = _by_fingerprint(f"{who}: rooms", FAULTS)
    return tuple(_plan(who, number, cause) for number, cause in enumerate(in_order, EXAMPLE + 1))


def example_plan() -> Plan:
    """The plan of the worked example."""
    return _plan("everybody", EXAMPLE, causes.FORBIDDEN)


def _normal(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ImglabError(tr('Your name is a text of at least one letter, such as ME = "ada".'))
    return " ".join(name.split()).casefold()


def _plan(who: str, number: int, cause: str) -> Plan:
    start = f"{who}, {cause}"
    photograph, *others = _by_fingerprint(f"{start}: photographs", PHOTOGRAPHS)[:IN_A_ROOM]
    other_queue, *_ = _by_fingerprint(f"{start}: queues", OTHER_QUEUES)
    return Plan(
        number=number,
        cause=cause,
        photograph=photograph,
        others=tuple(others),
        worker=f"worker-{_number(f'{start}: worker', MOST_WORKERS)}",
        minutes=_number(f"{start}: minutes", MOST_MINUTES),
        other_queue=other_queue,
    )


def _by_fingerprint(what: str, values: Iterable[str]) -> list[str]:
    """The values in an order that depends on a text alone."""
    return sorted(values, key=lambda value: _fingerprint(f"{what}: {value}"))


def _number(what: str, most: int) -> int:
    """A number from 1 to `most` that depends on a text alone."""
    return int(_fingerprint(what), 16) % most + 1


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()
