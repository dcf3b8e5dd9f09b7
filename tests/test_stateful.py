"""Hypothesis plays random histories with both queues; a small model predicts every outcome.

Time decides nothing here: leases and back-offs last for days, and a rule moves a deadline into the
past where the story needs it. `make test` plays 200 histories with each queue; a long run is
IMGLAB_EXAMPLES=3000 .venv/bin/python -m pytest tests/test_stateful.py
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
import redis
from helpers.clock import run_out
from helpers.server import redis_queue
from hypothesis import settings, stateful
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, multiple, rule

from imglab.errors import (
    LeaseLost,
    NoSuchTask,
    PartlyAdded,
    QueueFull,
    QueueUnavailable,
    TaskError,
    TaskExists,
)
from imglab.queues import QueueSettings, Task, TaskQueue
from imglab.queues.invariants import broken
from imglab.queues.vocabulary import PRIORITIES, impossible_steps

LONG = 1e6
LIMITS = QueueSettings(
    LONG, max_attempts=2, max_crashes=2, backoff=LONG, backoff_cap=LONG, keep=3, max_pending=8
)
EXAMPLES = int(os.environ.get("IMGLAB_EXAMPLES", "200"))
#: Many histories may take their time on a busy machine.
pytestmark = pytest.mark.timeout(max(900, EXAMPLES))
FORGET = {"database": None, "derandomize": False, "print_blob": True}
HISTORIES = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None, **FORGET)
#: The model's places, each with its status; the next claim lines up what is due.
STATUS = dict.fromkeys(PRIORITIES, "pending") | {"due": "delayed"}
STATUS |= {place: place for place in ("processing", "delayed", "completed", "failed", "cancelled")}
UNORDERED = ("processing", "delayed", "due")


@dataclass
class Known:
    """What the model knows of one task."""

    id: str
    payload: dict[str, int]
    priority: str
    max_attempts: int
    place: str = ""
    attempts: int = 0
    crashes: int = 0
    claim: str = ""
    worker: str = ""
    has_run_out: bool = False
    is_cancelled: bool = False
    errors: list[str | None] = field(default_factory=list)  # by which claim; None for the reaper
    result: dict[str, int] | None = None
    committed: str = ""


class Model:
    """A BaseQueue without Redis, locks and time: the same calls, the same answers and refusals."""

    def __init__(self, order_of) -> None:
        self.order_of = order_of  # the order of one step done to several tasks; any order is right
        self.tasks: dict[str, Known] = {}
        self.places: dict[str, list[str]] = {place: [] for place in STATUS}
        self.totals = {"completed": 0, "failed": 0, "cancelled": 0}
        self.claims = 0
        self.is_paused = False
        self.unheard: dict[str, list[Task]] = {}  # by worker: the claims whose reply it never got
        self.is_heard = True  # whether the reply to what is asked now arrives
        self.needs_token = False  # unless somebody is about to look for work anyway

    def add_task(self, payload, priority, *, task_id, delay, max_attempts):
        if task_id in self.tasks:
            raise TaskExists
        if self.is_full():
            raise QueueFull(LIMITS.max_pending, LIMITS.max_pending)
        task = Known(task_id, payload, priority, max_attempts or LIMITS.max_attempts)
        self.tasks[task_id] = task
        self.move(task, "delayed" if delay else priority)
        return task_id

    def is_full(self):
        in_line = sum(len(self.places[place]) for place in (*PRIORITIES, "due", "delayed"))
        return in_line >= LIMITS.max_pending

    def get_task(self, worker):
        return next(iter(self.get_tasks(worker, 1)), None)

    def get_tasks(self, worker, limit):
        if unheard := [each for each in self.unheard.get(worker, ()) if self._holds(each)]:
            claims = [self._as_task(self.tasks[each.id]) for each in unheard]
            if not self.is_heard:
                return claims
            for each in reversed(unheard[limit:]):
                self.release(each)
            return claims[:limit]
        for task_id in list(self.places["due"]):
            self.move(self.tasks[task_id], self.tasks[task_id].priority)
        self.reap()
        tasks = []
        while len(tasks) < limit and not self.is_paused:
            order = PRIORITIES
            if self.claims % 8 == 7:
                is_lows_turn = self.claims // 8 % 2 == 0
                order = ("low", "normal", "high") if is_lows_turn else ("normal", "low", "high")
            waiting = [task_id for place in order for task_id in self.places[place]]
            if not waiting or (tasks and self.tasks[waiting[0]].crashes):
                break
            task = self.tasks[waiting[0]]
            self.move(task, "processing")
            self.claims += 1
            task.attempts += 1
            task.worker, task.has_run_out = worker, False
            tasks.append(self._as_task(task))
            limit = 1 if task.crashes else limit
        return tasks

    def mark_completed(self, claim, result):
        task = self.tasks.get(claim.id)
        if task is None or task.committed != claim.claim:
            task = self._held(claim)
            task.result, task.committed = result, claim.claim
            self._finish(task, "completed")

    def complete_and_claim(self, claim, result):
        self.mark_completed(claim, result)
        return self.get_task(claim.worker)

    def complete_and_claim_tasks(self, done, limit):
        results = [outcome(self.mark_completed, claim, json.loads(text)) for claim, text in done]
        if LeaseLost in results:
            raise LeaseLost
        return self.get_tasks(done[0][0].worker, limit) if limit else []

    def mark_failed(self, claim, error, *, retry):
        task = self.tasks.get(claim.id)
        if task is None or claim.claim not in task.errors:
            task = self._held(claim)
            is_last = not retry or task.attempts - task.crashes >= task.max_attempts
            self._retry_or_bury(task, claim.claim, is_last=is_last)

    def renew(self, claim):
        self._held(claim).has_run_out = False
        return self.tasks[claim.id].is_cancelled

    def release(self, claim):
        task = self._held(claim)
        if task.is_cancelled:
            self._cancel(task, None)
        else:
            task.attempts -= 1
            self.move(task, task.priority, at=0)

    def reap(self, dead_worker=""):
        held = [self.tasks[each] for each in self.places["processing"]]
        lost = [task.id for task in held if task.has_run_out or task.worker == dead_worker]
        for task_id in self.order_of("expired", lost):
            task = self.tasks[task_id]
            task.crashes += 1
            self._retry_or_bury(task, None, is_last=task.crashes >= LIMITS.max_crashes)
        return len(lost)

    def cancel(self, task_id):
        if task_id not in self.tasks:
            raise NoSuchTask
        task = self.tasks[task_id]
        if task.place in ("completed", "failed"):
            return False
        if task.place == "processing":
            task.is_cancelled = True
        elif task.place != "cancelled":
            self._cancel(task, None)
        return True

    def requeue_failed(self, task_ids):
        failed = self.places["failed"][::-1]
        wanted = failed if task_ids is None else dict.fromkeys(task_ids)
        moved = [each for each in wanted if each in failed + self.places["cancelled"]]
        for task in [self.tasks[each] for each in moved]:
            task.attempts, task.crashes, task.is_cancelled = 0, 0, False
            self.move(task, task.priority)
        return moved

    def pause(self):
        self.is_paused = True

    def resume(self):
        self.is_paused = self.needs_token = False  # every sleeper looks around by itself

    def move(self, task, place, at=None):
        if task.place:
            self.places[task.place].remove(task.id)
        self.places[place].insert(len(self.places[place]) if at is None else at, task.id)
        task.place, task.claim = place, ""
        self.needs_token = self.needs_token or STATUS[place] in ("pending", "processing")

    def _holds(self, claim):
        return claim.id in self.tasks and self.tasks[claim.id].claim == claim.claim

    def _held(self, claim):
        if not self._holds(claim):
            raise LeaseLost(claim.id)
        return self.tasks[claim.id]

    def _as_task(self, task):
        return Task(task.id, task.payload, task.priority, task.attempts, "", task.worker)

    def _retry_or_bury(self, task, by, *, is_last):
        if task.is_cancelled:
            self._cancel(task, by)
            return
        task.errors = [*task.errors, by][-5:]
        if is_last:
            self._finish(task, "failed")
        else:
            self.move(task, "delayed")

    def _cancel(self, task, by):
        task.errors = [*task.errors, by][-5:]
        self._finish(task, "cancelled")

    def _finish(self, task, place):
        self.move(task, place, at=0)
        self.totals[place] += 1
        for old in self.places[place][LIMITS.keep :]:
            self.places[place].remove(old)
            del self.tasks[old]


def outcome(call, *arguments, **options):
    """What a call returns, or the class of its refusal."""
    try:
        return call(*arguments, **options)
    except (LeaseLost, TaskError, QueueFull, QueueUnavailable) as refusal:
        return type(refusal)


def when(*places):
    """A rule that makes sense when there is a task in one of these places."""
    return stateful.precondition(lambda self: any(self.model.places[each] for each in places))


class Machine(stateful.RuleBasedStateMachine):
    """Every call in any order, by any claim ever made: with the queue in memory."""

    ids, claims = Bundle("ids"), Bundle("claims")
    workers = st.sampled_from(["ann", "bob", "cy"])
    kinds = st.fixed_dictionaries(
        {
            "priority": st.sampled_from(["normal", "high", "low"]),
            "delay": st.sampled_from([0, 0, LONG]),
            "max_attempts": st.none() | st.integers(1, 3),
        }
    )
    calls = st.sampled_from(["mark_completed", "mark_failed", "renew", "release"])

    def __init__(self, *server) -> None:
        super().__init__()
        self.cleanup = ExitStack()
        self.queue = self.make_queue(*server)
        self.model = Model(self.order_of)
        self.known: set[str] = set()
        self.heard: dict[str, Task] = {}
        self.count = 0

    def make_queue(self):
        return TaskQueue(LIMITS)

    def history(self) -> list[dict[str, Any]]:
        return list(self.queue._events)

    def make_due(self, task_id) -> None:
        self.queue._records[task_id].deadline = self.number() - 1e9

    def number(self) -> int:
        self.count += 1
        return self.count

    def order_of(self, step, ids) -> list[str]:
        if len(ids) < 2:
            return ids
        order = [each["task"] for each in self.history() if each["event"] == step][-len(ids) :]
        assert sorted(order) == sorted(ids)
        return order

    def ask_both(self, call, *arguments, **options):
        real = self.ask_queue(call, *arguments, **options)
        return real, outcome(getattr(self.model, call), *arguments, **options)

    def ask_queue(self, call, *arguments, **options):
        return outcome(getattr(self.queue, call), *arguments, **options)

    def same(self, call, *arguments, **options) -> None:
        real, predicted = self.ask_both(call, *arguments, **options)
        assert real == predicted

    def claimed(self, call, *arguments) -> list[Task]:
        real, predicted = self.ask_both(call, *arguments)
        if not isinstance(real, Task | list):
            assert real is predicted
            return []
        tasks, expected = (each if isinstance(each, list) else [each] for each in (real, predicted))
        assert [replace(task, claim="") for task in tasks] == expected
        for task in tasks:
            assert self.model.tasks[task.id].claim in ("", task.claim)
            self.model.tasks[task.id].claim = task.claim
            self.model.unheard.pop(task.worker, None)
            self.heard[task.id] = task
        return tasks

    @stateful.initialize(target=ids, kinds=st.lists(kinds, min_size=2, max_size=5))
    def begin(self, kinds):
        return multiple(*[self.add(kind) for kind in kinds])

    @rule(target=ids, kind=kinds)
    def add(self, kind):
        task_id = f"t{self.number()}"
        self.add_a_known_id(task_id, kind)
        return task_id

    @rule(task_id=ids, kind=kinds)
    def add_a_known_id(self, task_id, kind):
        self.same("add_task", {"n": self.number()}, task_id=task_id, **kind)
        self.known.add(task_id)

    @rule(target=ids, count=st.integers(1, 4), kind=kinds)
    def add_many(self, count, kind):
        payloads = [{"n": self.number()} for _ in range(count)]
        try:
            ids = self.queue.add_tasks(payloads, **kind)
        except PartlyAdded as error:
            assert isinstance(error.why, QueueFull)
            ids = error.added
        for task_id, payload in zip(ids, payloads, strict=False):
            self.model.add_task(payload, task_id=task_id, **kind)
        assert len(ids) == count or self.model.is_full()
        self.known.update(ids)
        return multiple(*ids)

    @when(*PRIORITIES, "due", "processing")
    @rule(target=claims, worker=workers)
    def claim(self, worker):
        return multiple(*self.claimed("get_task", worker))

    @when(*PRIORITIES, "due", "processing")
    @rule(target=claims, worker=workers, limit=st.integers(1, 4))
    def claim_several(self, worker, limit):
        return multiple(*self.claimed("get_tasks", worker, limit))

    @when(*PRIORITIES, "due", "processing")
    @rule(target=claims, worker=workers)
    def claim_and_fall_silent(self, worker):
        tasks = self.claimed("get_task", worker)
        for task in tasks:
            run_out(self.queue, task)
            self.model.tasks[task.id].has_run_out = True
        return multiple(*tasks)

    @rule(target=claims, claim=claims)
    def complete_and_claim(self, claim):
        return multiple(*self.claimed("complete_and_claim", claim, {"n": self.number()}))

    @rule(
        target=claims,
        done=st.lists(claims, min_size=1, max_size=3),
        limit=st.sampled_from([0, 1, 3]),
    )
    def complete_several_and_claim(self, done, limit):
        results = [(claim, f'{{"n":{self.number()}}}') for claim in done]
        of_one = [each for each in results if each[0].worker == done[0].worker]
        return multiple(*self.claimed("complete_and_claim_tasks", of_one, limit))

    @rule(claim=claims, call=calls, retry=st.booleans())
    def report(self, claim, call, retry, task_id=None):
        options = {"mark_completed": {"result": {"n": self.number()}}}
        options["mark_failed"] = {"error": "an error", "retry": retry}
        real = self.ask_queue(call, task_id or claim, **options.get(call, {}))
        assert real == outcome(getattr(self.model, call), claim, **options.get(call, {}))
        self.look_at(claim.id)

    @when("processing")
    @rule(which=st.integers(0, 9), call=calls, retry=st.booleans())
    def report_by_id(self, which, call, retry):
        held = self.model.places["processing"]
        task_id = held[which % len(held)]
        if task_id in self.heard:
            self.report(self.heard[task_id], call, retry, task_id)

    @when("processing")
    @rule(dead_worker=st.just("") | workers)
    def reap(self, dead_worker):
        self.same("reap", dead_worker)

    @when("delayed")
    @rule(count=st.integers(1, 4))
    def time_comes(self, count):
        for task_id in self.model.places["delayed"][:count]:
            self.make_due(task_id)
            self.model.move(self.model.tasks[task_id], "due")

    @rule(task_id=ids)
    def cancel(self, task_id):
        self.same("cancel", task_id)

    @when("failed", "cancelled")
    @rule(task_ids=st.none() | st.lists(ids, max_size=4))
    def requeue_failed(self, task_ids):
        self.same("requeue_failed", task_ids)

    @when("processing", "completed")
    @rule()
    def pause_or_resume(self):
        self.same("resume" if self.model.is_paused else "pause")

    @stateful.invariant()
    def every_task_is_where_the_model_has_it(self):
        tokens, standings = self.queue.standings()
        assert broken(standings, tokens, LIMITS) == []  # what check() says, from the same look
        known = self.model.tasks
        assert {each.id: (each.held, each.attempts, each.crashes) for each in standings} == {
            task.id: (task.claim, task.attempts, task.crashes) for task in known.values()
        }
        assert all(each.place == STATUS[known[each.id].place] for each in standings)
        for place, ids in self.model.places.items():
            real = [each.id for each in standings if known[each.id].place == place]
            # The right end of a line is taken first.
            assert place in UNORDERED or ids == (real[::-1] if place in PRIORITIES else real)
        self.sleepers_are_woken(tokens)

    def sleepers_are_woken(self, tokens) -> None:
        """In memory, nobody sleeps through an event."""

    def look_at(self, task_id) -> None:
        known = self.model.tasks.get(task_id)
        assert self.queue.result(task_id) == (known and known.result)
        task = outcome(self.queue.task, task_id)
        assert (task is NoSuchTask) == (known is None)
        if known:
            assert (task.payload, task.status) == (known.payload, STATUS[known.place])
            assert [each.get("claim") for each in task.errors] == known.errors

    def teardown(self) -> None:
        with self.cleanup:
            if sys.exc_info()[0] is None:  # a story that came to its end
                self.everything_adds_up()

    def everything_adds_up(self) -> None:
        for task_id in self.known:
            self.look_at(task_id)
        places = self.model.places
        for status in STATUS.values():
            ids = [each for place in STATUS if STATUS[place] == status for each in places[place]]
            order = sorted if status in UNORDERED else list
            assert order(self.queue.tasks(status)) == order(ids)
        stats = self.queue.get_stats()
        assert {each: stats[f"{each}_total"] for each in self.model.totals} == self.model.totals
        assert {each: stats[each] for each in self.model.totals} == {
            each: len(places[each]) for each in self.model.totals
        }
        self.nothing_is_left_over()
        assert impossible_steps(self.history()) == []

    def nothing_is_left_over(self) -> None:
        assert self.queue._records.keys() == self.model.tasks.keys()


class RedisMachine(Machine):
    """The same with the queue in Redis, where replies are lost and workers sleep."""

    def make_queue(self, server):
        queue = self.cleanup.enter_context(redis_queue(server, LIMITS))
        queue.patience = 0.0  # a reply that is lost is the caller's to ask for again
        return queue

    def history(self) -> list[dict[str, Any]]:
        return list(self.queue.events())

    def make_due(self, task_id) -> None:
        self.queue.redis.zadd(self.queue.keys.delayed, {task_id: self.number()})

    def ask_queue(self, call, *arguments, **options):
        if "claim" in call or call.startswith("get_task"):
            # A claim reaps twice a second. Here it always does, as in memory: time decides nothing.
            self.queue.redis.hdel(self.queue.keys.meta, "reaped_at")
        return super().ask_queue(call, *arguments, **options)

    def unheard(self, call, *arguments) -> None:
        """A call that counts, and whose reply is lost."""
        send = self.queue._send

        def lose(*words, **options):
            send(*words, **options)
            if words[0] != "HDEL":
                raise redis.ConnectionError("the reply is lost")

        self.queue._send = lose
        assert self.ask_queue(call, *arguments) is QueueUnavailable
        self.queue._send = send
        self.model.is_heard = False
        claimed = outcome(getattr(self.model, call), *arguments)
        self.model.is_heard = True
        tasks = {Task: [claimed], list: claimed}.get(type(claimed), [])
        for task in tasks:
            self.model.tasks[task.id].claim = self.queue.task(task.id).claim
        if tasks and not any(map(self.model._holds, self.model.unheard.get(tasks[0].worker, ()))):
            self.model.unheard[tasks[0].worker] = [self.queue.task(task.id) for task in tasks]

    @rule(worker=Machine.workers)
    def claim_unheard(self, worker):
        self.unheard("get_task", worker)

    @rule(worker=Machine.workers, limit=st.integers(1, 4))
    def claim_several_unheard(self, worker, limit):
        self.unheard("get_tasks", worker, limit)

    @rule(claim=Machine.claims, call=st.sampled_from(["mark_completed", "complete_and_claim"]))
    def complete_unheard(self, claim, call):
        self.unheard(call, claim, {"n": self.number()})
        self.look_at(claim.id)

    @rule()
    def a_sleeper_wakes_up_and_dies(self):
        self.queue.redis.lpop(self.queue.keys.wake)
        self.model.needs_token = False

    def sleepers_are_woken(self, tokens) -> None:
        is_work = any(self.model.places[line] for line in PRIORITIES)
        assert tokens or not is_work or self.model.is_paused or not self.model.needs_token

    def nothing_is_left_over(self) -> None:
        space, own = self.queue.namespace, set(self.queue.keys.all)
        keys = set(self.queue.redis.scan_iter(space + "*", count=1000)) - own
        results = {f"{space}result:{task_id}" for task_id in self.model.places["completed"]}
        assert keys == results | {f"{space}task:{task_id}" for task_id in self.model.tasks}
        assert all(self.queue.redis.ttl(each) > 0 for each in results)


def test_the_queue_in_memory_does_what_the_model_says():
    stateful.run_state_machine_as_test(Machine, settings=HISTORIES)


def test_the_queue_in_redis_does_what_the_model_says(valkey):
    stateful.run_state_machine_as_test(partial(RedisMachine, valkey), settings=HISTORIES)
