"""Claims in Redis: a worker asks for tasks, waits for them, and never gets more than it asked for.

A claim whose reply was lost is not lost: the worker's next call sends the same nonce, and gets it.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from imglab.errors import LeaseLost, TaskError
from imglab.language import tr
from imglab.queues.arguments import as_count, as_timeout
from imglab.queues.connection import BLOCK, speaking_to
from imglab.queues.nonces import Nonces
from imglab.queues.redis_settings import RedisSettings
from imglab.queues.task import WORKERS_NAME, QueueSettings, Task, check_name, decode


class RedisClaims(RedisSettings):
    """The part of `RedisTaskQueue` that claims tasks."""

    def __init__(
        self, place: Mapping[str, Any], name: str, namespace: str, settings: QueueSettings | None
    ) -> None:
        super().__init__(place, name, namespace, settings)
        self._host = socket.gethostname()
        self._nonces = Nonces(self._host)

    def get_tasks(self, worker: str, limit: int, timeout: float | None = 0) -> list[Task]:
        check_name(worker, WORKERS_NAME)
        limit = as_count(limit, "limit", 1)
        timeout = as_timeout(timeout)
        start = time.monotonic()
        until = None if timeout is None else start + timeout
        while True:
            tasks, wait = self._claim("get_tasks", worker, limit)
            now = time.monotonic()
            left = BLOCK if until is None else until - now
            if not tasks and wait == 0 and max(left, start + BLOCK - now) > 0:
                continue  # what it found was no task, and there is more behind
            if tasks or left <= 0:
                return tasks
            # Waking is only a hint: we claim again either way, unless our own time is up; the
            # caller's next call claims first.
            seconds = max(min(left, BLOCK, wait), 0.001)
            with speaking_to(self.redis):
                rang = self._send("BLPOP", self.keys.wake, seconds)
            if not rang and until is not None and seconds >= left:
                return []

    def complete_and_claim_tasks(self, done: Sequence[tuple[Task, str]], limit: int) -> list[Task]:
        worker = done[0][0].worker
        words: list[str] = []
        for task, result in done:
            words += (task.id, task.claim, result)
        tasks, _ = self._claim("complete_and_claim", worker, limit, words)
        return tasks

    def _claim(
        self, name: str, worker: str, limit: int, done: Sequence[str] = ()
    ) -> tuple[list[Task], float]:
        """Run a script that claims: its tasks, or none and in how many seconds to ask again.

        `done` has id, token and result of each task to be completed before. LeaseLost when one of
        them is not ours any more.
        """
        self._agree()
        nonce, was_sent_before = self._nonces.take(worker)
        try:
            reply = self._run(
                name,
                *done,
                worker=worker,
                nonce=nonce,
                pid=self._nonces.process,
                host=self._host,
                random=random.random(),
                limit=limit,
                again="1" if was_sent_before else "",
            )
        except BaseException:  # an interrupt, too: the claim may have been made all the same
            self._nonces.give_back(worker, nonce)
            raise
        if not done:
            return self._at_most(limit, *self._read_claims(reply, worker, nonce), nonce)
        completed = len(done) // 3
        stale = [done[3 * n] for n, recorded in enumerate(reply[:completed]) if not recorded]
        has_claimed = limit and not stale
        if was_sent_before and not has_claimed:
            self._nonces.give_back(worker, nonce)  # what it claimed before is still owed
        if stale:
            raise LeaseLost(*stale)  # and nothing was claimed
        if not limit:
            return [], 0
        return self._at_most(limit, *self._read_claims(reply[completed], worker, nonce), nonce)

    def _at_most(
        self, limit: int, tasks: list[Task], wait: float, nonce: str
    ) -> tuple[list[Task], float]:
        """So many of the tasks: a call whose reply was lost may have claimed more for this worker.

        The others go back to the heads of their lines, the last one first: the order is as before.
        """
        for task in reversed(tasks[limit:]):
            with self._owing(task.worker, nonce), suppress(LeaseLost):
                self.release(task)
        return tasks[:limit], wait

    @contextmanager
    def _owing(self, worker: str, nonce: str) -> Iterator[None]:
        """Note, when it is broken off in here, that all that was claimed is still owed."""
        try:
            yield
        except BaseException:
            self._nonces.give_back(worker, nonce)
            raise

    def _read_claims(self, reply: list[Any], worker: str, nonce: str) -> tuple[list[Task], float]:
        """The claimed tasks, or in how many seconds to ask again. A broken payload is no task."""
        if isinstance(reply[0], int):
            return [], reply[0] / 1000
        tasks = []
        for task_id, payload, priority, attempt, claim in reply:
            try:
                task = Task(task_id, decode(payload), priority, attempt, claim, worker)
            except TaskError as error:
                broken = Task(task_id, {}, priority, attempt, claim, worker)
                why = tr("The payload is broken. {error}", error=error)
                # Where somebody else has it by now, it is his to find out.
                with self._owing(worker, nonce), suppress(LeaseLost):
                    self.mark_failed(broken, why, retry=False)
            else:
                tasks.append(self._remember(task))
        return tasks, 0
