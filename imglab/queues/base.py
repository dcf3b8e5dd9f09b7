"""What every queue promises, and the part of the promise that needs no store."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Self

from imglab.errors import (
    PartlyAdded,
    QueueError,
    QueueFull,
    TaskCancelled,
    TaskError,
    TaskExists,
    TaskFailed,
)
from imglab.language import tr
from imglab.queues.adding import Adding, call_id_of, ids_in, new_id
from imglab.queues.arguments import as_delay, as_id, as_timeout, as_tries
from imglab.queues.batches import Batches
from imglab.queues.bound import WaitForRoom
from imglab.queues.invariants import Standing, broken, seen_twice
from imglab.queues.own_claims import OwnClaims
from imglab.queues.patience import Patience, end_of
from imglab.queues.reasons import reason_in_words
from imglab.queues.task import (
    THE_ID,
    THE_PAYLOAD,
    QueueSettings,
    QueueStats,
    Task,
    check_name,
    check_priority,
    encode,
    encode_result,
)
from imglab.queues.vocabulary import NORMAL, Status
from imglab.text import told


class BaseQueue(OwnClaims, Batches):
    """A queue of tasks: each is executed at least once, its completion recorded exactly once.

    A claim lasts for one lease and is known by its token. Calls that need the claim take the Task
    that `get_task` gave, or its bare id when this very object made the claim.
    """

    def __init__(self, settings: QueueSettings) -> None:
        super().__init__()
        self.settings = settings

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what the queue holds, such as connections; its tasks stay where they are."""

    # What producers call

    def add_task(
        self,
        payload: Mapping[str, Any],
        priority: str = NORMAL,
        *,
        task_id: str | None = None,
        delay: float | timedelta | None = 0,
        max_attempts: int | None = None,
        timeout: float | None = 0,
    ) -> str:
        """Add a task and return its id. Nobody may claim it before `delay` seconds have passed.

        A full queue (see QueueSettings.max_pending) has to make room within `timeout` seconds, None
        for ever: else QueueFull.
        TaskError for a payload that is no JSON object or too large; TaskExists for an id in use;
        PartlyAdded when Redis went away, and nobody knows whether the task is in.
        """
        text = encode(payload, THE_PAYLOAD)
        call = Adding(new_id())
        if task_id is None:
            task_id = call.call_id  # as good as any
        else:
            call.has_own_ids = True
        call.left.append((check_name(task_id, THE_ID), text))
        try:
            self._checked_add(call, priority, delay, max_attempts, timeout)
        except QueueError as error:
            if call.unsure:
                raise call.is_unknown(error) from error
            raise
        if call.refused and call.has_own_ids:  # an id of ours is new: a lost reply's task has it
            raise TaskExists(*call.refused)
        return task_id

    def add_tasks(
        self,
        payloads: Iterable[Mapping[str, Any]],
        priority: str = NORMAL,
        *,
        delay: float | timedelta | None = 0,
        max_attempts: int | None = None,
        timeout: float | None = 0,
        resume: PartlyAdded | str | None = None,
    ) -> list[str]:
        """Add many tasks in few round trips and return their ids, in order.

        All payloads are checked before any task is added; TaskError as in `add_task`.
        A full queue takes as many as there is room for; for the others it has to make room within
        `timeout` seconds, None for ever: else PartlyAdded, and its `why` is QueueFull.
        PartlyAdded when it stops in the middle: repeated with that error, it adds only the rest:

            try:
                ids = queue.add_tasks(payloads)
            except PartlyAdded as error:
                ...  # `error.added` are in; make room, or wait for Redis
                ids = queue.add_tasks(payloads, resume=error)

        In another process `resume=error.call_id` does the same, as long as the queue keeps the
        tasks.
        """
        if not isinstance(payloads, Iterable) or isinstance(payloads, str | Mapping):
            raise TaskError(
                tr("add_tasks takes a list of payloads, not {payloads}.", payloads=told(payloads))
            )
        texts = [encode(payload, THE_PAYLOAD) for payload in payloads]
        call = Adding(call_id_of(resume))
        ids = ids_in(call.call_id, texts)
        tasks = dict(zip(ids, texts, strict=True))
        if isinstance(resume, PartlyAdded):
            call.added = [each for each in resume.added if tasks.pop(each, None) is not None]
        call.left.extend(tasks.items())
        try:
            self._checked_add(call, priority, delay, max_attempts, timeout)
        except TaskError:
            raise
        except QueueError as error:
            raise call.stopped_by(error) from error
        return ids

    def _checked_add(
        self, call: Adding, priority: str, delay: Any, tries: Any, timeout: Any
    ) -> None:
        check_priority(priority)
        seconds = as_delay(delay)
        tries = as_tries(tries)
        timeout = as_timeout(timeout)
        room = WaitForRoom(self, timeout)
        patience = Patience(self.patience, end_of(timeout))
        while call.left:
            with patience:
                try:
                    self._add(call, priority, seconds, tries)
                except QueueFull:
                    if room.is_late():
                        raise
                    room.wait()
                else:
                    room.was_found()

    # What workers call

    def get_task(self, worker: str, timeout: float | None = 0) -> Task | None:
        """Claim the next task for one lease; None when there is none within `timeout` seconds.

        0 answers at once, None waits for ever. High priority goes first, then normal, then low;
        every 8th claim asks the others before high, in turn, so that none of them starves.
        """
        timeout = as_timeout(timeout)
        until = end_of(timeout)
        patience = Patience(self.patience, until)
        while True:
            with patience:
                left = timeout
                if until is not None:
                    left = max(0.0, until - time.monotonic())
                tasks = self.get_tasks(worker, 1, left)
                return tasks[0] if tasks else None

    @abstractmethod
    def get_tasks(self, worker: str, limit: int, timeout: float | None = 0) -> list[Task]:
        """Claim up to `limit` tasks. Waits only while there is none at all.

        A task that broke a worker before comes alone.
        """

    def mark_completed(self, task: Task | str, result: Mapping[str, Any] | None = None) -> None:
        """Record the result of a task; twice is harmless.

        LeaseLost when another claim counts by now.
        """
        claimed = self._claimed(task)
        self._complete(claimed, encode_result(claimed, result))

    def complete_and_claim(
        self, task: Task | str, result: Mapping[str, Any] | None = None
    ) -> Task | None:
        """Record the result of a task and claim the same worker's next one, in one round trip."""
        claimed = self._claimed(task)
        text = encode_result(claimed, result)
        following = self.complete_and_claim_tasks([(claimed, text)], 1)
        return following[0] if following else None

    @abstractmethod
    def complete_and_claim_tasks(self, done: Sequence[tuple[Task, str]], limit: int) -> list[Task]:
        """Do the same for several tasks of one worker, each with its result as JSON text.

        LeaseLost when another claim counts by now for any of them: then the others are recorded,
        and nothing is claimed.
        """

    @abstractmethod
    def mark_failed(self, task: Task | str, error: str, *, retry: bool = True) -> None:
        """End a try with an error: the task waits for another try, or is failed after its last.

        `retry=False` when trying again cannot help. LeaseLost when another claim counts by now.
        """

    @abstractmethod
    def release(self, task: Task | str) -> None:
        """Give a task back unfinished, to the head of its list; the attempt does not count.

        One that was cancelled meanwhile ends as cancelled.
        """

    @abstractmethod
    def renew(self, task: Task | str, progress: str = "") -> bool:
        """Extend the claim to one lease from now: the heartbeat.

        Returns True when somebody asked to cancel the task. `progress` is a short text for people;
        `task(id).progress` shows it.
        """

    @abstractmethod
    def reap(self, dead_worker: str = "", pid: int | None = None) -> int:
        """Give back tasks whose lease ran out, and those of a worker known to be dead.

        With `pid`, only what that process of this machine had claimed: another one may have the
        same name. Returns how many were given back.
        """

    # What people call

    @abstractmethod
    def requeue_failed(self, task_ids: Iterable[str] | None = None) -> list[str]:
        """Give failed tasks (these, this one, or all) a fresh start; return the ids of those.

        A cancelled task starts afresh only when its id is named.
        """

    @abstractmethod
    def cancel(self, task_id: str) -> bool:
        """Take a waiting task out of its line, or ask a running one's worker to stop.

        It ends as cancelled, and nobody runs it again; only if its worker completes it before it
        hears of that, it is completed. Returns False for a task that was completed or failed
        before; twice is harmless. NoSuchTask for an unknown id.
        """

    @abstractmethod
    def pause(self) -> None:
        """Hand out no further tasks until `resume`; what is claimed goes on."""

    @abstractmethod
    def resume(self) -> None:
        """Hand out tasks again."""

    @abstractmethod
    def change_settings(
        self, settings: QueueSettings | None = None, /, **changes: Any
    ) -> QueueSettings:
        """Change these settings, or all, for everybody who uses this queue; return all of them.

        Workers take them up within half a minute, those that start from now on at once. QueueError
        for a setting that there is not, or a value that no queue can keep.
        """

    @abstractmethod
    def clear(self) -> int:
        """Delete all tasks and results of this queue, and what else is stored with it.

        Returns how many tasks there were. The queue begins anew: with the settings that this object
        was made with, or was asked to change, or else with the default ones.
        """

    @abstractmethod
    def get_stats(self) -> QueueStats:
        """How many tasks are where, at one moment."""

    @abstractmethod
    def task(self, task_id: str) -> Task:
        """A task as it is now, wherever it is; NoSuchTask when there is none with this id."""

    @abstractmethod
    def tasks(self, status: str, limit: int = 100) -> list[str]:
        """Up to `limit` ids of one status: next to be taken first, latest finished first."""

    @abstractmethod
    def result(self, task_id: str) -> dict[str, Any] | None:
        """What `mark_completed` recorded; None while there is nothing, or once it is too old."""

    @abstractmethod
    def workers(self) -> dict[str, dict[str, Any]]:
        """Who asked this queue for work, by name: {"seen" (ms), "task", "pid", "host"}."""

    @abstractmethod
    def events(self) -> Iterator[dict[str, Any]]:
        """What happened, oldest first, as far back as is kept: {"at" (ms), "event", "task", …}."""

    def trace(self, task_id: str) -> list[dict[str, Any]]:
        """The life of one task: those of the events that are about it."""
        wanted = as_id(task_id)
        return [event for event in self.events() if event["task"] == wanted]

    def wait(self, task_id: str, timeout: float | None = None) -> dict[str, Any] | None:
        """Wait until a task is completed, and return its result; None if that is no longer kept.

        TimeoutError after `timeout` seconds; TaskFailed when the task ends as failed, TaskCancelled
        when it was cancelled; NoSuchTask for an unknown id.
        """
        task_id = as_id(task_id)
        timeout = as_timeout(timeout)
        until = None if timeout is None else time.monotonic() + timeout
        patience = Patience(self.patience, end_of(timeout))
        while True:
            with patience:
                mark = self._mark()
                task = self.task(task_id)
                if task.status == Status.COMPLETED:
                    return self.result(task_id)
                if task.status == Status.FAILED:
                    raise TaskFailed(task_id, reason_in_words(task.reason))
                if task.status == Status.CANCELLED:
                    raise TaskCancelled(task_id, reason_in_words(task.reason))
                if not self._until_event(mark, until, task_id):
                    words = tr(
                        "Task {task_id} is {status} after {timeout:g} seconds.",
                        task_id=task_id,
                        status=task.status,
                        timeout=timeout,
                    )
                    raise TimeoutError(words)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until no task is pending, processing or delayed; False after `timeout` seconds."""
        timeout = as_timeout(timeout)
        until = None if timeout is None else time.monotonic() + timeout
        patience = Patience(self.patience, end_of(timeout))
        while True:
            with patience:
                mark = self._mark()
                if self.get_stats().unfinished == 0:
                    return True
                if not self._until_event(mark, until):
                    return False

    def check(self) -> list[str]:
        """The invariants that do not hold, each as a sentence; empty when all do.

        It looks at every task, in steps between which others are served, and twice at what was seen
        in two places: tasks that move meanwhile may be passed over, none is wrongly called broken.
        """
        tokens, standings = self.standings()
        moved = self._who_moved(seen_twice(standings))
        return broken(standings, tokens, moved=moved)

    @abstractmethod
    def standings(self) -> tuple[int, list[Standing]]:
        """The number of wake tokens, and every place of every task.

        Each place with the task's record at one moment; not all of them at the same one.
        """

    def _who_moved(self, suspects: list[str]) -> set[str]:
        """Those of the tasks seen in two places that are not: they moved while we looked."""
        return set()

    # What a store has to bring

    @abstractmethod
    def _add(self, call: Adding, priority: str, delay: float, tries: int | None) -> None:
        """Store some of the checked tasks that are left, the first ones, and note it in `call`.

        QueueFull when there is no room for all of these.
        """

    @abstractmethod
    def _complete(self, task: Task, result: str) -> None:
        """Record a checked result, JSON."""
