"""Batches, one contract for both queues: each task added once, and what became of every one."""

from __future__ import annotations

import itertools

import pytest
from helpers.clock import make_due, run_out
from helpers.server import queue_of_kind, redis_queue
from hypothesis import given, settings
from hypothesis import strategies as st

from imglab.errors import NoSuchBatch, QueueError, QueueFull, TaskError
from imglab.queues import QueueSettings, TaskQueue
from imglab.queues.batches import CHUNK, FIRST_MARK, BatchTask

SETTINGS = QueueSettings(keep=5, max_attempts=1, max_crashes=1)


@pytest.fixture(params=["memory", "valkey", "redis"])
def queue(request):
    with queue_of_kind(request, SETTINGS) as queue:
        yield queue


def tasks(*keys):
    return [BatchTask(key, {"image_path": key}, label=f"images/{key}.jpg") for key in keys]


def filled(queue, *keys, closed=True, **at_end):
    """A batch with these tasks."""
    queue.begin_batch("holiday", {"filters": ["edges"]})
    queue.add_to_batch("holiday", tasks(*keys))
    if closed:
        queue.close_batch("holiday", **at_end)


def figures(queue):
    state = queue.batch("holiday")
    return state.open, state.completed, state.failed, state.cancelled


def complete(queue, count=1):
    for _ in range(count):
        task = queue.get_task("ann")
        queue.mark_completed(task, {"made": task.payload.get("image_path")})


def fail(queue, reason="no such file"):
    queue.mark_failed(queue.get_task("ann"), reason, retry=False)


# Adding


def test_a_task_of_a_batch_is_added_once_however_often_its_batch_is_submitted(queue):
    filled(queue, "a", "b")
    queue.begin_batch("holiday", {"filters": ["edges"]})
    assert queue.add_to_batch("holiday", tasks("a", "b", "c")) == 1
    assert queue.batch("holiday").tasks == 3
    assert queue.get_stats().pending == 3


def test_what_ended_and_is_no_longer_kept_is_not_added_again_either(queue):
    keys = [str(number) for number in range(SETTINGS.keep + 3)]
    filled(queue, *keys)
    complete(queue, len(keys))
    assert queue.get_stats().completed == SETTINGS.keep
    filled(queue, *keys)
    assert queue.get_stats().pending == 0


def test_a_batch_may_have_more_tasks_than_one_step_takes(queue):
    keys = [str(number) for number in range(CHUNK + 2)]
    heard = []
    queue.begin_batch("holiday")
    added = queue.add_to_batch("holiday", iter(tasks(*keys)), "low", progress=heard.append)
    assert (added, heard) == (CHUNK + 2, [CHUNK, CHUNK + 2])
    assert queue.task(queue.tasks("pending", 1)[0]).priority == "low"


def test_tasks_are_taken_as_they_come_and_what_came_before_a_fault_is_in(queue):
    queue.begin_batch("holiday")
    bad = [BatchTask("bad", {"what": {1, 2}})]
    with pytest.raises(TaskError, match="JSON"):
        queue.add_to_batch("holiday", itertools.chain(tasks(*map(str, range(CHUNK))), bad))
    assert queue.batch("holiday").tasks == CHUNK


def test_a_batch_that_is_about_something_else_is_left_as_it_is(queue):
    filled(queue, "a", at_end={"n": 1})
    with pytest.raises(QueueError, match=r"holiday is in use for something else.*edges.*blur"):
        queue.begin_batch("holiday", {"filters": ["blur"]})
    assert queue.batch("holiday").is_closed
    assert queue.batch("holiday").about == {"filters": ["edges"]}


def test_about_means_the_same_in_whatever_order_it_is_written(queue):
    first = queue.begin_batch("holiday", {"a": 1, "b": "é"})
    assert queue.begin_batch("holiday", {"b": "é", "a": 1}) == first


def test_a_full_queue_takes_as_many_as_there_is_room_for_and_the_rest_later(queue):
    queue.change_settings(max_pending=2)
    queue.begin_batch("holiday")
    with pytest.raises(QueueFull, match="2"):
        queue.add_to_batch("holiday", tasks("a", "b", "c"))
    assert queue.batch("holiday").tasks == 2
    queue.change_settings(max_pending=None)
    assert queue.add_to_batch("holiday", tasks("a", "b", "c")) == 1


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a@b", "x" * 61, None, "ñ"])
def test_a_name_that_no_batch_can_have_is_refused(queue, name):
    with pytest.raises(TaskError, match="letters, digits"):
        queue.begin_batch(name)


def test_a_batch_that_was_never_begun_is_said_to_be_none(queue):
    calls = (
        lambda: queue.add_to_batch("holiday", tasks("a")),
        lambda: queue.close_batch("holiday"),
        lambda: queue.forget_batch("holiday"),
        lambda: queue.batch("holiday"),
        lambda: list(queue.endings("holiday")),
    )
    for call in calls:
        with pytest.raises(NoSuchBatch, match="holiday"):
            call()
    assert queue.get_stats().pending == 0


# How it stands


