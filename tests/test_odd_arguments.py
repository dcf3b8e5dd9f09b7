"""Odd arguments from Python: what a user meant, or one sentence; never an error from inside."""

from __future__ import annotations

import math
import threading
from datetime import timedelta
from functools import partial

import pytest
from helpers.clock import until
from helpers.server import new_namespace, queue_of_kind, redis_queue

from imglab.errors import ImglabError, NoSuchTask, QueueError, TaskError
from imglab.queues import QueueSettings, RedisTaskQueue, TaskQueue
from imglab.workers import RedisWorker, WorkerPool


class Sulky:
    """What cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


#: What no argument of a queue is.
ODD = [b"5", [], {}, object(), Sulky(), float("nan"), True]


@pytest.fixture(params=["memory", "valkey"])
def queue(request):
    with queue_of_kind(request, QueueSettings(backoff=0)) as queue:
        yield queue


def fail_one(queue, **more) -> str:
    task_id = queue.add_task({}, **more)
    queue.mark_failed(queue.get_task("w"), "boom", retry=False)
    return task_id


def one_sentence(error: pytest.ExceptionInfo) -> bool:
    text = str(error.value)
    return "\n" not in text and text.endswith((".", "-")) and len(text) < 300


# What was meant


def test_p8_a_single_id_is_that_one_task(queue):
    one = fail_one(queue)
    other = fail_one(queue)
    assert queue.requeue_failed(one) == [one]
    assert queue.tasks("failed") == [other]
    assert queue.requeue_failed(queue.task(other)) == [other]


@pytest.mark.parametrize("delay", [None, 0, 0.0, timedelta(0)])
def test_p8_no_delay_may_be_said_in_several_ways(queue, delay):
    queue.add_task({}, delay=delay)
    assert queue.get_stats().pending == 1


@pytest.mark.parametrize("delay", [60, 60.0, timedelta(minutes=1)])
def test_p8_a_delay_may_be_a_timedelta(queue, delay):
    queue.add_tasks([{}], delay=delay)
    assert queue.get_stats().delayed == 1
    assert next(iter(queue.events()))["wait"] == 60_000


def test_p8_a_timeout_may_be_a_timedelta_or_endless(queue):
    assert queue.get_task("w", timeout=timedelta(0)) is None
    assert queue.get_task("w", timeout=-1) is None
    assert queue.join(timeout=timedelta(seconds=1))
    queue.add_task({})
    assert queue.get_task("w", timeout=math.inf) is not None
    with pytest.raises(TimeoutError):
        queue.wait(queue.tasks("processing")[0], timeout=timedelta(milliseconds=10))


def test_p8_a_task_stands_for_its_id(queue):
    queue.add_task({"n": 1}, task_id="t1")
    task = queue.get_task("w")
    assert queue.task(task).id == "t1"
    assert queue.trace(task) == queue.trace("t1")
    queue.add_task({}, task_id="t2")
    following = queue.complete_and_claim("t1", {"ok": 1})
    assert following.id == "t2"
    assert queue.result(task) == queue.wait(task) == {"ok": 1}
    assert queue.cancel(following)


def test_p8_no_progress_is_no_text(queue):
    queue.add_task({})
    task = queue.get_task("w")
    queue.renew(task, "half")
    queue.renew(task, None)
    assert queue.task(task).progress != "None"
    assert queue.reap(None) == 0


def test_p8_an_address_may_be_the_first_argument(valkey, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", "redis://127.0.0.1:1")
    with RedisTaskQueue(valkey.url) as queue:
        assert f":{valkey.port}" in repr(queue)


def test_p8_a_port_may_be_a_text_and_names_may_be_none(valkey):
    with RedisTaskQueue("127.0.0.1", str(valkey.port), name=None, namespace=None) as queue:
        assert queue.keys.failed == "image_processing:failed"


# One sentence


@pytest.mark.parametrize("odd", [*ODD, "soon", -1, 1e9, math.inf])
def test_p8_a_delay_that_is_none_is_said(queue, odd):
    for add in (queue.add_task, lambda _, delay: queue.add_tasks([{}], delay=delay)):
        with pytest.raises(TaskError, match="A delay is a number of seconds") as error:
            add({}, delay=odd)
        assert one_sentence(error)
    assert queue.get_stats().unfinished == 0


@pytest.mark.parametrize("odd", [*ODD, "3", 1.5, 0, -1])
def test_p8_tries_that_are_no_number_are_said(queue, odd):
    with pytest.raises(TaskError, match="max_attempts must be a whole number from 1 on") as error:
        queue.add_task({}, max_attempts=odd)
    assert one_sentence(error)
    assert queue.get_stats().unfinished == 0


def test_more_tries_than_any_queue_counts_are_refused_where_a_task_is_added(queue):
    queue.begin_batch("holiday")
    for add in (
        partial(queue.add_task, {}),
        partial(queue.add_tasks, [{}]),
        partial(queue.add_to_batch, "holiday", []),
    ):
        with pytest.raises(TaskError, match=r"max_attempts must be .* from 1 to 1,000,000,000"):
            add(max_attempts=10**9 + 1)
    assert queue.get_stats().unfinished == 0
    queue.add_task({}, max_attempts=10**9)
    for _ in range(queue.settings.max_attempts + 1):
        queue.mark_failed(queue.get_task("w"), "no luck")
    assert queue.get_stats().delayed == 1


@pytest.mark.parametrize("odd", [*ODD, "5", "x"])
def test_p8_a_timeout_that_is_none_is_said(queue, odd):
    task_id = queue.add_task({})
    for wait in (
        lambda: queue.get_task("w", timeout=odd),
        lambda: queue.get_tasks("w", 1, odd),
        lambda: queue.wait(task_id, timeout=odd),
        lambda: queue.join(timeout=odd),
        lambda: queue.add_task({}, timeout=odd),
        lambda: queue.add_tasks([{}], timeout=odd),
    ):
        with pytest.raises(TaskError, match="A timeout is a number of seconds") as error:
            wait()
        assert one_sentence(error)


@pytest.mark.parametrize("odd", [*ODD, "1", None, 0, -1, 1.5])
def test_p8_a_number_of_tasks_that_is_none_is_said(queue, odd):
    with pytest.raises(TaskError, match="limit must be a whole number from 1 on") as error:
        queue.get_tasks("w", odd)
    assert one_sentence(error)


@pytest.mark.parametrize("status", ["pending", "processing", "delayed", "completed", "failed"])
@pytest.mark.parametrize("odd", ["1", None, -1, 1.5])
def test_p8_a_list_of_less_than_nothing_is_said(queue, status, odd):
    with pytest.raises(TaskError, match="limit must be a whole number from 0 on"):
        queue.tasks(status, limit=odd)
    assert queue.tasks(status, limit=0) == []


@pytest.mark.parametrize("odd", [*ODD, 5, None, "\udcff"])
def test_p8_an_id_that_is_no_text_is_no_task(queue, odd):
    for ask in (
        queue.task,
        queue.result,
        queue.trace,
        queue.cancel,
        queue.wait,
        queue.mark_completed,
        queue.release,
        queue.renew,
        queue.complete_and_claim,
        lambda each: queue.mark_failed(each, "x"),
        lambda each: queue.requeue_failed([each]),
    ):
        with pytest.raises(NoSuchTask) as error:
            ask(odd)
        assert one_sentence(error)


@pytest.mark.parametrize("odd", [5, b"ab", object(), True])
def test_p8_ids_that_are_no_list_are_said(queue, odd):
    with pytest.raises(TaskError, match="Ids of tasks are a list of texts"):
        queue.requeue_failed(odd)


@pytest.mark.parametrize("odd", [*ODD, 5, None, "text"])
def test_p8_a_payload_or_payloads_that_are_none_are_said(queue, odd):
    if odd != {}:
        with pytest.raises(TaskError, match="must be a dict") as error:
            queue.add_task(odd)
        assert one_sentence(error)
    if odd != []:
        with pytest.raises(TaskError) as error:
            queue.add_tasks(odd)
        assert one_sentence(error)
    assert queue.get_stats().unfinished == 0


@pytest.mark.parametrize("odd", [*ODD, 5, "a b"])
def test_p8_a_name_of_a_worker_that_is_none_is_said(queue, odd):
    with pytest.raises(TaskError, match="must be 1 to 100 letters"):
        queue.get_task(odd)
    if odd not in ([], {}):
        with pytest.raises(TaskError, match="must be 1 to 100 letters"):
            queue.reap(odd)


@pytest.mark.parametrize("odd", [[], 0, "", "x", 5, True])
def test_p8_a_result_that_is_no_dict_is_said(queue, odd):
    queue.add_task({})
    with pytest.raises(TaskError, match="must be a dict"):
        queue.mark_completed(queue.get_task("w"), odd)


@pytest.mark.parametrize("odd", ["lease=5", {"lease": 5}, 5, b"x", object(), Sulky()])
def test_p8_settings_of_another_kind_are_said(valkey, queue, odd):
    for ask in (
        TaskQueue,
        lambda each: RedisTaskQueue(valkey.url, settings=each),
        queue.change_settings,
    ):
        with pytest.raises(QueueError, match="Settings are made by QueueSettings") as error:
            ask(odd)
        assert one_sentence(error)


@pytest.mark.parametrize("setting", ["keep", "lease", "time_limit", "max_attempts", "max_pending"])
@pytest.mark.parametrize("odd", [10**400, pytest.param(10**5000, id="huge"), Sulky(), [], "7"])
def test_p8_a_setting_that_cannot_be_shown_is_said(setting, odd):
    with pytest.raises(QueueError, match=f"^{setting} must be") as error:
        QueueSettings(**{setting: odd})
    assert one_sentence(error)


@pytest.mark.parametrize("odd", ["x", "", "-1", 0, 65_536, 6379.0, True, [], b"6379", "9" * 9000])
def test_p8_a_port_that_is_none_is_said(odd):
    with pytest.raises(QueueError, match="A port is a whole number from 1 to 65535") as error:
        RedisTaskQueue(port=odd)
    assert one_sentence(error)


@pytest.mark.parametrize(
    "place",
    [
        {"host": 5},
        {"host": b"localhost"},
        {"host": "\udcff"},
        {"url": 5},
        {"url": b"redis://localhost"},
        {"namespace": 5},
        {"namespace": b"eu:"},
        {"namespace": "\udcff"},
        {"name": 5},
        {"name": ""},
        {"name": b"q"},
        {"connection": 5},
        {"connection": "redis://localhost"},
        {"host": "redis://localhost", "port": 6379},
        {"host": "redis://localhost", "url": "redis://localhost"},
        {"host": "redis://localhost/x"},
        {"host": "http://localhost"},
    ],
)
def test_p8_a_place_that_is_none_is_said(valkey, monkeypatch, place):
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    with pytest.raises(QueueError) as error:
        RedisTaskQueue(**place)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("odd", [None, "", 5, b"w", [], "a b"])
def test_p8_a_worker_that_leaves_has_a_name(valkey, odd):
    with redis_queue(valkey) as queue, pytest.raises(TaskError, match="The worker's name"):
        queue.leave(odd)


# Workers


def test_p8_a_worker_starts_again_after_it_was_stopped(queue):
    done = []

    class Quick(RedisWorker):
        def process(self, task):
            done.append(task["n"])
            return {}

    worker = Quick("w", (), queue)
    worker.stop()
    queue.add_task({"n": 1})
    assert worker.start() == 1
    worker.stop()
    queue.add_task({"n": 2})
    assert worker.start() == 1
    assert done == [1, 2]


def test_p8_a_worker_that_ran_until_it_was_stopped_runs_again(queue):
    class Quick(RedisWorker):
        def process(self, task):
            self.stop()
            return {}

    worker = Quick("w", (), queue)
    for _ in range(2):
        queue.add_task({})
        assert worker.run() == 1


def test_p8_a_worker_that_is_stopped_before_it_runs_does_not_run(queue):
    queue.add_task({})
    worker = RedisWorker("w", (), queue)
    worker.stop()
    running = threading.Thread(target=worker.run)
    running.start()
    running.join(10)
    assert not running.is_alive()
    assert queue.get_stats().pending == 1


@pytest.mark.parametrize("odd", [1.5, "3", 0, -1, None, True, []])
def test_p8_a_size_of_a_pool_that_is_none_is_said(valkey, odd):
    with redis_queue(valkey) as queue:
        with pytest.raises(ImglabError, match="at least one worker") as error:
            WorkerPool(odd, (), queue)
        assert one_sentence(error)


@pytest.mark.parametrize(
    "odd",
    [
        {"grace": "x"},
        {"grace": -1},
        {"grace": math.nan},
        {"prefetch": 1.5},
        {"prefetch": "2"},
        {"prefetch": True},
        {"prefix": "a b"},
        {"prefix": None},
        {"imports": 5},
        {"read": [5]},
    ],
)
def test_p8_an_option_of_a_pool_that_is_none_is_said(valkey, odd):
    with redis_queue(valkey) as queue:
        with pytest.raises(ImglabError) as error:
            WorkerPool(1, (), queue, **odd)
        assert one_sentence(error)


def test_p8_a_pool_starts_again_and_scales_only_to_what_there_can_be(project, valkey):
    with redis_queue(valkey) as queue:
        # One folder and one module may be given as they are.
        pool = WorkerPool(1, (), queue, imports="imglab.classroom.troublemakers", read="images")
        for _ in range(2):
            pool.start()
            assert list(pool.pids) == ["worker-1"]
            for odd in (-1, 1.5, "2", None):
                with pytest.raises(ImglabError, match="from 0 on"):
                    pool.scale(odd)
            with pytest.raises(ImglabError, match="A timeout"):
                pool.join(timeout="x")
            with pytest.raises(ImglabError, match="A timeout"):
                pool.stop(timeout="x")
            assert list(pool.pids) == ["worker-1"]
            pool.stop()
            assert pool.pids == {}
        queue.add_task({"image_path": "images/sample.png"}, task_id="after")
        with pool:
            assert until(lambda: queue.result("after"))


def test_names_of_namespaces_are_still_free(valkey):
    with RedisTaskQueue(valkey.url, namespace=f"{new_namespace()}ñ {{x}}:") as queue:
        queue.add_task({})
        assert queue.get_stats().pending == 1
        queue.clear()
