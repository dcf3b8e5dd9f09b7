"""The worker: claim a task, run it, report, again; and the heartbeat that keeps its claim alive."""

from __future__ import annotations

import hashlib
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeVar

from imglab.errors import ImagingError, LeaseLost, QueueUnavailable, TaskError
from imglab.imaging import BaseFilter, FilterPipeline, open_image, save_image
from imglab.queues import BaseQueue, RedisTaskQueue, Task
from imglab.workers.folders import Folders

logger = logging.getLogger(__name__)

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
    `folders`. Override `process` for work of another kind.
    """

    def __init__(
        self,
        name: str,
        pipeline: FilterPipeline | Iterable[BaseFilter | str] = (),
        queue: BaseQueue | None = None,
        *,
        folders: Folders | None = None,
    ) -> None:
        self.name = name
        self.pipeline = FilterPipeline(pipeline)
        self.queue = queue if queue is not None else RedisTaskQueue()
        self.folders = folders or Folders.of_project()
        self.completed = 0
        self.failed = 0
        self._stopping = threading.Event()
        self._task: Task | None = None
        self._began = 0.0
        #: When somebody asked to cancel the task at hand, or its lease was lost; 0 for never.
        self._unwanted_since = 0.0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.pipeline!r}, {self.queue!r})"

    def start(self) -> int:
        """Work until nothing is pending or delayed; how many tasks this worker completed."""
        return self._work(self._next_or_end, until_empty=True)

    def run_forever(self) -> int:
        """Work until `stop`; how many tasks this worker completed."""
        return self._work(lambda: self.queue.get_task(self.name, timeout=1), until_empty=False)

    def stop(self) -> None:
        """Claim no further task; the one at hand is finished first."""
        self._stopping.set()

    def release(self) -> None:
        """Give the task at hand back for somebody else to take: this worker must leave now."""
        if task := self._task:
            self._unwanted_since = time.monotonic()
            self.queue.release(task)

    def give_up_when_overdue(self, grace: float) -> bool:
        """Fail the task at hand if it is over its time limit, or cancelled `grace` seconds ago.

        True when it did: this thread then has to end the process, for the other one may be hung.
        """
        task, now, limit = self._task, time.monotonic(), self.queue.settings.time_limit
        is_over = now - self._began > limit
        is_unwanted = self._unwanted_since and now - self._unwanted_since > grace
        if task is None or not (is_over or is_unwanted):
            return False
        reason = f"took longer than its time limit of {limit:g} s" if is_over else CANCELLED
        try:
            self.queue.mark_failed(task, reason, retry=is_over)
        except LeaseLost:
            return bool(is_unwanted)  # not ours any more; or it finished in this very moment
        return True

    def process(self, task: Task) -> dict[str, Any]:
        """Do what a task asks for; what comes back is its result, as plain JSON."""
        began = time.monotonic()
        filters = task.payload.get("filters")
        pipeline = self.pipeline if filters is None else FilterPipeline.from_spec(filters)
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
        if self._unwanted_since:
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

    def _work(self, next_task: Callable[[], Task | None], *, until_empty: bool) -> int:
        task: Task | None = None
        before = self.completed
        with self._heartbeat():
            while not self._stopping.is_set():
                task = task or self._insist(next_task)
                if task:
                    task = self._run(task)
                elif until_empty:
                    break
            if task:  # claimed along with the last completion, and never begun
                self._report(self.queue.release, task)
        return self.completed - before

    def _next_or_end(self) -> Task | None:
        """The next task; None when nothing is pending and nothing waits for another try."""
        while True:
            if task := self.queue.get_task(self.name, timeout=0):
                return task
            stats = self.queue.get_stats()
            if stats.pending + stats.delayed == 0 or self._stopping.is_set():
                return None
            if task := self.queue.get_task(self.name, timeout=0.2):
                return task

    def _run(self, task: Task) -> Task | None:
        """Do one task and report it; the next one, if it came along with the report."""
        self._unwanted_since, self._began = 0.0, time.monotonic()
        self._task = task
        try:
            result = self.process(task)
        except Cancelled:
            error, retry = CANCELLED, False
        except ImagingError as problem:
            error, retry = str(problem), False  # the picture or the filters: no use in trying again
        except Exception as problem:  # whatever it is, the worker goes on
            logger.warning("%s: task %s raised", self.name, task.id, exc_info=True)
            error, retry = f"{type(problem).__name__}: {problem}", True
        else:
            return self._completed(task, result)
        finally:
            self._task = None
        logger.info("%s: task %s failed: %s", self.name, task.id, error)
        self.failed += 1
        self._report(self.queue.mark_failed, task, error, retry=retry)
        return None

    def _completed(self, task: Task, result: dict[str, Any]) -> Task | None:
        finish = (
            self.queue.mark_completed if self._stopping.is_set() else self.queue.complete_and_claim
        )
        try:
            following = self._insist(lambda: finish(task, result))
        except LeaseLost as lost:
            logger.info("%s: %s", self.name, lost)
            return None
        except TaskError as problem:  # a result that is no JSON
            self.failed += 1
            self._report(self.queue.mark_failed, task, str(problem), retry=False)
            return None
        self.completed += 1
        logger.debug("%s: task %s completed: %s", self.name, task.id, result)
        return following

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
            if not (task := self._task):
                continue
            try:
                unwanted = self.queue.renew(task)
            except LeaseLost:
                unwanted = True
            except Exception:
                logger.warning("%s: no heartbeat for task %s", self.name, task.id, exc_info=True)
                continue
            if unwanted and self._task is task:
                self._unwanted_since = self._unwanted_since or time.monotonic()


#: The name the course uses.
RedisWorker = Worker
