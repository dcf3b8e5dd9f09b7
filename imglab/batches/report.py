"""How far a batch is: its rate, the time that is left, and its manifest."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from imglab.queues.base import BaseQueue
from imglab.queues.batches import FIRST_MARK, PAGE, BatchState, Ending
from imglab.queues.vocabulary import Status

#: How many of the latest endings tell the rate.
FOR_RATE = 200
#: How many of the latest endings are looked through for those that failed.
FOR_REASONS = 5000
#: How many reasons are shown.
REASONS = 10
#: Seconds between two looks of somebody who follows a batch.
LOOK_INTERVAL_S = 0.5


@dataclass(frozen=True)
class Progress:
    """How far a batch is at one moment."""

    state: BatchState
    #: Tasks a second, from the latest endings; 0 while there are none.
    rate: float
    #: The latest of those that failed, the newest first.
    failed: list[Ending]

    @property
    def seconds_left(self) -> float | None:
        """How long it takes at this rate until nothing is open; None where nobody can tell."""
        if self.state.open == 0:
            return 0.0
        if not self.rate:
            return None
        return self.state.open / self.rate

    def as_plain(self) -> dict[str, Any]:
        """The same as JSON can hold it."""
        state = self.state
        return {
            "batch": state.name,
            "tasks": state.tasks,
            "open": state.open,
            "completed": state.completed,
            "failed": state.failed,
            "cancelled": state.cancelled,
            "is_closed": state.is_closed,
            "is_over": state.is_over,
            "about": dict(state.about),
            "began_at": state.began_at,
            "ended_at": state.ended_at,
            "rate": round(self.rate, 3),
            "seconds_left": self.seconds_left,
            "latest_failed": [as_plain(each) for each in self.failed],
        }


def progress_of(queue: BaseQueue, name: str) -> Progress:
    """How far a batch is; the same work for ten tasks and for a million."""
    state = queue.batch(name)
    failed: list[Ending] = []
    if state.failed:
        latest = queue.latest_endings(name, FOR_REASONS)
        failed = [each for each in latest if each.status == Status.FAILED][:REASONS]
    else:
        latest = queue.latest_endings(name, FOR_RATE)
    if latest and state.is_over:
        # After a fresh start the batch itself keeps the time of its first end.
        state = replace(state, ended_at=max(state.ended_at, latest[0].at))
    return Progress(state, _rate(latest[:FOR_RATE]), failed)


def _rate(latest: list[Ending]) -> float:
    """Endings a second, of the newest first."""
    if len(latest) < 2:
        return 0.0
    seconds = (latest[0].at - latest[-1].at) / 1000
    if seconds <= 0:
        return 0.0
    return (len(latest) - 1) / seconds


def as_plain(ending: Ending) -> dict[str, Any]:
    """An ending as a line of the manifest holds it."""
    line: dict[str, Any] = {
        "at": ending.at,
        "task": ending.task,
        "image_path": ending.label,
        "status": ending.status,
    }
    if ending.status == Status.COMPLETED:
        # "status" is the task's; that of the result says "success".
        line |= {key: value for key, value in ending.result.items() if key not in line}
    else:
        line["reason"] = ending.reason
    return line


def manifest(queue: BaseQueue, name: str, *, follow: bool = False) -> Iterator[str]:
    """A line of JSON for each task that ended, oldest first; with `follow`, until all have."""
    mark = FIRST_MARK
    while True:
        # Asked before the page: what ends after it is on the next one.
        is_over = queue.batch(name).is_over
        mark, page = queue.endings_after(name, mark, PAGE)
        for ending in page:
            yield json.dumps(as_plain(ending), ensure_ascii=False)
        if len(page) == PAGE:
            continue
        if is_over or not follow:
            return
        if not page:
            time.sleep(LOOK_INTERVAL_S)
