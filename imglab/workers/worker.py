"""The worker: a loop that claims tasks, runs them and reports them, until it is told to stop."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from imglab.errors import LeaseLost, NoPhotographs, QueueError, TaskError
from imglab.language import tr
from imglab.queues import BaseQueue, RedisTaskQueue, Task
from imglab.queues.task import THE_RESULT, encode
from imglab.storage import Storage, storage_for
from imglab.workers.about import AtWork, about, with_trace
from imglab.workers.arguments import checked_max_memory, checked_max_tasks, checked_prefetch
from imglab.workers.endings import CANCELLED, Ending, Fate, ending_of
from imglab.workers.figures import Figures
from imglab.workers.heartbeat import Heartbeat
from imglab.workers.in_hand import InHand, claim_of
from imglab.workers.payloads import do_payload
from imglab.workers.renewal import Renewal

if TYPE_CHECKING:
    from imglab.imaging import BaseFilter, FilterPipeline
    from imglab.workers.standby import Standby

logger = logging.getLogger(__name__)

#: The longest a finished task waits for others to be reported along with it, in seconds.
MAX_REPORT_DELAY_S = 0.1
#: How long a call waits for a task before it says that there is none, in seconds: `run` looks
#: whether it is to stop in between, and a `burst` whether there is nothing left.
CLAIM_WAIT_S = 1.0
BURST_CLAIM_WAIT_S = 0.2
#: The longest that a worker which must leave waits for the reply to a claim, and the time between
#: two looks whether it came, in seconds.
MAX_CLAIM_S = CLAIM_WAIT_S + 1.0
LOOK_INTERVAL_S = 0.01
#: The shortest and the longest wait before a Redis that is away is asked once more, in seconds.
MIN_RETRY_WAIT_S = 0.05
MAX_RETRY_WAIT_S = 2.0

#: How often a worker says that Redis does not do what it is asked, in seconds; it may be for days.
SAY_INTERVAL_S = 60.0

#: What a worker notes of a task that it was told of, by the heartbeat, before it reported.
FOUND_LOST = "is not ours any more"

T = TypeVar("T")


class Worker:
    """One loop over any queue; several of them, in threads or processes, share the work.

    A task may name its own `filters`; else `pipeline` applies. It reads and writes only where its
    `storage` lets it. Override `process` for work of another kind. With `prefetch` above 1 it
    claims and reports so many tasks in one round trip: use it for small tasks only, for the others
    wait until this one is done. `checked` says that the pipeline is data that `spec()` gave: then
    it is not looked at, and Pillow not loaded, before the first task. `standby` renews in place of
    the heartbeat while a filter lets no other thread run; worker processes have one.

    After `max_tasks` tasks, or after a task that leaves it with more than `max_memory` (bytes, or
    such as "500MB"), `run` returns, and `left_because` says why: nothing is held any more, what was
    claimed and not begun is given back. To have a new process in its place is for whoever runs it:
    a WorkerPool replaces it, and `imglab worker` starts itself anew.
    """

    def __init__(
        self,
        name: str,
        pipeline: FilterPipeline | Iterable[BaseFilter | str | dict[str, Any]] = (),
        queue: BaseQueue | None = None,
        *,
        storage: Storage | None = None,
        prefetch: int = 1,
        checked: bool = False,
        standby: Standby | None = None,
        max_tasks: int | None = None,
        max_memory: int | str | None = None,
    ) -> None:
        self.name = name
        self.pipeline: Iterable[Any] = pipeline
        if pipeline and not checked:
            from imglab.imaging import FilterPipeline  # noqa: PLC0415 - it brings Pillow

            self.pipeline = FilterPipeline(pipeline)
        if queue is None:
            queue = RedisTaskQueue()
        if storage is None:
            storage = storage_for(shelf=_shelf_of(queue))
        self.queue = queue
        self.storage = storage
        self.prefetch = checked_prefetch(prefetch, queue.settings.max_crashes)
        self.completed = 0
        self.failed = 0
        self.in_hand = InHand()
        self.figures = Figures()
        self.renewal = Renewal(checked_max_tasks(max_tasks), checked_max_memory(max_memory))
        self._standby = standby
        self._stopping = threading.Event()
        #: When it last said that Redis does not do what it is asked; time.monotonic().
        self._said = -math.inf

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.pipeline!r}, {self.queue!r})"

    # What its owner calls

    @property
    def left_because(self) -> str:
        """Why it is to be renewed, or was; "" when it works on, or left for another reason."""
        return self.renewal.reason

    @property
    def is_leaving(self) -> bool:
        """Whether it claims nothing any more."""
        return self._stopping.is_set() or self.renewal.cause is not None

    def start(self) -> int:
        """Work until nothing is pending or delayed; return how many tasks were completed.

        It leaves earlier when it is to be renewed: see `left_because`. Also after a `stop`:
        whoever starts a worker means it to work.
        """
        self._stopping.clear()
        return self.run(burst=True)

    def run(self, *, burst: bool = False) -> int:
        """Work until `stop`, or until it is to be renewed; return how many tasks were completed.

        With `burst`, leave as soon as nothing is pending or delayed. A `stop` ends this run, and
        not the next one; one that comes before the run has begun ends it at once. NoPhotographs
        when its host has none: all that it holds is given back before.
        """
        completed_before = self.completed
        self.renewal.begin()
        try:
            with Heartbeat(self.name, self.queue, self.in_hand, self._standby):
                try:
                    self._loop(burst)
                except NoPhotographs:
                    self.stop()  # or it would claim the next ones when it reports
                    self._hand_in()
                    raise
                self._hand_in()
                self._give_back_waiting()
        finally:
            self._stopping.clear()
        return self.completed - completed_before

    def stop(self) -> None:
        """Claim no further task; the one at hand is finished first."""
        self._stopping.set()

    def process(self, task: Task) -> dict[str, Any]:
        """Do what a task asks for, and return its result, as plain JSON."""
        return do_payload(task.payload, self.pipeline, self.storage, self.check_cancelled)

    def check_cancelled(self) -> None:
        """End the task at hand when nobody wants it any more: call it between two steps.

        It raises Cancelled or NotOurs, which the loop understands.
        """
        self.in_hand.check()

    # What the watch thread of a worker process calls, while the main thread may be in a filter

    def release(self) -> None:
        """Give what is at hand back for somebody else to take: this worker must leave now.

        What is done is reported. The main thread may find out before the queue does: it is told
        that the tasks are given back, which is not the same as cancelled.
        """
        self.stop()
        # What was asked for may come at any moment, and what is reported may not have arrived yet:
        # neither must be left to its lease.
        limit = time.monotonic() + MAX_CLAIM_S
        while self.in_hand.speaking.is_up and time.monotonic() < limit:
            time.sleep(LOOK_INTERVAL_S)
        done = list(self.in_hand.done)
        if done:
            with suppress(LeaseLost):
                self.queue.complete_and_claim_tasks(done, 0)
        unfinished = self.in_hand.unfinished()
        self.in_hand.given_back.update(claim_of(task) for task in unfinished)
        for task in reversed(unfinished):  # each goes to the head of its list: the first one last
            with suppress(LeaseLost):
                self.queue.release(task)

    def give_up_when_overdue(self, grace: float) -> bool:
        """End the task at hand if it is over its time limit, or cancelled for `grace` seconds.

        True when the main thread may be hung in a task that is not its own any more: then the
        process has to end.
        """
        task = self.in_hand.task
        if task is None:
            return False
        if self.in_hand.unwanted_for(task) > grace:
            with suppress(LeaseLost):  # somebody else has it: no reason to go on with it here
                self.queue.mark_failed(task, CANCELLED, retry=False)
            return True
        limit = self.queue.settings.longest_try
        if time.monotonic() - self.in_hand.began <= limit:
            return False
        try:
            self.queue.mark_failed(
                task, tr("took longer than its time limit of {limit:g} s", limit=limit)
            )
        except LeaseLost:
            return False  # not ours any more; or it finished in this very moment
        return True

    # The loop

    def _loop(self, burst: bool) -> None:
        while not self.is_leaving:
            if self.in_hand.waiting:
                self._run_next()
                continue
            self._claim(burst)
            if burst and not self.in_hand.waiting:
                return

    def _claim(self, burst: bool) -> None:
        """Claim the next tasks; in a burst, none once there is nothing left to wait for."""
        claim = self._claim_or_wait
        if burst:
            claim = self._claim_or_end
        with self.in_hand.speaking:
            if not self._stopping.is_set():  # see release(): it looks in the opposite order
                self.in_hand.claimed(self._insist(claim))

    def _claim_or_wait(self) -> list[Task]:
        return self.queue.get_tasks(self.name, self._at_most(), CLAIM_WAIT_S)

    def _claim_or_end(self) -> list[Task]:
        """The next tasks; none when nothing is pending and nothing waits for another try."""
        wait = 0.0
        while True:
            tasks = self.queue.get_tasks(self.name, self._at_most(), wait)
            if tasks or self._stopping.is_set():
                return tasks
            stats = self.queue.get_stats()
            if stats.pending + stats.delayed == 0:
                return []
            wait = BURST_CLAIM_WAIT_S

    def _run_next(self) -> None:
        """Run the first task that waits, and report it, or keep it to be reported with others."""
        if self._standby is not None:
            self._standby.start()
        task = self.in_hand.begin()
        with AtWork(self.name, task):
            self._run_task(task)
        self.renewal.task_ended()
        waited = time.monotonic() - self.in_hand.reported
        if not self.in_hand.waiting or waited > MAX_REPORT_DELAY_S:
            self._hand_in()

    def _run_task(self, task: Task) -> None:
        try:
            self.check_cancelled()
            result = with_trace(self.process(task), task.payload)
            self.in_hand.done.append((task, encode(result, THE_RESULT, task.id)))
        except BaseException as problem:  # noqa: BLE001 - whatever it is, the worker goes on
            self._end_badly(task, problem)
        finally:
            self.in_hand.end()
            self.figures.runs.add(time.monotonic() - self.in_hand.began)

    def _at_most(self) -> int:
        """How many tasks to claim in one go."""
        return self.renewal.at_most(self.prefetch)

    # Reports

    def _end_badly(self, task: Task, problem: BaseException) -> None:
        """Report a try that did not end well; the interrupt of a person is passed on."""
        ending = ending_of(problem)
        self.figures.ended_badly(ending.fate)
        if ending.fate is Fate.NOT_OURS:
            logger.info("%s: task %s %s", self.name, task.id, FOUND_LOST)
            return
        with self.in_hand.speaking:
            self.in_hand.end()
            self._report_end(task, ending, problem)

    def _report_end(self, task: Task, ending: Ending, problem: BaseException) -> None:
        if ending.fate is Fate.GIVEN_BACK:
            self._give_back_waiting()  # each goes to the head of its list: so this one the last
            self._report(partial(self.queue.release, task))
            raise problem
        if ending.is_surprise:
            logger.warning("%s: task %s raised", self.name, task.id, exc_info=problem)
        if ending.fate is Fate.FAILED:
            self.failed += 1
        fate = ending.fate.name.lower()
        words = "%s: task %s %s: %s"
        logger.info(words, self.name, task.id, fate, ending.reason, extra={"error": ending.reason})
        # The queue knows which tasks are cancelled: whatever is told of one, it ends as such.
        fail = partial(self.queue.mark_failed, task, ending.reason, retry=ending.retry)
        self._report(fail)

    def _report(self, call: Callable[[], None]) -> None:
        try:
            self._insist(call)
        except LeaseLost as lost:
            logger.info("%s: %s", self.name, lost)

    def _hand_in(self) -> None:
        """Report what is done; the next tasks come along when there is nothing else to do."""
        done = list(self.in_hand.done)
        if not done:
            return
        with self.in_hand.speaking:
            limit = self._at_most()
            if self.in_hand.waiting or self.is_leaving:
                limit = 0
            self._hand_in_and_claim(done, limit)
        self.in_hand.reported_all()
        if not logger.isEnabledFor(logging.DEBUG):
            return
        for task, result in done:
            words = "%s: task %s completed: %s"
            logger.debug(words, self.name, task.id, result, extra=about(self.name, task))

    def _hand_in_and_claim(self, done: list[tuple[Task, str]], limit: int) -> None:
        self.completed += len(done)
        lost_count = 0
        try:
            tasks = self._insist(partial(self.queue.complete_and_claim_tasks, done, limit))
        except LeaseLost as lost:
            logger.info("%s: %s", self.name, lost)
            lost_count = len(lost.task_ids)
            self.completed -= lost_count
        else:
            if tasks:
                self.in_hand.claimed(tasks)
        self.figures.completed(len(done) - lost_count, lost_count)

    def _give_back_waiting(self) -> None:
        """Give back what was claimed and never begun, in such an order that the queue is as before.

        Each task goes to the head of its list, so the first one goes last.
        """
        while self.in_hand.waiting:
            # It is in hand until it is given back: the watch thread may end this process.
            task = self.in_hand.waiting[-1]
            self._report(partial(self.queue.release, task))
            self.in_hand.waiting.pop()

    def _insist(self, call: Callable[[], T]) -> T:
        """Call until Redis does it, however long it is away; our calls may be repeated."""
        wait = MIN_RETRY_WAIT_S
        while True:
            try:
                answer = call()
            except (LeaseLost, TaskError):
                self.figures.trouble = ""
                raise
            except QueueError as error:
                self.figures.trouble = str(error)
                # Also what is no "not now": a person may mend it, and this worker is still there.
                if self._stopping.is_set():
                    raise
                self._say_now_and_then(f"{error} Asking again.")
                self._stopping.wait(random.uniform(0.5, 1) * wait)
                wait = min(2 * wait, MAX_RETRY_WAIT_S)
            else:
                self.figures.trouble = ""
                return answer

    def _say_now_and_then(self, words: str) -> None:
        """Log what may go on for a day: at once, then once a minute."""
        now = time.monotonic()
        if now - self._said >= SAY_INTERVAL_S:
            self._said = now
            logger.warning("%s: %s", self.name, words)


def _shelf_of(queue: BaseQueue) -> RedisTaskQueue | None:
    """What carries pictures: a queue in Redis does, one in memory has no need to."""
    if isinstance(queue, RedisTaskQueue):
        return queue
    return None


#: The name the course uses.
RedisWorker = Worker
