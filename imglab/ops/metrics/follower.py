"""How long tasks waited and ran, and who died: worked out from a queue's events, as they come."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from imglab.queues.vocabulary import FINISHED, Event, Status, meaning, status_after
from imglab.workers.figures import Histogram

#: How many tasks are remembered between two of their events; of those beyond, the oldest are
#: forgotten, and their times are not counted. About 200 bytes each.
MAX_TASKS = 200_000
#: How many dead workers are remembered.
MAX_WORKERS = 10_000
#: The longest name of a task or a worker; a longer one is none of ours.
MAX_NAME = 100


class Follower:
    """Takes events in, in their order, and has the figures. One thread at a time."""

    def __init__(self) -> None:
        #: How many of each event.
        self.events: Counter[str] = Counter(dict.fromkeys(map(str, Event), 0))
        #: How long tasks stood in line, and how long tries ran.
        self.waits = Histogram()
        self.runs = Histogram()
        #: How often a worker died or fell silent with tasks in its hands.
        self.deaths = 0
        #: Task → when it came in line, or was claimed, in milliseconds of the server's clock.
        self._in_line: OrderedDict[str, int] = OrderedDict()
        self._held: OrderedDict[str, int] = OrderedDict()
        #: Who has not claimed since his death: all that he held is lost by one death.
        self._dead: OrderedDict[str, None] = OrderedDict()

    def take_in(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take in what happened next; what is no event of a task of ours is passed by."""
        for event in events:
            task = event["task"]
            known = meaning(event)
            if known is None or len(task) > MAX_NAME:
                continue
            self.events[event["event"]] += 1
            if known.ends_try:
                self._end_try(task, event["at"])
            self._move(task, event)
            self._note_worker(event)

    def _move(self, task: str, event: Mapping[str, Any]) -> None:
        status = status_after(event)
        if status is Status.PENDING:
            _remember(self._in_line, task, event["at"], MAX_TASKS)
        elif status is Status.PROCESSING:
            since = self._in_line.pop(task, None)
            if since is not None:
                self.waits.add((event["at"] - since) / 1000)
            _remember(self._held, task, event["at"], MAX_TASKS)
        elif status in FINISHED:
            self._in_line.pop(task, None)

    def _end_try(self, task: str, at: int) -> None:
        since = self._held.pop(task, None)
        if since is not None:
            self.runs.add((at - since) / 1000)

    def _note_worker(self, event: Mapping[str, Any]) -> None:
        worker = event.get("worker", "")
        if len(worker) > MAX_NAME:
            return
        if event["event"] == Event.CLAIMED:
            self._dead.pop(worker, None)
        elif event["event"] == Event.EXPIRED and worker not in self._dead:
            self.deaths += 1
            _remember(self._dead, worker, None, MAX_WORKERS)


def _remember(known: OrderedDict[str, Any], name: str, value: Any, limit: int) -> None:
    """Keep a value, as the newest; forget the oldest where there are too many."""
    known[name] = value
    known.move_to_end(name)
    if len(known) > limit:
        known.popitem(last=False)
