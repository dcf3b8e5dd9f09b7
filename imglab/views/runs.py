"""Every try of every task, worked out from a record of events: the numbers behind the charts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from imglab.errors import ImglabError
from imglab.language import tr
from imglab.queues.inspect import UNKNOWN
from imglab.queues.vocabulary import Event, Status, meaning, status_after
from imglab.views.frames import by_number


@dataclass(frozen=True)
class Run:
    """One try of one task; seconds since the record began."""

    task: str
    worker: str
    #: When it was put in line.
    added: float
    #: When the worker took it.
    claimed: float
    #: When it was out of the worker's hands; for one that still runs, the end of the record.
    ended: float
    #: completed, failed, cancelled, delayed, released, expired; "" for one that still runs.
    outcome: str = ""

    @property
    def waited(self) -> float:
        """Seconds in line."""
        return self.claimed - self.added

    @property
    def ran(self) -> float:
        """Seconds in the worker's hands."""
        return self.ended - self.claimed


@dataclass(frozen=True)
class Runs:
    """Every try in a record of events, in the order of the claims."""

    runs: tuple[Run, ...]
    #: Seconds from the first event to the last.
    seconds: float

    @classmethod
    def of(cls, events: Iterable[dict[str, Any]]) -> Runs:
        """The tries that a record tells of. ImglabError for a record without a claim."""
        in_line: dict[str, float] = {}
        held: dict[str, tuple[str, float]] = {}
        found = list[Run]()
        begin: int | None = None
        now = 0.0
        for event in events:
            at = int(event["at"])
            if begin is None:
                begin = at
            now = (at - begin) / 1000
            task = event["task"]
            what = event["event"]
            if what == Event.CLAIMED:
                held[task] = (event.get("worker", UNKNOWN), now)
            elif task in held and _ends_try(event):
                worker, claimed = held.pop(task)
                added = in_line.get(task, claimed)
                found.append(Run(task, worker, added, claimed, ended=now, outcome=what))
            if status_after(event) is Status.PENDING:
                in_line[task] = now
        for task, (worker, claimed) in held.items():
            added = in_line.get(task, claimed)
            found.append(Run(task, worker, added, claimed, ended=now))
        if not found:
            raise ImglabError(tr("There is nothing to draw: in this record no task was claimed."))
        return cls(tuple(sorted(found, key=attrgetter("claimed"))), now)

    @property
    def workers(self) -> list[str]:
        """Everybody who took a task, by name."""
        return sorted({run.worker for run in self.runs}, key=by_number)

    def by(self, worker: str) -> list[Run]:
        """The tries of one worker."""
        return [run for run in self.runs if run.worker == worker]

    @property
    def completed(self) -> list[Run]:
        """The tries that ended well."""
        return [run for run in self.runs if run.outcome == Event.COMPLETED]


def _ends_try(event: dict[str, Any]) -> bool:
    """Whether an event takes its task out of a worker's hands; an unknown one does not."""
    known = meaning(event)
    return known is not None and known.ends_try
