"""Hypothesis drives both queues through random histories; a small model predicts every outcome.

Time decides nothing here: leases and back-offs last for days, and a rule moves a deadline into the
past where the story needs it. `make test` plays 200 histories with each queue; a long run is
IMGLAB_EXAMPLES=3000 .venv/bin/python -m pytest --timeout 0 tests/test_stateful.py
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import redis
from conftest import redis_queue
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from test_queue_contract import run_out

from imglab.errors import LeaseLost, QueueUnavailable, TaskError
from imglab.queues import QueueSettings, Task, TaskQueue
from imglab.queues.check import illegal
from imglab.queues.task import PRIORITIES

LONG = 1e6
SETTINGS = QueueSettings(
    lease=LONG, max_attempts=2, max_crashes=2, backoff=LONG, backoff_cap=LONG, keep=3
)
EXAMPLES = settings(
    max_examples=int(os.environ.get("IMGLAB_EXAMPLES", "200")),
    stateful_step_count=40,
    deadline=None,
    derandomize=False,
    print_blob=True,
    database=None,
)
PLACES = ("pending", "processing", "delayed", "completed", "failed")


# The model


@dataclass
class Known:
    """What the model knows of one task."""

    payload: dict[str, int]
    priority: str
    max_attempts: int
    place: str = "pending"
    attempts: int = 0
    crashes: int = 0
    claim: str = ""
    worker: str = ""
    has_run_out: bool = False
    is_cancelled: bool = False
    #: Who reported each error: a claim, or None for the reaper.
    errors: list[str | None] = field(default_factory=list)
    result: dict[str, Any] | None = None
    committed: str = ""


@dataclass
class Model:
    """The promises of BaseQueue, without Redis, locks or time; each method is told what it returns.

    A refusal is returned as its class: LeaseLost, TaskError.
    """

    #: The order in which the queue did a step to several tasks at once, where any order is right.
    order_of: Callable[[str, list[str]], list[str]]
    tasks: dict[str, Known] = field(default_factory=dict)
    #: Next first.
    lines: dict[str, list[str]] = field(default_factory=lambda: {p: [] for p in PRIORITIES})
    delayed: list[str] = field(default_factory=list)
    due: list[str] = field(default_factory=list)
    #: Newest first.
    finished: dict[str, list[str]] = field(default_factory=lambda: {"completed": [], "failed": []})
    totals: dict[str, int] = field(default_factory=lambda: {"completed": 0, "failed": 0})
    claims: int = 0
    is_paused: bool = False
    #: worker → the claim whose reply it never got.
    unheard: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: False while a woken worker, or every sleeper by itself, is about to look for work.
    needs_token: bool = False

    def add(
        self,
        task_id: str,
        payload: dict[str, int],
        priority: str,
        delay: float,
        max_attempts: int | None,
    ) -> object:
        if task_id in self.tasks:
            return TaskError
        self.tasks[task_id] = Known(payload, priority, max_attempts or SETTINGS.max_attempts)
        if delay:
            self._delay(task_id)
        else:
            self._line_up(task_id)
        self.needs_token = True
        return task_id

    def claim(self, worker: str) -> str | None:
        """The id; `heard` has to tell the token."""
        unheard = self.unheard.get(worker, ("", ""))
        if self._holds(*unheard):
            return unheard[0]
        for task_id in self.due:
            self.delayed.remove(task_id)
            self._line_up(task_id)
        self.due.clear()
        self.reap()
        if self.is_paused:
            return None
        order = PRIORITIES if self.claims % 8 < 7 else PRIORITIES[::-1]
        task_id = next((self.lines[each].pop(0) for each in order if self.lines[each]), None)
        if task_id:
            self.claims += 1
            self.needs_token = True
            task = self.tasks[task_id]
            task.attempts += 1
            task.place, task.worker, task.has_run_out = "processing", worker, False
        return task_id

    def complete(self, claim: Task, result: dict[str, Any]) -> object:
        task = self.tasks.get(claim.id)
        if self._holds(claim.id, claim.claim):
            task.result, task.committed = result, claim.claim
            self._finish(claim.id, "completed")
        elif task is None or task.committed != claim.claim:
            return LeaseLost
        return None

    def complete_and_claim(self, claim: Task, result: dict[str, Any]) -> object:
        return self.complete(claim, result) or self.claim(claim.worker)

    def fail(self, claim: Task, *, retry: bool) -> object:
        task = self.tasks.get(claim.id)
        if self._holds(claim.id, claim.claim):
            is_last = not retry or task.attempts - task.crashes >= task.max_attempts
            self._retry_or_bury(claim.id, claim.claim, is_last=is_last)
        elif task is None or claim.claim not in task.errors:
            return LeaseLost
        return None

    def renew(self, claim: Task) -> object:
        if not self._holds(claim.id, claim.claim):
            return LeaseLost
        self.tasks[claim.id].has_run_out = False
        return self.tasks[claim.id].is_cancelled

    def release(self, claim: Task) -> object:
        if not self._holds(claim.id, claim.claim):
            return LeaseLost
        self.tasks[claim.id].attempts -= 1
        self._line_up(claim.id, at_the_head=True)
        self.needs_token = True
        return None

    def reap(self, dead_worker: str = "") -> int:
        held = [(each, task) for each, task in self.tasks.items() if task.place == "processing"]
        lost = [each for each, task in held if task.has_run_out or task.worker == dead_worker]
        for task_id in self.order_of("expired", lost):
            task = self.tasks[task_id]
            task.crashes += 1
            is_last = task.crashes >= SETTINGS.max_crashes
            self._retry_or_bury(task_id, None, is_last=is_last)
        return len(lost)

    def cancel(self, task_id: str) -> object:
        task = self.tasks.get(task_id)
        if task is None:
            return TaskError
        if task.place == "processing":
            task.is_cancelled = True
        elif task.result is not None or task.place == "failed":
            return False
        else:
            for waiting in (self.lines[task.priority], self.delayed, self.due):
                waiting[:] = [each for each in waiting if each != task_id]
            self._finish(task_id, "failed")
        return True

    def requeue_failed(self, task_ids: list[str] | None) -> list[str]:
        failed = self.finished["failed"]
        moved = [
            each for each in (failed[::-1] if task_ids is None else task_ids) if each in failed
        ]
        for task_id in moved:
            failed.remove(task_id)
            task = self.tasks[task_id]
            task.attempts, task.crashes, task.is_cancelled = 0, 0, False
            self._line_up(task_id)
            self.needs_token = True
        return moved

    def ids(self, place: str) -> list[str]:
        """The ids in one place, in their order where there is one."""
        if place == "pending":
            return [each for line in self.lines.values() for each in line]
        if place in self.finished:
            return self.finished[place]
        return sorted(each for each, task in self.tasks.items() if task.place == place)

    def _holds(self, task_id: str, claim: str) -> bool:
        task = self.tasks.get(task_id)
        return task is not None and task.place == "processing" and task.claim == claim

    def _line_up(self, task_id: str, *, at_the_head: bool = False) -> None:
        task = self.tasks[task_id]
        line = self.lines[task.priority]
        line.insert(0 if at_the_head else len(line), task_id)
        task.place, task.claim = "pending", ""

    def _delay(self, task_id: str) -> None:
        self.delayed.append(task_id)
        self.tasks[task_id].place, self.tasks[task_id].claim = "delayed", ""

    def _retry_or_bury(self, task_id: str, by: str | None, *, is_last: bool) -> None:
        task = self.tasks[task_id]
        task.errors = [*task.errors, by][-5:]
        if is_last or task.is_cancelled:
            self._finish(task_id, "failed")
        else:
            self._delay(task_id)

    def _finish(self, task_id: str, place: str) -> None:
        self.tasks[task_id].place, self.tasks[task_id].claim = place, ""
        self.totals[place] += 1
        self.finished[place].insert(0, task_id)
        for old in self.finished[place][SETTINGS.keep :]:
            del self.tasks[old]
        del self.finished[place][SETTINGS.keep :]


# The machine


def outcome(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What a call returns, or the class of its refusal."""
    try:
        return call(*arguments, **options)
    except (LeaseLost, TaskError, QueueUnavailable) as refusal:
        return type(refusal)