def test_a_batch_counts_its_tasks_as_they_end(queue):
    filled(queue, "a", "b", "c", "d")
    assert figures(queue) == (4, 0, 0, 0)
    complete(queue)
    fail(queue)
    queue.cancel(queue.tasks("pending", 1)[0])
    assert figures(queue) == (1, 1, 1, 1)
    state = queue.batch("holiday")
    assert (state.tasks, state.ended, state.is_over) == (4, 3, False)
    complete(queue)
    assert queue.batch("holiday").is_over


def test_other_tasks_count_for_no_batch(queue):
    filled(queue, "a")
    queue.add_task({}, "high", task_id="holiday@0123456789abcdef")
    queue.add_task({}, "high", task_id="other@0123456789abcdef")
    complete(queue, 2)
    assert figures(queue) == (1, 0, 0, 0)


def test_a_try_that_is_not_the_last_ends_nothing(queue):
    queue.change_settings(max_attempts=2, backoff=0.1)
    filled(queue, "a")
    queue.mark_failed(queue.get_task("ann"), "boom")
    assert figures(queue) == (1, 0, 0, 0)
    make_due(queue, queue.tasks("delayed")[0])
    queue.mark_failed(queue.get_task("ann"), "boom")
    assert figures(queue) == (0, 0, 1, 0)


def test_a_task_that_kills_its_workers_ends_as_failed(queue):
    filled(queue, "a")
    task = queue.get_task("ann")
    run_out(queue, task)
    queue.reap()
    assert figures(queue) == (0, 0, 1, 0)
    (ending,) = queue.endings("holiday")
    assert ending.reason.startswith("worker ann was silent")


def test_a_report_that_comes_twice_counts_once(queue):
    filled(queue, "a", "b")
    task = queue.get_task("ann")
    queue.mark_completed(task)
    queue.mark_completed(task)
    assert figures(queue) == (1, 1, 0, 0)
    assert len(list(queue.endings("holiday"))) == 1


def test_a_failed_task_with_a_fresh_start_is_open_again_and_its_last_ending_counts(queue):
    filled(queue, "a")
    fail(queue)
    assert queue.batch("holiday").is_over
    queue.requeue_failed()
    assert figures(queue) == (1, 0, 0, 0)
    complete(queue)
    assert figures(queue) == (0, 1, 0, 0)
    assert [each.status for each in queue.endings("holiday")] == ["failed", "completed"]


# What became of each


def test_the_endings_tell_of_each_task_what_became_of_it(queue):
    filled(queue, "a", "b", "c")
    complete(queue)
    fail(queue, "it is no picture")
    queue.cancel(queue.tasks("pending", 1)[0])
    first, second, third = queue.endings("holiday")
    assert (first.status, first.label) == ("completed", "images/a.jpg")
    assert (first.result, first.reason) == ({"made": "a"}, "")
    assert queue.task(first.task).status == "completed"
    assert (second.status, second.label) == ("failed", "images/b.jpg")
    assert (second.result, second.reason) == ({}, "it is no picture")
    assert (third.status, third.reason) == ("cancelled", "cancelled before it ran")
    assert 0 < first.at <= second.at <= third.at


def test_the_latest_endings_come_newest_first(queue):
    filled(queue, "a", "b", "c")
    complete(queue, 3)
    assert [each.label for each in queue.latest_endings("holiday", 2)] == [
        "images/c.jpg",
        "images/b.jpg",
    ]


def test_every_ending_is_kept_however_many_there_are(queue):
    count = SETTINGS.keep * 3
    filled(queue, *map(str, range(count)))
    complete(queue, count)
    assert len({each.task for each in queue.endings("holiday")}) == count


def test_a_label_is_text_and_any_text_will_do(queue):
    label = "odd name\n of a file \udcff with 'quotes' %s open completed"
    queue.begin_batch("holiday")
    queue.add_to_batch("holiday", [BatchTask("a", {"image_path": "a"}, label)])
    complete(queue)
    (ending,) = queue.endings("holiday")
    assert ending.label == label.encode(errors="backslashreplace").decode()


def test_endings_are_read_from_where_somebody_stopped(queue):
    filled(queue, "a", "b", "c")
    complete(queue, 2)
    mark, first = queue.endings_after("holiday", FIRST_MARK, 1)
    mark, second = queue.endings_after("holiday", mark, 10)
    assert queue.endings_after("holiday", mark, 10) == (mark, [])
    complete(queue)
    _, third = queue.endings_after("holiday", mark, 10)
    labels = [each.label for each in (*first, *second, *third)]
    assert labels == ["images/a.jpg", "images/b.jpg", "images/c.jpg"]


def test_tasks_are_found_by_how_they_stand(queue):
    filled(queue, "a", "b", "c")
    complete(queue)
    fail(queue)
    (failed,) = queue.batch_tasks("holiday", "failed")
    assert queue.task(failed)["image_path"] == "b"
    (waiting,) = queue.batch_tasks("holiday", "open")
    assert waiting == queue.tasks("pending")[0]


# Its end


