"""One contract, two queues: all here holds for TaskQueue and RedisTaskQueue, also in a cluster."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, deque

import pytest
from helpers.clock import forget_result, make_due, run_out
from helpers.server import queue_of_kind

from imglab.errors import LeaseLost, NoSuchTask, TaskCancelled, TaskError, TaskExists, TaskFailed
from imglab.queues import PRIORITIES, QueueSettings
from imglab.queues.adding import Adding
from imglab.queues.vocabulary import impossible_steps

SETTINGS = QueueSettings(keep=5)


@pytest.fixture(params=["memory", "valkey", "redis", "cluster"])
def queue(request):
    with queue_of_kind(request, SETTINGS) as queue:
        yield queue


def claim_again(queue, worker: str = "w2"):
    """Claim a task that waits for another try."""
    (waiting,) = queue.tasks("delayed")
    make_due(queue, waiting)
    return queue.get_task(worker)


def places(queue) -> dict[str, int]:
    names = ("pending", "processing", "delayed", "completed", "failed", "cancelled")
    return {name: queue.get_stats()[name] for name in names if queue.get_stats()[name]}


# Adding and taking


def test_s4_s5_the_course_adds_claims_completes_and_counts(queue):
    task_id = queue.add_task({"image_path": "images/sample.jpg", "output_path": "output/a.jpg"})
    assert isinstance(task_id, str)
    task = queue.get_task("worker-1", timeout=5)
    assert task.id == task_id
    assert task["image_path"] == "images/sample.jpg"
    assert dict(queue.get_stats())["processing"] == 1
    queue.mark_completed(task_id, {"status": "success"})
    stats = queue.get_stats()
    assert (stats["pending"], stats["processing"], stats["completed"], stats["failed"]) == (
        0,
        0,
        1,
        0,
    )
    assert queue.result(task_id) == {"status": "success"}


def test_s5_an_empty_queue_with_timeout_0_answers_none_at_once(queue):
    assert queue.get_task("w", timeout=0) is None


def test_a_timeout_waits_that_long_and_no_task_comes(queue):
    began = time.monotonic()
    assert queue.get_task("w", timeout=0.3) is None
    assert time.monotonic() - began >= 0.3


def test_s5_a_blocked_worker_gets_the_task_that_is_added_meanwhile(queue):
    got = []
    waiting = threading.Thread(target=lambda: got.append(queue.get_task("w", timeout=20)))
    waiting.start()
    task_id = queue.add_task({"n": 1})
    waiting.join(20)
    assert [task.id for task in got] == [task_id]


def test_first_in_first_out(queue):
    ids = queue.add_tasks([{"n": n} for n in range(5)])
    assert queue.tasks("pending") == ids
    assert [queue.get_task("w").id for _ in ids] == ids


def test_s19_high_goes_first_then_normal_then_low(queue):
    for priority in ("low", "normal", "high"):
        queue.add_task({"p": priority}, priority)
    assert [queue.get_task("w")["p"] for _ in range(3)] == ["high", "normal", "low"]


def test_s19_every_8th_claim_asks_low_first_so_that_nothing_starves(queue):
    queue.add_tasks([{}] * 20, "high")
    queue.add_tasks([{}] * 2, "low")
    taken = [queue.get_task("w").priority for _ in range(16)]
    assert [n for n, priority in enumerate(taken, 1) if priority == "low"] == [8, 16]


def test_a_task_for_later_is_not_handed_out_before_its_time(queue):
    task_id = queue.add_task({}, delay=60)
    assert queue.get_task("w") is None
    assert queue.tasks("delayed") == [task_id]
    make_due(queue, task_id)
    assert queue.get_task("w").id == task_id


def test_an_id_that_exists_is_refused_and_left_as_it_is(queue):
    queue.add_task({"n": 1}, task_id="mine")
    with pytest.raises(TaskExists, match="mine exists already") as refusal:
        queue.add_task({"n": 2}, task_id="mine")
    assert refusal.value.task_ids == ("mine",)
    assert queue.get_stats().pending == 1
    assert queue.get_task("w")["n"] == 1


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("images/a.jpg", "must be a dict"),
        (["a"], "must be a dict"),
        ({"a": object()}, "cannot be stored as JSON"),
        ({"a": float("nan")}, "cannot be stored as JSON"),
        ({"a": "x" * 70_000}, "65,536 is the most"),
    ],
)
def test_a_payload_that_cannot_be_stored_is_refused(queue, payload, words):
    with pytest.raises(TaskError, match=words):
        queue.add_task(payload)
    assert places(queue) == {}


@pytest.mark.parametrize("name", ["", "a b", 'x","claim":"1', "é", "a" * 101, None, 7])
def test_a_name_with_other_characters_is_refused(queue, name):
    with pytest.raises(TaskError, match="must be 1 to 100 letters"):
        queue.get_task(name)
    if name is not None:
        with pytest.raises(TaskError, match="must be 1 to 100 letters"):
            queue.add_task({}, task_id=name)


def test_an_unknown_priority_or_status_names_those_that_exist(queue):
    with pytest.raises(TaskError, match="high, normal, low"):
        queue.add_task({}, "urgent")
    with pytest.raises(TaskError, match="no status 'done'"):
        queue.tasks("done")


def test_one_bad_payload_of_many_adds_none(queue):
    with pytest.raises(TaskError):
        queue.add_tasks([{"n": 1}, "bad"])
    assert places(queue) == {}


def test_s7_only_one_worker_ever_gets_a_task(queue):
    queue.add_tasks([{"n": n} for n in range(300)])
    taken: list[str] = []

    def take(name: str) -> None:
        while task := queue.get_task(name):
            taken.append(task.id)

    threads = [threading.Thread(target=take, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 300


# Finishing


def test_completing_twice_is_harmless_and_the_first_result_stays(queue):
    queue.add_task({})
    task = queue.get_task("w")
    queue.mark_completed(task, {"n": 1})
    queue.mark_completed(task, {"n": 2})
    queue.mark_completed(task.id, {"n": 3})
    assert queue.result(task.id) == {"n": 1}
    assert places(queue) == {"completed": 1}


def test_an_id_that_was_never_claimed_cannot_be_finished(queue):
    task_id = queue.add_task({})
    for finish in (
        queue.mark_completed,
        queue.release,
        queue.renew,
        lambda each: queue.mark_failed(each, "x"),
    ):
        with pytest.raises(NoSuchTask, match="never claimed here"):
            finish(task_id)
    assert places(queue) == {"pending": 1}


@pytest.mark.parametrize("end", ["mark_completed", "mark_failed", "release", "renew"])
def test_what_is_read_of_a_task_that_nobody_holds_finishes_nothing(queue, end):
    queue.add_task({}, task_id="waits")
    queue.add_task({}, task_id="later", delay=60)
    arguments = ["no luck"] if end == "mark_failed" else []
    for task_id in ("waits", "later"):
        with pytest.raises(LeaseLost):
            getattr(queue, end)(queue.task(task_id), *arguments)
    queue.mark_completed(queue.get_task("w"), {"n": 1})
    with pytest.raises(LeaseLost):
        getattr(queue, end)(queue.task("waits"), *arguments)
    assert queue.result("waits") == {"n": 1}
    assert queue.task("later").status == "delayed"


def test_a_result_that_is_no_json_is_refused_and_the_claim_stays(queue):
    queue.add_task({})
    task = queue.get_task("w")
    with pytest.raises(TaskError, match="result of task"):
        queue.mark_completed(task, {"x": object()})
    queue.mark_completed(task, {"x": 1})
    assert queue.result(task.id) == {"x": 1}


def test_complete_and_claim_finishes_one_and_takes_the_next(queue):
    first, second = queue.add_tasks([{}, {}])
    task = queue.get_task("w")
    following = queue.complete_and_claim(task, {"ok": True})
    assert (task.id, following.id) == (first, second)
    assert queue.complete_and_claim(following) is None
    assert places(queue) == {"completed": 2}


def test_complete_and_claim_with_a_lost_lease_takes_nothing(queue):
    queue.add_tasks([{}, {}])
    task = queue.get_task("w")
    queue.release(task)
    with pytest.raises(LeaseLost):
        queue.complete_and_claim(task)
    assert places(queue) == {"pending": 2}


def test_several_tasks_are_claimed_at_a_time_each_with_a_claim_of_its_own(queue):
    ids = queue.add_tasks([{"n": n} for n in range(5)])
    tasks = queue.get_tasks("w", 3)
    assert [task.id for task in tasks] == ids[:3]
    assert places(queue) == {"pending": 2, "processing": 3}
    queue.mark_failed(tasks[0], "boom", retry=False)
    queue.release(tasks[1])
    queue.mark_completed(tasks[2], {"n": 2})
    assert places(queue) == {"pending": 3, "failed": 1, "completed": 1}
    assert [task.id for task in queue.get_tasks("w", 9)] == [ids[1], ids[3], ids[4]]
    assert queue.get_tasks("w", 9) == []


def test_several_tasks_are_completed_and_the_next_claimed_in_one_step(queue):
    ids = queue.add_tasks([{"n": n} for n in range(5)])
    tasks = queue.get_tasks("w", 2)
    done = [(task, f'{{"n":{task["n"]}}}') for task in tasks]
    assert queue.complete_and_claim_tasks(done, 0) == []
    assert [queue.result(each) for each in ids[:2]] == [{"n": 0}, {"n": 1}]
    following = queue.complete_and_claim_tasks(done, 2)  # twice is harmless
    assert [task.id for task in following] == ids[2:4]
    assert places(queue) == {"pending": 1, "processing": 2, "completed": 2}


def test_of_several_completions_one_with_a_lost_lease_is_named_and_nothing_is_claimed(queue):
    queue.add_tasks([{}, {}, {}])
    lost, kept = queue.get_tasks("w", 2)
    queue.release(lost)
    with pytest.raises(LeaseLost) as refusal:
        queue.complete_and_claim_tasks([(lost, "{}"), (kept, "{}")], 2)
    assert refusal.value.task_ids == (lost.id,)
    assert places(queue) == {"pending": 2, "completed": 1}


def test_a_task_whose_worker_died_is_claimed_alone(queue):
    """Else its next crash would count against tasks that only were in the same hands."""
    first, second, third = queue.add_tasks([{}, {}, {}])
    queue.get_task("dead")
    queue.reap(dead_worker="dead")
    make_due(queue, first)
    assert [task.id for task in queue.get_tasks("w", 9)] == [second, third]
    assert [task.id for task in queue.get_tasks("w", 9)] == [first]
    fourth = queue.add_task({})
    queue.reap(dead_worker="w")
    for task_id in (first, second, third):
        make_due(queue, task_id)
    claims = [[task.id for task in queue.get_tasks("w", 9)] for _ in range(4)]
    assert claims[0] == [fourth]
    assert sorted(claims[1:]) == sorted([[first], [second], [third]])


def test_only_so_many_finished_tasks_are_kept_each_with_all_it_had(queue):
    ids = queue.add_tasks([{"n": n} for n in range(8)])
    task = queue.get_task("w")
    while task:
        task = queue.complete_and_claim(task, {"done": True})
    assert queue.tasks("completed") == ids[:2:-1]
    assert queue.get_stats().completed_total == 8
    for task_id in ids[:3]:
        assert queue.result(task_id) is None
        with pytest.raises(NoSuchTask, match="There is no task"):
            queue.task(task_id)


def test_a_lowered_number_of_kept_tasks_is_reached_with_the_next_that_ends(queue):
    ids = queue.add_tasks([{}] * 5)
    for _ in ids[1:]:
        queue.mark_completed(queue.get_task("w"))
    queue.change_settings(keep=2)
    queue.mark_completed(queue.get_task("w"))
    assert queue.tasks("completed") == ids[:2:-1]
    with pytest.raises(NoSuchTask):
        queue.task(ids[0])


# Failing and trying again


def test_the_wait_for_a_try_beyond_a_thousand_is_bounded_too(queue):
    queue.change_settings(backoff=0.001, backoff_cap=0.001)
    task_id = queue.add_task({}, max_attempts=2000)
    for _ in range(1100):
        queue.mark_failed(queue.get_task("w", timeout=30), "no luck")
    assert queue.task(task_id).status == "delayed"


def test_s24_a_failed_try_waits_and_is_tried_again_until_the_last(queue):
    queue.add_task({})
    for attempt in (1, 2):
        task = queue.get_task("w") or claim_again(queue)
        assert task.attempt == attempt
        queue.mark_failed(task, f"error {attempt}")
        assert places(queue) == {"delayed": 1}
    queue.mark_failed(claim_again(queue), "error 3")
    assert places(queue) == {"failed": 1}
    failed = queue.task(task.id)
    assert (failed.status, failed.attempt) == ("failed", 3)
    assert [each["error"] for each in failed.errors] == ["error 1", "error 2", "error 3"]


def test_without_retry_the_first_error_is_the_last(queue):
    queue.add_task({})
    queue.mark_failed(queue.get_task("w"), "no such filter", retry=False)
    assert places(queue) == {"failed": 1}


def test_a_task_may_bring_its_own_number_of_attempts(queue):
    queue.add_task({}, max_attempts=1)
    queue.mark_failed(queue.get_task("w"), "x")
    assert places(queue) == {"failed": 1}


def test_failing_twice_by_the_same_claim_counts_once(queue):
    queue.add_task({})
    task = queue.get_task("w")
    queue.mark_failed(task, "x")
    queue.mark_failed(task, "x")
    assert len(queue.task(task.id).errors) == 1


def test_s24_requeued_failed_tasks_get_a_fresh_start(queue):
    ids = queue.add_tasks([{}, {}])
    for _ in ids:
        queue.mark_failed(queue.get_task("w"), "x", retry=False)
    assert queue.requeue_failed([ids[1], "unknown"]) == [ids[1]]
    assert queue.requeue_failed() == [ids[0]]
    assert queue.tasks("pending") == [ids[1], ids[0]]
    assert queue.get_task("w").attempt == 1


def test_requeueing_no_ids_moves_none_and_an_id_named_twice_moves_once(queue):
    queue.add_task({}, task_id="bad")
    queue.mark_failed(queue.get_task("w"), "x", retry=False)
    assert queue.requeue_failed([]) == []
    assert queue.requeue_failed(["bad", "bad"]) == ["bad"]
    assert queue.tasks("pending") == ["bad"]


def test_an_id_that_is_no_longer_kept_may_begin_another_life(queue):
    for task_id in ("mine", *"abcde", "mine"):
        queue.add_task({}, task_id=task_id)
        queue.mark_completed(queue.get_task("w"))
    assert impossible_steps(queue.trace("mine")) == []


# Leases


def test_a_released_task_is_next_and_the_attempt_does_not_count(queue):
    first, _ = queue.add_tasks([{}, {}])
    queue.release(queue.get_task("w"))
    again = queue.get_task("w2")
    assert (again.id, again.attempt) == (first, 1)


def test_who_released_a_task_can_change_nothing_afterwards(queue):
    queue.add_task({})
    old = queue.get_task("w")
    queue.release(old)
    new = queue.get_task("w2")
    assert old.attempt == new.attempt, "the attempt alone would not tell them apart"
    for change in (
        lambda: queue.mark_completed(old, {"by": "old"}),
        lambda: queue.mark_failed(old, "x"),
        lambda: queue.release(old),
        lambda: queue.renew(old),
    ):
        with pytest.raises(LeaseLost):
            change()
    queue.mark_completed(new, {"by": "new"})
    assert queue.result(new.id) == {"by": "new"}


def test_s24_a_lease_that_ran_out_gives_the_task_to_another_worker(queue):
    queue.add_task({})
    old = queue.get_task("w")
    run_out(queue, old)
    assert queue.reap() == 1
    new = claim_again(queue)
    assert (new.id, new.attempt) == (old.id, 2)
    with pytest.raises(LeaseLost):
        queue.mark_completed(old)
    with pytest.raises(LeaseLost):
        queue.mark_failed(old, "too late")
    assert queue.task(new.id).crashes == 1


def test_a_lease_that_ran_out_but_was_taken_by_nobody_still_completes(queue):
    queue.add_task({})
    task = queue.get_task("w")
    run_out(queue, task)
    queue.mark_completed(task, {"late": True})
    assert queue.result(task.id) == {"late": True}


def test_a_heartbeat_keeps_the_lease(queue):
    queue.add_task({})
    task = queue.get_task("w")
    run_out(queue, task)
    assert queue.renew(task, "half done") is False
    assert queue.reap() == 0
    assert places(queue) == {"processing": 1}


def test_an_idle_claim_reaps_by_itself(queue):
    queue.add_task({})
    run_out(queue, queue.get_task("w"))
    assert queue.get_task("w2") is None
    assert places(queue) == {"delayed": 1}


def test_s24_a_task_that_keeps_killing_its_workers_is_failed_with_the_reason(queue):
    queue.add_task({}, max_attempts=50)
    for crash in (1, 2, 3):
        task = queue.get_task("w") or claim_again(queue)
        run_out(queue, task)
        queue.reap()
        assert queue.task(task.id).crashes == crash
    assert places(queue) == {"failed": 1}
    assert "(3 of 3)" in queue.task(task.id).errors[-1]["error"]


def test_a_crash_does_not_use_up_a_try(queue):
    queue.add_task({}, max_attempts=1)
    run_out(queue, queue.get_task("w"))
    queue.reap()
    queue.mark_completed(claim_again(queue))
    assert places(queue) == {"completed": 1}


def test_a_dead_workers_tasks_come_back_before_their_lease_runs_out(queue):
    queue.add_tasks([{}, {}])
    dead, alive = queue.get_task("w-dead"), queue.get_task("w-alive")
    assert queue.reap(dead_worker="w-dead") == 1
    assert queue.tasks("delayed") == [dead.id]
    assert queue.tasks("processing") == [alive.id]
    assert "w-dead died" in queue.task(dead.id).errors[-1]["error"]


def test_of_a_dead_worker_only_what_its_own_process_claimed_comes_back(queue):
    queue.add_task({})
    task = queue.get_task("w")
    assert queue.reap(dead_worker="w", pid=os.getpid() + 1) == 0
    assert queue.tasks("processing") == [task.id]
    assert "w" in queue.workers()
    assert queue.reap(dead_worker="w", pid=os.getpid()) == 1
    assert queue.tasks("delayed") == [task.id]


# People


def test_a_waiting_task_can_be_cancelled(queue):
    now, later = queue.add_task({}), queue.add_task({}, delay=60)
    assert queue.cancel(now)
    assert queue.cancel(later)
    assert queue.get_task("w") is None
    assert places(queue) == {"cancelled": 2}
    assert queue.tasks("cancelled") == [later, now]
    assert queue.join(timeout=5)
    assert [event["event"] for event in queue.trace(now)] == ["added", "cancelled"]


def test_a_running_task_learns_at_its_heartbeat_that_it_is_cancelled(queue):
    queue.add_task({})
    task = queue.get_task("w")
    assert queue.cancel(task.id)
    assert queue.renew(task) is True
    queue.mark_failed(task, "cancelled while it ran")
    assert places(queue) == {"cancelled": 1}
    queue.mark_failed(task, "cancelled while it ran")  # once more, should the reply be lost
    assert places(queue) == {"cancelled": 1}


@pytest.mark.parametrize(
    "end",
    [
        lambda queue, task: queue.release(task),
        lambda queue, task: queue.mark_failed(task, "boom"),
        lambda queue, task: queue.reap(task.worker),
        lambda queue, task: (run_out(queue, task), queue.reap()),
        lambda queue, task: (run_out(queue, task), queue.get_task("w2")),
    ],
    ids=["given back", "failed", "its worker died", "its lease ran out", "another worker looks"],
)
def test_however_a_cancelled_try_ends_the_task_is_cancelled_and_never_runs_again(queue, end):
    task_id = queue.add_task({})
    task = queue.get_task("w")
    assert queue.cancel(task_id)
    assert queue.cancel(task_id), "twice is harmless"
    end(queue, task)
    assert places(queue) == {"cancelled": 1}
    assert queue.requeue_failed() == []
    assert queue.get_task("w2") is None
    assert queue.cancel(task_id), "also afterwards"
    with pytest.raises(LeaseLost):
        queue.mark_completed(task)
    with pytest.raises(TaskExists):
        queue.add_task({}, task_id=task_id)
    stats = queue.get_stats()
    assert (stats.cancelled_total, stats.failed_total, stats.unfinished) == (1, 0, 0)
    assert queue.check() == []
    assert impossible_steps(queue.events()) == []


def test_a_task_that_is_completed_before_its_worker_hears_is_completed(queue):
    task_id = queue.add_task({})
    task = queue.get_task("w")
    queue.cancel(task_id)
    queue.mark_completed(task, {"n": 1})
    assert queue.wait(task_id) == {"n": 1}
    assert places(queue) == {"completed": 1}
    assert queue.cancel(task_id) is False


def test_a_person_may_give_a_cancelled_task_a_fresh_start_by_its_id(queue):
    waiting, running = queue.add_tasks([{}, {}])
    queue.cancel(waiting)
    task = queue.get_task("w")
    queue.cancel(running)
    queue.release(task)
    assert queue.requeue_failed([waiting, running, waiting]) == [waiting, running]
    tasks = [queue.get_task("w"), queue.get_task("w")]
    for task, task_id in zip(tasks, (waiting, running), strict=True):
        assert (task.id, task.attempt) == (task_id, 1)
        assert queue.renew(task) is False, "it is not cancelled any more"
        queue.mark_failed(task, "boom")  # from now on nobody asks for a task: one may be due
    assert places(queue) == {"delayed": 2}
    assert impossible_steps(queue.events()) == []


def test_only_so_many_cancelled_tasks_are_kept(queue):
    ids = queue.add_tasks([{}] * 7)
    for task_id in ids:
        queue.cancel(task_id)
    assert queue.tasks("cancelled") == ids[:1:-1]
    assert queue.get_stats().cancelled_total == 7
    with pytest.raises(NoSuchTask):
        queue.task(ids[0])


def test_stats_show_the_cancelled_only_where_there_are_some(queue):
    assert "cancelled" not in repr(queue.get_stats())
    assert dict(queue.get_stats())["cancelled"] == 0
    queue.cancel(queue.add_task({}))
    assert repr(queue.get_stats()).endswith("failed_total=0, cancelled=1, cancelled_total=1)")


def test_who_waits_for_a_task_hears_that_it_was_cancelled(queue):
    task_id = queue.add_task({})
    got = []

    def wait():
        try:
            queue.wait(task_id, timeout=20)
        except TaskCancelled as cancelled:
            got.append((cancelled.task_id, cancelled.reason))

    waiting = threading.Thread(target=wait)
    waiting.start()
    task = queue.get_task("w", timeout=5)
    queue.cancel(task_id)
    queue.release(task)
    waiting.join(20)
    assert got == [(task_id, "cancelled while it ran")]


def test_a_finished_or_unknown_task_cannot_be_cancelled(queue):
    queue.add_task({})
    task = queue.get_task("w")
    queue.mark_completed(task)
    assert queue.cancel(task.id) is False
    with pytest.raises(NoSuchTask, match="There is no task 'nobody'"):
        queue.cancel("nobody")


def test_a_paused_queue_hands_out_nothing_and_finishes_what_is_claimed(queue):
    queue.add_tasks([{}, {}])
    task = queue.get_task("w")
    queue.pause()
    assert queue.get_task("w2") is None
    assert queue.complete_and_claim(task) is None
    queue.resume()
    assert queue.get_task("w2") is not None


def test_clear_deletes_every_task_and_a_late_worker_loses_its_lease(queue):
    queue.add_tasks([{}] * 3)
    queue.add_task({}, delay=60)
    task = queue.get_task("w")
    assert queue.clear() == 4
    assert places(queue) == {}
    with pytest.raises(LeaseLost):
        queue.mark_completed(task)
    assert queue.get_task("w") is None


def test_wait_gives_the_result_as_soon_as_it_is_there(queue):
    task_id = queue.add_task({})
    got = []
    waiting = threading.Thread(target=lambda: got.append(queue.wait(task_id, timeout=20)))
    waiting.start()
    queue.mark_completed(queue.get_task("w", timeout=5), {"n": 7})
    waiting.join(20)
    assert got == [{"n": 7}]


def test_wait_tells_why_a_task_failed_and_gives_up_in_time(queue):
    bad, slow = queue.add_tasks([{}, {}])
    queue.mark_failed(queue.get_task("w"), "no such file", retry=False)
    with pytest.raises(TaskFailed, match=f"{bad} failed: no such file") as failure:
        queue.wait(bad)
    assert (failure.value.task_id, failure.value.reason) == (bad, "no such file")
    with pytest.raises(TimeoutError, match=f"Task {slow} is pending after 0.05 seconds"):
        queue.wait(slow, timeout=0.05)
    with pytest.raises(NoSuchTask, match="There is no task"):
        queue.wait("unknown")


def test_join_returns_when_nothing_is_unfinished(queue):
    queue.add_task({})
    assert queue.join(timeout=0.05) is False
    queue.mark_completed(queue.get_task("w"))
    assert queue.join(timeout=5) is True


def test_the_trace_of_a_task_tells_its_life(queue):
    task_id = queue.add_task({})
    queue.add_task({})
    queue.mark_failed(queue.get_task("w"), "once")
    make_due(queue, task_id)
    queue.get_task("w2")
    queue.mark_completed(queue.get_task("w2"))
    told = [event["event"] for event in queue.trace(task_id)]
    assert told == ["added", "claimed", "delayed", "promoted", "claimed", "completed"]
    assert queue.trace(task_id)[2]["reason"] == "once"


def test_the_invariants_hold_after_every_kind_of_step(queue):
    queue.add_tasks([{}] * 9)
    queue.add_task({}, "high", delay=60)
    assert queue.check() == []
    queue.mark_completed(queue.get_task("w"))
    queue.mark_failed(queue.get_task("w"), "x")
    queue.mark_failed(queue.get_task("w"), "x", retry=False)
    queue.release(queue.get_task("w"))
    run_out(queue, queue.get_task("w"))
    assert queue.check() == []
    queue.reap()
    queue.cancel(queue.tasks("pending")[0])
    assert queue.check() == []
    queue.requeue_failed()
    queue.get_task("w")
    assert queue.check() == []


def test_a_sound_queue_stays_sound_when_its_bounds_are_lowered(queue):
    queue.change_settings(max_crashes=3)
    for _ in queue.add_tasks([{}] * 3):
        queue.mark_completed(queue.get_task("w"))
    queue.add_task({}, task_id="a")
    queue.get_task("w")
    queue.reap(dead_worker="w")
    claim_again(queue, "w")
    queue.reap(dead_worker="w")
    queue.change_settings(max_crashes=1, keep=1)
    assert queue.task("a").crashes == 2
    assert queue.get_stats().completed == 3
    assert queue.check() == []


def test_s19_others_are_asked_before_high_in_turn_so_that_the_middle_does_not_starve(queue):
    for priority in PRIORITIES:
        queue.add_tasks([{}] * 40, priority)
    taken = Counter(queue.get_task("w").priority for _ in range(40))
    assert taken == {"high": 35, "low": 3, "normal": 2}


def test_a_task_cancelled_before_it_ran_says_so(queue):
    task_id = queue.add_task({})
    queue.cancel(task_id)
    assert queue.task(task_id).reason == "cancelled before it ran"
    with pytest.raises(TaskCancelled, match=f"{task_id} was cancelled .*: cancelled before it ran"):
        queue.wait(task_id)


def test_a_worker_says_how_far_it_is(queue):
    task_id = queue.add_task({})
    task = queue.get_task("w")
    assert queue.task(task_id).progress == ""
    queue.renew(task, "2 of 3 filters")
    queue.renew(task)
    assert queue.task(task_id).progress == "2 of 3 filters"


def test_who_asked_for_work_is_known_with_what_it_got(queue):
    task_id = queue.add_task({})
    queue.get_task("busy")
    queue.get_task("idle")
    known = queue.workers()
    assert [known[name]["task"] for name in ("busy", "idle")] == [task_id, ""]
    assert {record["pid"] for record in known.values()} == {os.getpid()}
    assert all(record["seen"] > 1e12 for record in known.values()), "milliseconds"


def test_a_result_is_kept_for_its_time_and_the_task_stays_completed(queue):
    task_id = queue.add_task({})
    queue.mark_completed(queue.get_task("w"), {"n": 1})
    forget_result(queue, task_id)
    assert queue.result(task_id) is None
    assert queue.wait(task_id) is None
    assert queue.task(task_id).status == "completed"


def test_events_have_the_same_types_in_both_queues(queue):
    queue.add_task({}, delay=60)
    task_id = queue.add_task({})
    run_out(queue, queue.get_task("w"))
    queue.reap()
    types = {}
    for event in queue.events():
        types |= {name: type(value) for name, value in event.items()}
    assert types == {
        **dict.fromkeys(("at", "attempt", "crashes", "wait"), int),
        **dict.fromkeys(("event", "task", "priority", "worker", "reason"), str),
    }
    assert [event["event"] for event in queue.trace(task_id)][-1] == "delayed"


def test_of_several_ids_those_in_use_are_refused_and_the_others_stand_in_line_in_order(queue):
    queue.add_task({}, task_id="b")
    call = Adding("call", deque((each, "{}") for each in "abcd"))
    queue._add(call, "normal", 0, None)
    assert (call.added, call.refused) == (["a", "b", "c", "d"], ["b"])
    assert queue.tasks("pending") == ["b", "a", "c", "d"]


def test_a_queue_is_closed_at_the_end_of_its_block(queue):
    with queue as same:
        assert same is queue
        queue.add_task({})
    assert queue.get_stats().pending == 1  # it connects again, as every client of redis-py does