class Machine(RuleBasedStateMachine):
    """Every operation in any order, by workers whose claims may be long lost: here, in memory."""

    ids, claims = Bundle("ids"), Bundle("claims")
    workers = st.sampled_from(["ann", "bob", "cy"])
    new = st.fixed_dictionaries(
        {
            "priority": st.sampled_from(["normal", "high", "low"]),
            "delay": st.sampled_from([0, 0, LONG]),
            "max_attempts": st.none() | st.integers(1, 6),
        }
    )

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(self.order_of)
        self.known: set[str] = set()
        self.count = 0
        self.queue = self.make_queue()

    def make_queue(self):
        return TaskQueue(SETTINGS)

    def history(self) -> list[dict[str, Any]]:
        return [dict(event) for event in self.queue._events]

    def make_due(self, task_id: str) -> None:
        self.queue._records[task_id].deadline = self.number() - 1e9

    def reap_at_the_next_claim(self) -> None:
        """Nothing to do where every claim reaps."""

    def number(self) -> int:
        self.count += 1
        return self.count

    def order_of(self, step: str, ids: list[str]) -> list[str]:
        if len(ids) < 2:
            return ids
        order = [each["task"] for each in self.history() if each["event"] == step][-len(ids) :]
        assert sorted(order) == sorted(ids)
        return order

    # Producers

    @rule(target=ids, options=new)
    def add(self, options):
        return self._add(f"t{self.number()}", options)

    @rule(task_id=ids, options=new)
    def add_a_known_id(self, task_id, options):
        self._add(task_id, options)

    def _add(self, task_id, options):
        payload = {"n": self.number()}
        real = outcome(self.queue.add_task, payload, task_id=task_id, **options)
        assert real == self.model.add(task_id, payload, **options)
        self.known.add(task_id)
        return task_id

    @rule(target=ids, count=st.integers(1, 4), options=new)
    def add_many(self, count, options):
        payloads = [{"n": self.number()} for _ in range(count)]
        ids = self.queue.add_tasks(payloads, **options)
        for task_id, payload in zip(ids, payloads, strict=True):
            self.model.add(task_id, payload, **options)
        self.known.update(ids)
        return multiple(*ids)

    # Workers

    @rule(target=claims, worker=workers, runs_out=st.sampled_from([False, False, True]))
    def claim(self, worker, runs_out):
        self.reap_at_the_next_claim()
        task = self.queue.get_task(worker)
        predicted = self.model.claim(worker)
        if task and runs_out:
            run_out(self.queue, task)
            self.model.tasks[task.id].has_run_out = True
        return self._heard(task, predicted, worker)

    @rule(target=claims, claim=claims)
    def complete_and_claim(self, claim):
        self.reap_at_the_next_claim()
        result = {"n": self.number()}
        real = outcome(self.queue.complete_and_claim, claim, result)
        predicted = self.model.complete_and_claim(claim, result)
        if LeaseLost in (real, predicted):
            assert real == predicted
            return multiple()
        return self._heard(real, predicted, claim.worker)

    def _heard(self, task, predicted, worker):
        self.model.unheard.pop(worker, None)
        assert (task and task.id) == predicted
        if task is None:
            return multiple()
        known = self.model.tasks[predicted]
        assert known.claim in ("", task.claim)
        known.claim = task.claim
        expected = (known.payload, known.priority, known.attempts, worker)
        assert (task.payload, task.priority, task.attempt, task.worker) == expected
        return task

    @rule(claim=claims)
    def complete(self, claim):
        result = {"n": self.number()}
        real = outcome(self.queue.mark_completed, claim, result)
        assert real == self.model.complete(claim, result)
        self.look_at(claim.id)

    @rule(claim=claims, retry=st.sampled_from([True, True, False]))
    def fail(self, claim, retry):
        real = outcome(self.queue.mark_failed, claim, "an error", retry=retry)
        assert real == self.model.fail(claim, retry=retry)
        self.look_at(claim.id)

    @rule(claim=claims)
    def renew(self, claim):
        assert outcome(self.queue.renew, claim) == self.model.renew(claim)

    @rule(claim=claims)
    def release(self, claim):
        assert outcome(self.queue.release, claim) == self.model.release(claim)

    @rule(dead_worker=st.just("") | workers)
    def reap(self, dead_worker):
        assert self.queue.reap(dead_worker) == self.model.reap(dead_worker)

    # People, and time

    @precondition(lambda self: len(self.model.delayed) > len(self.model.due))
    @rule(which=st.integers(0, 9))
    def a_delayed_task_becomes_due(self, which):
        waiting = [each for each in self.model.delayed if each not in self.model.due]
        task_id = waiting[which % len(waiting)]
        self.make_due(task_id)
        self.model.due.append(task_id)

    @rule(task_id=ids)
    def cancel(self, task_id):
        assert outcome(self.queue.cancel, task_id) == self.model.cancel(task_id)

    @rule(task_ids=st.none() | st.lists(ids, min_size=1, max_size=4, unique=True))
    def requeue_failed(self, task_ids):
        assert self.queue.requeue_failed(task_ids) == self.model.requeue_failed(task_ids)

    @rule()
    def pause_or_resume(self):
        if self.model.is_paused:
            self.queue.resume()
            self.model.needs_token = False  # sleepers look around by themselves
        else:
            self.queue.pause()
        self.model.is_paused = not self.model.is_paused

    # What has to be true

    def look_at(self, task_id):
        known = self.model.tasks.get(task_id)
        assert self.queue.result(task_id) == (known and known.result)
        if known is None:
            assert outcome(self.queue.task, task_id) is TaskError
        else:
            task = self.queue.task(task_id)
            assert (task.payload, task.status) == (known.payload, known.place)
            assert [each.get("claim") for each in task.errors] == known.errors

    @invariant()
    def everything_is_where_the_model_has_it(self):
        assert self.queue.check() == []
        for place in PLACES:
            real = self.queue.tasks(place)
            ordered = place not in ("processing", "delayed")
            assert (real if ordered else sorted(real)) == self.model.ids(place)
        _, standings = self.queue.standings()
        real = {each.id: (each.place, each.held, each.attempts, each.crashes) for each in standings}
        assert real == {
            task_id: (task.place, task.claim, task.attempts, task.crashes)
            for task_id, task in self.model.tasks.items()
        }
        stats = self.queue.get_stats()
        totals = {"completed": stats.completed_total, "failed": stats.failed_total}
        assert totals == self.model.totals
        assert stats.unfinished == len(standings) - stats.completed - stats.failed

    def teardown(self) -> None:
        for task_id in self.known:
            self.look_at(task_id)
        lives = dict.fromkeys(self.known, 0)
        story = self.history()
        for event in story:  # an id that is no longer kept may begin another life
            lives[event["task"]] += event["event"] == "added"
            event["task"] += f" (life {lives[event['task']]})"
        assert illegal(story) == []


