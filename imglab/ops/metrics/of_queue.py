"""The figures of a whole queue: one process asks Redis for them, and every scrape asks it.

What a queue has now is read once a scrape, in one round trip, however long the queue is. How long
tasks waited and ran is worked out from its events, which a thread follows.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from imglab.errors import QueueError
from imglab.language import tr
from imglab.ops.metrics.follower import Follower
from imglab.ops.metrics.http import LOCAL, Site, serve
from imglab.queues import RedisTaskQueue
from imglab.queues.inspect import Snapshot
from imglab.queues.vocabulary import PRIORITIES, Status
from imglab.queues.worker_states import Activity, worker_states
from imglab.text import shown

if TYPE_CHECKING:
    from prometheus_client.core import Metric
    from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

#: The time between two looks at the events, in seconds: a queue keeps the last ten thousand, so
#: those of up to 3,000 tasks a second are all seen.
FOLLOW_INTERVAL_S = 1.0
#: How many stuck workers are named.
NAMED = 3


def serve_queue(queue: RedisTaskQueue, port: int, host: str = LOCAL) -> Site:
    """Serve the figures and the health of a queue, counted from now on; return the site.

    It has `queue` for itself, until it is closed. ImglabError for a port that cannot be had,
    NotInstalled without prometheus-client.
    """
    watch = QueueWatch(queue)
    site = serve(watch.collector, watch.health, port, host, watch.end)
    watch.follow()
    return site


class QueueWatch:
    """What is known of a queue: what it is now, and what happened since this began to watch."""

    def __init__(self, queue: RedisTaskQueue) -> None:
        self._queue = queue
        self._owner = ("queue", shown(queue.namespace + queue.name))
        self._follower = Follower()
        # All that happens from this millisecond on.
        self._mark = f"{queue.server_time()}-0"
        self._changing = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="events", daemon=True)

    def follow(self) -> None:
        """Look at the events from now on, in a thread."""
        self._thread.start()

    def end(self) -> None:
        """Look at them no more."""
        self._ending.set()
        self._thread.join()

    def look(self) -> None:
        """Take in the events since the last look; QueueError when Redis is away."""
        with self._changing:
            self._mark, events = self._queue.events_after(self._mark)
            self._follower.take_in(events)

    def health(self) -> str:
        """Why the queue is not well: no Redis, or workers that are stuck; "" when it is."""
        try:
            snapshot = self._queue.snapshot()
        except QueueError as error:
            return tr("Redis does not answer: {error}", error=error)
        stuck = []
        for worker in worker_states(snapshot, self._queue.settings.lease):
            is_gone = worker.activity is Activity.GONE
            if worker.activity is Activity.SILENT or (is_gone and worker.tasks):
                name = worker.name
                stuck.append(tr("{worker} is {words}", worker=name, words=worker.words))
        if not stuck:
            return ""
        words = "; ".join(stuck[:NAMED])
        if len(stuck) > NAMED:
            words += tr("; and {count} more", count=len(stuck) - NAMED)
        return tr("Stuck: {workers}.", workers=words)

    def collector(self) -> Collector:
        """What Prometheus' library asks at each scrape."""
        from prometheus_client.registry import Collector  # noqa: PLC0415 - it may not be installed

        watch = self

        class _OfQueue(Collector):
            def collect(self) -> Iterator[Metric]:
                return watch.figures()

        return _OfQueue()

    def figures(self) -> Iterator[Metric]:
        """All figures; those of the moment only while Redis answers."""
        from imglab.ops.metrics.families import gauge  # noqa: PLC0415

        answers = True
        try:
            self.look()
            snapshot = self._queue.snapshot()
        except QueueError:
            answers = False
        words = "1 while Redis answers; without it the figures of the moment are missing."
        yield gauge("imglab_queue_redis_up", words, self._owner, answers)
        if answers:
            yield from self._now(snapshot)
        with self._changing:
            yield from self._since_then()

    def _now(self, snapshot: Snapshot) -> Iterator[Metric]:
        from imglab.ops.metrics.families import counters, gauge, gauges  # noqa: PLC0415

        depth = [((Status.PENDING.value, each), snapshot.counts[each]) for each in PRIORITIES]
        others = [status for status in Status if status is not Status.PENDING]
        depth += [((status.value, ""), snapshot.counts[status]) for status in others]
        words = "Tasks that are in a state now; of those in line by priority."
        yield gauges("imglab_queue_tasks", words, self._owner, ["state", "priority"], depth)
        words = "Tasks that ended since the queue began, by how."
        totals = {str(status): total for status, total in snapshot.totals.items()}
        yield counters("imglab_queue_tasks_ended", words, self._owner, "ending", totals)
        states = worker_states(snapshot, self._queue.settings.lease)
        found = Counter(worker.activity for worker in states)
        workers = [((activity.value,), found[activity]) for activity in Activity]
        words = "Workers by what they do."
        yield gauges("imglab_queue_workers", words, self._owner, ["state"], workers)
        words = "1 while the queue is paused."
        yield gauge("imglab_queue_paused", words, self._owner, snapshot.is_paused)
        if snapshot.max_pending is not None:
            words = "How many tasks may be in line and delayed."
            yield gauge("imglab_queue_max_pending_tasks", words, self._owner, snapshot.max_pending)

    def _since_then(self) -> Iterator[Metric]:
        from imglab.ops.metrics.families import counter, counters, histogram  # noqa: PLC0415

        seen = self._follower
        words = "What happened to tasks since this process began to watch, by event."
        yield counters("imglab_queue_events", words, self._owner, "event", dict(seen.events))
        words = "How often a worker died or fell silent with tasks in its hands."
        yield counter("imglab_queue_worker_deaths", words, self._owner, seen.deaths)
        words = "How long tasks stood in line before they were claimed."
        yield histogram("imglab_queue_wait_seconds", words, self._owner, seen.waits)
        words = "How long tries of tasks were in a worker's hands."
        yield histogram("imglab_queue_run_seconds", words, self._owner, seen.runs)

    def _follow(self) -> None:
        while not self._ending.wait(FOLLOW_INTERVAL_S):
            try:
                self.look()
            except QueueError as error:
                logger.debug("The events cannot be read: %s", error)
