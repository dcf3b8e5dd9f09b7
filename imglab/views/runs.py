"""Every try of every task, worked out from a record of events: the numbers behind the charts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from imglab.errors import ImglabError
from imglab.views.frames import by_number


@dataclass(frozen=True)
class Run:
    """One try of one task; seconds since the record began."""

    task: str
    worker: str
    #: When it was put in line, claimed, and ended.
    added: float
    claimed: float
    ended: float
    #: completed, failed, delayed, released, expired; "" for one that still runs.
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
        found: list[Run] = []
        begin, now = None, 0.0
        for event in events:
            begin = int(event["at"]) if begin is None else begin
            now, task = (int(event["at"]) - begin) / 1000, event["task"]
            if event["event"] == "claimed":
                held[task] = event["worker"], now
            elif task in held:
                worker, claimed = held.pop(task)
                since = in_line.get(task, claimed)
                found.append(Run(task, worker, since, claimed, now, event["event"]))
            if event["event"] in ("added", "promoted", "released", "requeued"):
                in_line[task] = now
        for task, (worker, claimed) in held.items():
            found.append(Run(task, worker, in_line.get(task, claimed), claimed, now))
        if not found:
            raise ImglabError("There is nothing to draw: in this record no task was claimed.")
        return cls(tuple(sorted(found, key=lambda run: run.claimed)), now)

    @property
    def workers(self) -> list[str]:
        """Everybody who took a task, by name."""
        return sorted({run.worker for run in self.runs}, key=by_number)

    @property
    def completed(self) -> list[Run]:
        """The tries that ended well."""
        return [run for run in self.runs if run.outcome == "completed"]