class RedisMachine(Machine):
    """The same in Redis, where replies are lost and workers sleep."""

    def __init__(self, server) -> None:
        self.cleanup = ExitStack()
        self.server = server
        super().__init__()

    def make_queue(self):
        return self.cleanup.enter_context(redis_queue(self.server, SETTINGS))

    def history(self) -> list[dict[str, Any]]:
        return list(self.queue.events())

    def make_due(self, task_id: str) -> None:
        self.queue.redis.zadd(self.queue.keys[":delayed"], {task_id: self.number()})

    def reap_at_the_next_claim(self) -> None:
        self.queue.redis.hdel(self.queue.keys[":meta"], "reaped_at")

    @contextmanager
    def replies_are_lost(self):
        send = self.queue.redis.execute_command

        def lose(*words, **options):
            send(*words, **options)
            raise redis.ConnectionError("the reply is lost")

        self.queue.redis.execute_command = lose
        yield
        self.queue.redis.execute_command = send

    @rule(worker=Machine.workers)
    def claim_unheard(self, worker):
        self.reap_at_the_next_claim()
        with self.replies_are_lost():
            assert outcome(self.queue.get_task, worker) is QueueUnavailable
        self._unheard(worker, self.model.claim(worker))

    @rule(claim=Machine.claims)
    def complete_unheard(self, claim):
        result = {"n": self.number()}
        with self.replies_are_lost():
            assert outcome(self.queue.mark_completed, claim, result) is QueueUnavailable
        self.model.complete(claim, result)
        self.look_at(claim.id)

    @rule(claim=Machine.claims)
    def complete_and_claim_unheard(self, claim):
        self.reap_at_the_next_claim()
        result = {"n": self.number()}
        with self.replies_are_lost():
            assert outcome(self.queue.complete_and_claim, claim, result) is QueueUnavailable
        self._unheard(claim.worker, self.model.complete_and_claim(claim, result))

    def _unheard(self, worker, predicted):
        if predicted is LeaseLost:
            return
        self.model.unheard.pop(worker, None)
        if predicted:
            token = self.model.tasks[predicted].claim = self.queue.task(predicted).claim
            self.model.unheard[worker] = (predicted, token)

    @rule()
    def a_sleeper_wakes_up_and_dies(self):
        self.queue.redis.lpop(self.queue.keys[":wake"])
        self.model.needs_token = False

    @invariant()
    def work_wakes_somebody(self):
        tokens = self.queue.redis.llen(self.queue.keys[":wake"])
        if self.model.needs_token and self.model.ids("pending") and not self.model.is_paused:
            assert tokens == 1

    def teardown(self) -> None:
        with self.cleanup:
            super().teardown()
            keys = self.queue.redis.scan_iter(self.queue.namespace + "*", count=1000)
            own = {key.removeprefix(self.queue.namespace) for key in keys}
            kept = {f"task:{each}" for each in self.model.tasks}
            kept |= {f"result:{each}" for each in self.model.finished["completed"]}
            assert {key for key in own if key.startswith(("task:", "result:"))} == kept


def test_the_queue_in_memory_does_what_the_model_says():
    run_state_machine_as_test(Machine, settings=EXAMPLES)


def test_the_queue_in_redis_does_what_the_model_says(valkey):
    run_state_machine_as_test(partial(RedisMachine, valkey), settings=EXAMPLES)