def test_when_the_last_task_of_a_closed_batch_ends_one_task_follows(queue):
    filled(queue, "a", "b", at_end={"sheet": 1}, priority="low")
    complete(queue)
    assert queue.get_stats().pending == 1
    fail(queue)
    following = queue.get_task("ann")
    assert (following.payload, following.priority) == ({"sheet": 1}, "low")
    assert queue.batch("holiday").ended_at > 0
    queue.mark_completed(following)
    assert figures(queue) == (0, 1, 1, 0)
    assert queue.get_task("ann") is None


def test_a_batch_does_not_end_while_somebody_adds_to_it(queue):
    filled(queue, "a", closed=False)
    complete(queue)
    assert queue.get_task("ann") is None
    queue.close_batch("holiday", {"sheet": 1})
    assert queue.get_task("ann").payload == {"sheet": 1}


def test_the_same_submit_again_with_nothing_new_ends_nothing_again(queue):
    filled(queue, "a", at_end={"sheet": 1})
    complete(queue, 2)
    filled(queue, "a", at_end={"sheet": 1})
    assert queue.get_task("ann") is None


def test_with_new_tasks_the_batch_ends_again(queue):
    filled(queue, "a", at_end={"sheet": 1})
    complete(queue, 2)
    filled(queue, "a", "b", at_end={"sheet": 2})
    complete(queue)
    assert queue.get_task("ann").payload == {"sheet": 2}


# Forgetting


def test_a_batch_is_forgotten_only_when_nothing_of_it_is_open(queue):
    filled(queue, "a")
    with pytest.raises(QueueError, match="Of the batch holiday, 1 of 1 tasks"):
        queue.forget_batch("holiday")
    complete(queue)
    queue.forget_batch("holiday")
    assert queue.batches() == []


def test_a_name_that_was_forgotten_begins_anew_and_its_tasks_are_new_ones(queue):
    filled(queue, "a")
    (before,) = queue.tasks("pending")
    complete(queue)
    queue.forget_batch("holiday")
    filled(queue, "a")
    (after,) = queue.tasks("pending")
    assert (after != before, figures(queue)) == (True, (1, 0, 0, 0))
    assert queue.check() == []


def test_batches_are_listed_the_latest_begun_first_and_cleared_with_their_queue(queue):
    filled(queue, "a")
    queue.begin_batch("second")
    assert {each.name for each in queue.batches()} == {"second", "holiday"}
    queue.clear()
    assert queue.batches() == []
    filled(queue, "a")
    assert queue.get_stats().pending == 1


# Any order of steps


class Walker:
    """Takes steps in a queue, the same ones in each kind; each method up to `sight` is a step."""

    def __init__(self, queue):
        self.queue = queue
        self.held = []
        self.keys = itertools.count()
        self.begin()

    def add(self):
        key = next(self.keys) // 2  # every other one is there already
        self.queue.add_to_batch("holiday", tasks(str(key)))

    def other(self):
        self.queue.add_task({"image_path": "x"})

    def claim(self):
        self.held += self.queue.get_tasks("ann", 1)

    def cancel(self):
        for task_id in self.queue.tasks("pending", 1):
            self.queue.cancel(task_id)

    def again(self):
        self.queue.requeue_failed()

    def begin(self):
        self.queue.begin_batch("holiday")

    def close(self):
        self.queue.close_batch("holiday")

    def follow(self):
        self.queue.close_batch("holiday", {"image_path": "sheet"})

    def forget(self):
        if self.queue.batch("holiday").open == 0:
            self.queue.forget_batch("holiday")
            self.begin()

    def complete(self):
        for task in self.first():
            self.queue.mark_completed(task, {"made": task["image_path"]})

    def fail(self):
        for task in self.first():
            self.queue.mark_failed(task, "boom", retry=False)

    def release(self):
        for task in self.first():
            self.queue.release(task)

    def expire(self):
        for task in self.first():
            run_out(self.queue, task)
            self.queue.reap()

    def first(self):
        """The task that is held longest, if there is one; it is not held any more."""
        oldest = self.held[:1]
        del self.held[:1]
        return oldest

    def sight(self):
        """All that the two queues must agree in."""
        state = self.queue.batch("holiday")
        counted = {
            status: len(list(self.queue.batch_tasks("holiday", status)))
            for status in ("open", "completed", "failed", "cancelled")
        }
        assert counted == {status: getattr(state, status) for status in counted}
        assert sum(counted.values()) == state.tasks
        endings = [(each.label, each.status) for each in self.queue.endings("holiday")]
        return counted, state.is_closed, bool(state.ended_at), endings, self.queue.get_stats()


STEPS = (
    *(Walker.add, Walker.other, Walker.claim, Walker.cancel, Walker.again),
    *(Walker.begin, Walker.close, Walker.follow, Walker.forget),
    *(Walker.complete, Walker.fail, Walker.release, Walker.expire),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=40))
def test_both_queues_tell_the_same_of_a_batch_after_any_steps(valkey, steps):
    limits = QueueSettings(keep=3, max_attempts=1, max_crashes=1)
    with redis_queue(valkey, limits) as queue:
        pair = [Walker(queue), Walker(TaskQueue(limits))]
        for step in steps:
            for walker in pair:
                step(walker)
            first, second = [walker.sight() for walker in pair]
            assert first == second
