"""The worker: claim a task, run it, report, again; and the heartbeat that keeps its claim alive."""

from __future__ import annotations

import hashlib
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from imglab.errors import ImagingError, ImglabError, LeaseLost, QueueUnavailable, TaskError
from imglab.queues import BaseQueue, RedisTaskQueue, Task
from imglab.queues.task import encode
from imglab.storage import Folders

if TYPE_CHECKING:
    from imglab.imaging import BaseFilter, FilterPipeline

logger = logging.getLogger(__name__)

#: The longest a finished task waits, in seconds, for others to be reported along with it.
HAND_IN = 0.1
#: The longest wait, in seconds, before a worker asks a Redis that is away once more.
PATIENCE = 2.0

#: The reason a task is failed for when somebody cancelled it too late to keep it from running.
CANCELLED = "cancelled while it ran"

T = TypeVar("T")


class Cancelled(Exception):
    """The task at hand is not wanted any more, or belongs to somebody else by now."""


class Worker:
    """One loop over any queue; several of them, in threads or processes, share the work.

    A task may name its own `filters`; else `pipeline` applies. It reads and writes only below
    `folders`. Override `process` for work of another kind. With `prefetch` above 1 it claims and
    reports so many tasks in one round trip: for small ones, for the others wait in its hands.
    """

    def __init__(
        self,
        name: str,
        pipeline: FilterPipeline | Iterable[BaseFilter | str] = (),
        queue: BaseQueue | None = None,
        *,
        folders: Folders | None = None,
        prefetch: int = 1,
    ) -> None:
        self.name = name
        self.pipeline: Iterable[Any] = pipeline
        if pipeline:
            from imglab.imaging import FilterPipeline  # noqa: PLC0415 - see process()

            self.pipeline = FilterPipeline(pipeline)
        self.queue = queue if queue is not None else RedisTaskQueue()
        self.folders = folders or Folders.of_project()
        self.prefetch = prefetch
        # After a crash nobody knows which of them did it: each is then tried again, alone.
        if not 1 <= prefetch <= (500 if self.queue.settings.max_crashes > 1 else 1):
            raise ImglabError(
                f"prefetch must be 1 to 500, not {prefetch!r}, and 1 where max_crashes is 1."
            )
        self.completed = 0
        self.failed = 0
        self._stopping = threading.Event()
        self._waiting: deque[Task] = deque()
        self._task: Task | None = None
        self._began = 0.0
        #: What is done and not reported yet, with its result as JSON, and the last report's time.
        self._done: list[tuple[Task, str]] = []
        self._reported = 0.0
        #: Claims that somebody cancelled, or whose lease was lost, and since when.
        self._unwanted: dict[tuple[str, str], float] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.pipeline!r}, {self.queue!r})"

    def start(self) -> int:
        """Work until nothing is pending or delayed; how many tasks this worker completed."""
        return self._work(self._next_or_end, until_empty=True)

    def run_forever(self) -> int:
        """Work until `stop`; how many tasks this worker completed."""
        return self._work(
            lambda: self.queue.get_tasks(self.name, self.prefetch, 1), until_empty=False
        )

    def stop(self) -> None:
        """Claim no further task; the one at hand is finished first."""
        self._stopping.set()

    def release(self) -> None:
        """Give what is at hand back for somebody else to take: this worker must leave now."""
        if done := list(self._done):
            with suppress(LeaseLost):
                self.queue.complete_and_claim_tasks(done, 0)
        for task in self._unfinished()[::-1]:  # each goes to the head: the first one last
            self._unwanted[task.id, task.claim] = time.monotonic()
            with suppress(LeaseLost):
                self.queue.release(task)

    def give_up_when_overdue(self, grace: float) -> bool:
        """Fail the task at hand if it is over its time limit, or cancelled `grace` seconds ago.

        True when it did: this thread then has to end the process, for the other one may be hung.
        """
        task, now, limit = self._task, time.monotonic(), self.queue.settings.time_limit
        is_over = now - self._began > limit
        is_unwanted = (
            task is not None and now - self._unwanted.get((task.id, task.claim), now) > grace
        )
        if task is None or not (is_over or is_unwanted):
            return False
        reason = f"took longer than its time limit of {limit:g} s" if is_over else CANCELLED
        try:
            self.queue.mark_failed(task, reason, retry=is_over)
        except LeaseLost:
            return is_unwanted  # not ours any more; or it finished in this very moment
        return True

    def process(self, task: Task) -> dict[str, Any]:
        """Do what a task asks for; what comes back is its result, as plain JSON."""
        # Not before the first task: a worker is at hand sooner, and smaller, without Pillow.
        from imglab.imaging import FilterPipeline, open_image, save_image  # noqa: PLC0415

        began = time.monotonic()
        filters = task.payload.get("filters")
        pipeline = FilterPipeline(self.pipeline if filters is None else filters)
        with self.folders.open(task.payload.get("image_path")) as file:
            image = open_image(file)
            target = task.payload.get("output_path") or self._output_name(file, pipeline)
        self.folders.to_write(target)  # refused now, not after the work
        for each in pipeline:
            self.check_cancelled()
            image = each.apply(image)
        self.check_cancelled()
        with self.folders.writing(target) as (folder, name):
            save_image(image, name, folder=folder)
        return {
            "status": "success",
            "output_path": name,
            "width": image.width,
            "height": image.height,
            "seconds": round(time.monotonic() - began, 3),
        }

    def check_cancelled(self) -> None:
        """Raise Cancelled when the task at hand is not wanted any more: call it between steps."""
        if (task := self._task) and (task.id, task.claim) in self._unwanted:
            raise Cancelled

    def _output_name(self, file: BufferedReader, pipeline: FilterPipeline) -> str:
        """The same content and filters give the same name: running a task twice changes nothing."""
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256")
        digest.update(str(pipeline).encode())
        source = Path(file.name)
        return str(
            self.folders.writable / f"{source.stem}-{digest.hexdigest()[:16]}{source.suffix}"
        )

    # The loop

    def _work(self, next_tasks: Callable[[], list[Task]], *, until_empty: bool) -> int:
        before = self.completed
        with self._heartbeat():
            while not self._stopping.is_set():
                if not self._waiting:
                    self._unwanted.clear()
                    self._waiting.extend(self._insist(next_tasks))
                if self._waiting:
                    self._run()
                elif until_empty:
                    break
            self._hand_in()
            while self._waiting:  # claimed, and never begun; each goes to the head of its line
                self._report(self.queue.release, self._waiting.pop())
        return self.completed - before

    def _next_or_end(self) -> list[Task]:
        """The next tasks; none when nothing is pending and nothing waits for another try."""
        wait = 0.0
        while not (tasks := self.queue.get_tasks(self.name, self.prefetch, wait)):
            stats = self.queue.get_stats()
            if stats.pending + stats.delayed == 0 or self._stopping.is_set():
                break
            wait = 0.2
        return tasks

    def _run(self) -> None:
        """Do the first task that waits, and report it, or keep it to be reported with others."""
        self._began = time.monotonic()  # first: the other thread looks whether it is overdue
        # At no moment it is in neither place: that thread may have to give all of them back.
        task = self._task = self._waiting[0]
        self._waiting.popleft()
        try:
            self.check_cancelled()
            self._done.append((task, encode(self.process(task), f"The result of task {task.id}")))
        except Cancelled:
            self._failed(task, CANCELLED, retry=False)
        except (ImagingError, TaskError) as problem:  # the picture, the filters, the result
            self._failed(task, str(problem), retry=False)  # no use in trying again
        except Exception as problem:  # whatever it is, the worker goes on
            logger.warning("%s: task %s raised", self.name, task.id, exc_info=True)
            self._failed(task, f"{type(problem).__name__}: {problem}", retry=True)
        finally:
            self._task = None
        if not self._waiting or time.monotonic() - self._reported > HAND_IN:
            self._hand_in()

    def _failed(self, task: Task, error: str, *, retry: bool) -> None:
        self._task = None
        self.failed += 1
        logger.info("%s: task %s failed: %s", self.name, task.id, error)
        self._report(self.queue.mark_failed, task, error, retry=retry)

    def _hand_in(self) -> None:
        """Report what is done; the next tasks come along when there is nothing else to do."""
        if not (done := list(self._done)):
            return
        limit = 0 if self._waiting or self._stopping.is_set() else self.prefetch
        self.completed += len(done)
        try:
            self._waiting += self._insist(lambda: self.queue.complete_and_claim_tasks(done, limit))
        except LeaseLost as lost:
            logger.info("%s: %s", self.name, lost)
            self.completed -= len(lost.task_ids)
        self._done.clear()
        self._reported = time.monotonic()
        for task, result in done:
            logger.debug("%s: task %s completed: %s", self.name, task.id, result)

    def _unfinished(self) -> list[Task]:
        """What is claimed and not done: the task at hand, then those that wait."""
        return [*filter(None, [self._task]), *list(self._waiting)]

    def _report(
        self, call: Callable[..., None], task: Task, *arguments: Any, **options: Any
    ) -> None:
        try:
            self._insist(lambda: call(task, *arguments, **options))
        except LeaseLost as lost:
            logger.info("%s: %s", self.name, lost)

    def _insist(self, call: Callable[[], T]) -> T:
        """Call until Redis answers, even if it is away for a while; our calls may be repeated."""
        wait = 0.05
        while True:
            try:
                return call()
            except QueueUnavailable as error:
                if self._stopping.is_set():
                    raise
                logger.warning("%s: %s Asking again.", self.name, error)
                self._stopping.wait(random.uniform(0.5, 1) * wait)
                wait = min(2 * wait, PATIENCE)

    # The heartbeat

    @contextmanager
    def _heartbeat(self) -> Iterator[None]:
        finished = threading.Event()
        beat = threading.Thread(target=self._beat, args=(finished,), daemon=True)
        beat.start()
        try:
            yield
        finally:
            finished.set()
            beat.join()

    def _beat(self, finished: threading.Event) -> None:
        while not finished.wait(self.queue.settings.lease / 3):
            for task in (*self._unfinished(), *(each for each, _ in list(self._done))):
                try:
                    unwanted = self.queue.renew(task)
                except LeaseLost:
                    unwanted = True
                except Exception:
                    logger.warning("%s: no heartbeat for %s", self.name, task.id, exc_info=True)
                    break
                if unwanted:
                    self._unwanted.setdefault((task.id, task.claim), time.monotonic())


#: The name the course uses.
RedisWorker = Worker
