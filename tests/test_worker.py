"""One worker: what it does with good tasks, bad tasks, and a Redis that goes away."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from helpers.clock import until
from helpers.project import ROOT
from helpers.server import redis_queue

from imglab.errors import FilterError, ImglabError, LeaseLost, NoPhotographs
from imglab.imaging import BlurFilter, FilterPipeline, GrayscaleFilter, open_image
from imglab.queues import QueueSettings, RedisTaskQueue, TaskQueue
from imglab.storage import Folders
from imglab.workers import RedisWorker, Worker
from imglab.workers.heartbeat import Heartbeat
from imglab.workers.in_hand import InHand

#: Seconds: short for a test, and long enough for a heartbeat on a busy machine.
LEASE = 3
PHOTO = ROOT / "images" / "sample.jpg"


@pytest.fixture(params=["memory", "redis"])
def any_queue(request):
    """Both queues: a worker does not know which one it has."""
    yield TaskQueue() if request.param == "memory" else request.getfixturevalue("queue")


def work(queue, *payloads, pipeline=(), **options):
    """Run one worker over these payloads; their tasks as they are afterwards."""
    ids = [queue.add_task(payload) for payload in payloads]
    Worker("w", pipeline, queue, **options).start()
    return [queue.task(task_id) for task_id in ids]


def reason(task) -> str:
    return task.errors[-1]["error"]


def test_s8_the_courses_worker_works_until_the_queue_is_empty(project, any_queue):
    any_queue.add_task({"image_path": "images/sample.png", "output_path": "output/a.png"})
    any_queue.add_task({"image_path": "images/sample.png", "output_path": "output/b.png"})
    pipeline = FilterPipeline([BlurFilter(), GrayscaleFilter()])
    assert RedisWorker("worker-1", pipeline, any_queue).start() == 2
    expected = pipeline.apply(open_image(project / "images/sample.png"))
    for name in ("a.png", "b.png"):
        assert open_image(project / "output" / name).tobytes() == expected.tobytes()
    assert any_queue.get_stats()["completed"] == 2


def test_s10_demo_1_one_worker_and_the_results_persist(project, queue, valkey):
    task_id = queue.add_task({"image_path": "images/sample.png", "output_path": "output/a.png"})
    RedisWorker("worker-1", ["edges"], queue).start()
    elsewhere = RedisTaskQueue(url=valkey.url, namespace=queue.namespace)
    result = elsewhere.result(task_id)
    assert (result["status"], result["output_path"]) == ("success", "output/a.png")
    assert (result["width"], result["height"]) == (90, 60)
    elsewhere.close()


def test_a_task_may_name_its_own_filters(project, any_queue):
    spec = [{"name": "grayscale"}]
    payload = {"image_path": "images/sample.png", "output_path": "output/a.png", "filters": spec}
    (task,) = work(any_queue, payload, pipeline=["blur"])
    assert task.status == "completed"
    assert open_image(project / "output/a.png").mode == "L"


def test_without_an_output_path_the_name_comes_from_the_content_and_the_filters(project, queue):
    once = {"image_path": "images/sample.png", "filters": ["blur"]}
    other = {"image_path": "images/sample.png", "filters": ["edges"]}
    tasks = work(queue, once, once, other)
    first, again, different = (queue.result(task.id)["output_path"] for task in tasks)
    assert first == again != different
    assert {path.name for path in (project / "output").iterdir()} == {
        Path(first).name,
        Path(different).name,
    }


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({}, "A path must be a text"),
        ({"image_path": 7}, "A path must be a text"),
        ({"image_path": "images/none.png"}, "none.png"),
        ({"image_path": "images"}, "images"),
        ({"image_path": "images/empty.png"}, "empty.png"),
        ({"image_path": "images/cut.png"}, "cut.png"),
        ({"image_path": "images/text.png"}, "text.png"),
        ({"image_path": "images/bomb.png"}, "bomb.png"),
        ({"image_path": "/etc/hostname"}, "outside the folders this worker may read"),
        ({"image_path": "../images/sample.png"}, "outside the folders this worker may read"),
        ({"image_path": "images/link.png"}, "outside the folders this worker may read"),
        ({"image_path": "images/\0.png"}, "no path to a file"),
        ({"image_path": "images/sample.png", "output_path": "a.png"}, "may write"),
        ({"image_path": "images/sample.png", "output_path": "output/../../a.png"}, "may write"),
        ({"image_path": "images/sample.png", "output_path": "images/sample.png"}, "may write"),
        ({"image_path": "images/sample.png", "output_path": "output/a.xyz"}, "xyz"),
        ({"image_path": "images/sample.png", "filters": ["sepia"]}, "sepia"),
        ({"image_path": "images/sample.png", "filters": [{"name": "blur", "radius": -1}]}, "-1"),
        ({"image_path": "images/sample.png", "filters": 3}, "3"),
    ],
)
def test_bad_input_ends_in_failed_with_its_reason_and_the_worker_goes_on(
    project, any_queue, payload, words
):
    good = (project / "images/sample.png").read_bytes()
    (project / "images/empty.png").touch()
    (project / "images/cut.png").write_bytes(good[: len(good) // 2])
    (project / "images/text.png").write_text("no image at all")
    # A real header, but of 60,000 × 60,000 pixels.
    bomb = good[:16] + (60_000).to_bytes(4, "big") * 2 + good[24:]
    (project / "images/bomb.png").write_bytes(bomb)
    (project / "images/link.png").symlink_to(PHOTO)
    before = sorted(project.rglob("*"))
    bad, after = work(any_queue, payload, {"image_path": "images/sample.png"})
    assert (bad.status, bad.attempt) == ("failed", 1)
    assert words in reason(bad)
    assert "\n" not in reason(bad)
    assert after.status == "completed"
    assert len(sorted(project.rglob("*"))) == len(before) + 1


def test_a_payload_that_is_no_json_ends_in_failed_and_the_worker_goes_on(project, queue):
    broken = queue.add_task({"image_path": "images/sample.png"})
    queue.redis.hset(f"{queue.namespace}task:{broken}", "payload", "{not json")
    (good,) = work(queue, {"image_path": "images/sample.png"})
    assert good.status == "completed"
    assert queue.tasks("failed") == [broken]
    assert "payload is broken" in queue.redis.hget(f"{queue.namespace}task:{broken}", "errors")


class Flaky(Worker):
    """Fails once with each task."""

    def process(self, task):
        if task.attempt == 1:
            raise OSError("the disk was busy")
        return {"attempt": task.attempt}


def test_s24_an_unexpected_error_is_tried_again(project, any_queue):
    task_id = any_queue.add_task({})
    assert Flaky("w", (), any_queue).start() == 1
    assert any_queue.result(task_id) == {"attempt": 2}
    assert reason(any_queue.task(task_id)) == "OSError: the disk was busy"


class Wrong(Worker):
    """Gives a result that is no JSON."""

    def process(self, task):
        return {"image": object()}


def test_s4_workers_in_threads_share_a_queue_in_memory():
    both_have_one = threading.Barrier(2, timeout=20)

    class Meeting(Worker):
        def process(self, task):
            both_have_one.wait()
            return {"by": self.name}

    queue = TaskQueue()
    ids = queue.add_tasks([{}] * 6)
    crew = [Meeting(name, (), queue) for name in ("thread-1", "thread-2")]
    threads = [threading.Thread(target=worker.start) for worker in crew]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    shares = Counter(queue.result(task_id)["by"] for task_id in ids)
    assert shares == {"thread-1": 3, "thread-2": 3}


def test_a_result_that_is_no_json_fails_the_task(project, any_queue):
    task_id = any_queue.add_task({})
    assert Wrong("w", (), any_queue).start() == 0
    assert any_queue.task(task_id).status == "failed"
    assert "result of task" in reason(any_queue.task(task_id))


def deadline_of(queue, task_id: str) -> float:
    """When a claim ends, in seconds."""
    if isinstance(queue, TaskQueue):
        return queue._records[task_id].deadline
    (claim,) = (each for each in queue.claims() if each.task == task_id)
    return claim.deadline / 1000


class Gated(Worker):
    """Waits inside its task until the test lets it go on."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.inside, self.gate = threading.Event(), threading.Event()

    def process(self, task):
        self.inside.set()
        assert self.gate.wait(20)
        self.check_cancelled()
        return {}


@pytest.fixture(params=["memory", "redis"])
def gated(request, valkey):
    """A worker with a short lease, in its thread, inside its first of two tasks."""
    settings = QueueSettings(lease=LEASE)

    def run(queue):
        ids = queue.add_tasks([{}, {}])
        worker = Gated("w", (), queue)
        thread = threading.Thread(target=worker.start, daemon=True)
        thread.start()
        assert worker.inside.wait(20)
        yield worker, ids, thread
        worker.gate.set()
        worker.stop()
        thread.join(20)

    if request.param == "memory":
        yield from run(TaskQueue(settings))
    else:
        with redis_queue(valkey, settings) as queue:
            yield from run(queue)


def test_s24_the_heartbeat_keeps_a_task_that_takes_longer_than_its_lease(gated):
    worker, (first, _), thread = gated
    claim = worker.queue.task(first).claim
    given = deadline_of(worker.queue, first)
    # It was renewed when the lease that it was given was over.
    until(lambda: deadline_of(worker.queue, first) > given + LEASE)
    assert worker.queue.reap() == 0
    worker.gate.set()
    thread.join(20)
    assert worker.queue.task(first).attempt == 1
    assert worker.queue.task(first).crashes == 0
    assert claim.startswith("1:")


def test_a_heartbeat_that_reaches_no_redis_says_so_without_a_traceback(own_server, caplog):
    caplog.set_level("INFO", "imglab")
    queue = RedisTaskQueue(url=own_server.url, settings=QueueSettings(lease=0.3))
    queue.add_task({"image_path": "images/sample.jpg"})
    in_hand = InHand()
    in_hand.claimed([queue.get_task("w")])
    own_server.kill()
    with Heartbeat("w", queue, in_hand):
        until(lambda: "no heartbeat" in caplog.text)
    assert "No Redis answers" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_worker_that_is_stopped_finishes_its_task_and_claims_no_other(gated):
    worker, (first, second), thread = gated
    worker.stop()
    worker.gate.set()
    thread.join(20)
    assert worker.queue.task(first).status == "completed"
    assert worker.queue.task(second).status == "pending"
    assert worker.queue.task(second).attempt == 0


def test_cancelling_a_running_task_stops_it_between_two_steps(gated):
    worker, (first, _), thread = gated
    worker.queue.cancel(first)
    until(lambda: worker.in_hand.cancelled)
    worker.gate.set()
    thread.join(20)
    assert worker.queue.task(first).status == "cancelled"
    assert "cancelled" in reason(worker.queue.task(first))
    assert worker.failed == 0, "that is no failure"


def test_a_worker_that_lost_its_lease_drops_its_result_and_goes_on(gated):
    worker, (first, second), thread = gated
    task = worker.in_hand.task
    worker.queue.release(task)
    with pytest.raises(LeaseLost):
        worker.queue.mark_completed(task)
    worker.gate.set()
    thread.join(20)
    assert worker.queue.task(first).status == "completed"
    assert worker.queue.task(second).status == "completed"
    told = [event["event"] for event in worker.queue.trace(first)]
    assert told == ["added", "claimed", "released", "claimed", "completed"]


def test_s22_a_worker_waits_for_a_redis_that_was_killed_and_loses_nothing(project, own_server):
    queue = RedisTaskQueue(url=own_server.url)
    ids = queue.add_tasks([{"image_path": "images/sample.png", "output_path": "output/a.png"}] * 3)
    worker = Gated("w", (), queue)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    assert worker.inside.wait(20)
    own_server.kill()
    worker.gate.set()
    own_server.start()
    until(lambda: queue.get_stats().completed == len(ids))
    assert [queue.task(task_id).attempt for task_id in ids] == [1, 1, 1]
    worker.stop()
    thread.join(20)
    queue.close()


def test_links_and_dots_do_not_lead_out_of_the_folders(project):
    folders = Folders.of_project()
    (project / "images/inside.png").symlink_to(project / "images/sample.png")
    with folders.open("images/inside.png") as file:
        assert file.name == "images/sample.png"
    assert folders.to_write("output/deep/../a.png") == project / "output/a.png"
    assert folders.name(project / "output/a.png") == "output/a.png"


def test_a_burst_ends_with_the_queue_and_a_run_does_not(any_queue):
    first = any_queue.add_task({})
    worker = Counting("w", (), any_queue)
    assert worker.run(burst=True) == 1
    assert any_queue.task(first).status == "completed"
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    second = any_queue.add_task({})
    assert any_queue.wait(second, timeout=20) is not None
    assert thread.is_alive()
    worker.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert (worker.seen, worker.completed) == ([first, second], 2)


def test_a_worker_that_was_stopped_starts_again(any_queue):
    worker = Counting("w", (), any_queue)
    any_queue.add_task({})
    worker.stop()
    assert worker.start() == 1, "who starts it means it to work"
    any_queue.add_task({})
    worker.stop()
    assert worker.run(burst=True) == 0, "it was stopped before it began"
    assert worker.run(burst=True) == 1


def test_a_wrong_filter_is_refused_when_the_worker_is_made(any_queue):
    with pytest.raises(FilterError, match="sepia"):
        Worker("w", ["sepia"], any_queue)


def test_a_lease_that_is_lost_is_nothing_that_failed(gated):
    """Only somebody who cancels makes a task fail; who lost it has nothing to say about it."""
    worker, (first, _), thread = gated
    worker.queue.release(worker.in_hand.task)
    until(lambda: worker.in_hand.lost)
    worker.gate.set()
    thread.join(20)
    assert worker.failed == 0
    assert worker.queue.task(first).status == "completed"
    assert worker.queue.task(first).errors == ()


# Several tasks at a time


class Counting(Worker):
    """A worker whose work is to remember which tasks it was given."""

    def process(self, task):
        self.seen = [*getattr(self, "seen", []), task.id]
        return {"n": task.payload.get("n")}


def test_prefetch_does_every_task_in_order_and_in_few_round_trips(any_queue):
    ids = any_queue.add_tasks({"n": n} for n in range(64))
    last = any_queue.add_task({})
    calls = []
    ask = any_queue.complete_and_claim_tasks
    any_queue.complete_and_claim_tasks = lambda *done: calls.append(done) or ask(*done)
    worker = Counting("w", (), any_queue, prefetch=16)
    assert worker.start() == 65
    assert worker.seen == [*ids, last]
    assert len(calls) < 12
    assert [any_queue.result(each) for each in ids] == [{"n": n} for n in range(64)]


def test_a_worker_that_prefetches_keeps_the_leases_of_tasks_that_wait(valkey):
    with redis_queue(valkey, QueueSettings(lease=LEASE)) as queue:
        first, *others = queue.add_tasks([{}] * 4)
        worker = Gated("w", (), queue, prefetch=4)
        thread = threading.Thread(target=worker.start, daemon=True)
        thread.start()
        assert worker.inside.wait(20)
        given = {each.task: each.deadline for each in queue.claims()}
        until(lambda: all(each.deadline > given[each.task] for each in queue.claims()))
        assert queue.reap() == 0
        queue.cancel(others[1])
        until(lambda: worker.in_hand.cancelled)
        worker.gate.set()
        thread.join(20)
        assert [queue.task(each).status for each in (first, others[0], others[2])] == [
            "completed"
        ] * 3
        assert "cancelled" in reason(queue.task(others[1]))
        assert {queue.task(each).attempt for each in (first, *others)} == {1}


def test_a_worker_that_is_stopped_gives_the_tasks_that_wait_back_in_their_order(any_queue):
    first, *others = any_queue.add_tasks([{}] * 4)
    worker = Gated("w", (), any_queue, prefetch=3)
    thread = threading.Thread(target=worker.start, daemon=True)
    thread.start()
    assert worker.inside.wait(20)
    worker.stop()
    worker.gate.set()
    thread.join(20)
    assert any_queue.task(first).status == "completed"
    assert any_queue.tasks("pending") == others
    assert [any_queue.task(each).attempt for each in others] == [0, 0, 0]


def test_what_the_loop_gives_back_or_reports_is_seen_until_the_queue_has_it(any_queue, monkeypatch):
    """The watch thread may end the process at any moment: what it misses waits for its lease."""

    class Failing(Worker):
        def process(self, task):
            self.stop()
            raise ValueError("no good")

    any_queue.add_tasks([{}] * 3)
    worker = Failing("w", (), any_queue, prefetch=3)
    seen = []
    for name in ("release", "mark_failed"):
        really = getattr(any_queue, name)

        def watched(task, *rest, really=really, **options):
            seen.append(worker.in_hand.speaking.is_up or task in worker.in_hand.unfinished())
            return really(task, *rest, **options)

        monkeypatch.setattr(any_queue, name, watched)
    worker.start()
    assert seen == [True, True, True]


def test_a_worker_that_must_leave_gives_everything_at_hand_back_in_its_order(any_queue):
    ids = any_queue.add_tasks([{}] * 4)
    worker = Gated("w", (), any_queue, prefetch=3)
    thread = threading.Thread(target=worker.start, daemon=True)
    thread.start()
    assert worker.inside.wait(20)
    worker.stop()
    worker.release()
    assert any_queue.tasks("pending") == ids
    worker.gate.set()
    thread.join(20)
    assert any_queue.tasks("pending") == ids
    assert any_queue.get_stats().completed_total == 0


def test_what_a_worker_gives_back_is_never_failed_as_cancelled(any_queue):
    """The main thread may notice before the queue does that the worker is about to leave."""
    (task_id,) = any_queue.add_tasks([{}])
    worker = Gated("w", (), any_queue)
    thread = threading.Thread(target=worker.start, daemon=True)
    thread.start()
    assert worker.inside.wait(20)
    really_release = any_queue.release

    def release_late(task):
        worker.gate.set()
        thread.join(20)
        really_release(task)

    any_queue.release = release_late
    worker.stop()
    worker.release()
    assert any_queue.task(task_id).status == "pending"
    assert any_queue.task(task_id).errors == ()
    assert any_queue.task(task_id).attempt == 0
    assert worker.failed == 0


def test_results_do_not_wait_for_slow_tasks_in_the_same_hands(queue):
    first, second, third = queue.add_tasks([{}] * 3)

    class Slow(Worker):
        def process(self, task):
            if task.id == second:
                time.sleep(0.15)  # longer than a finished task may wait
            if task.id == third:
                assert queue.result(first) == {}
                assert queue.result(second) == {}
            return {}

    assert Slow("w", (), queue, prefetch=3).start() == 3
    assert queue.check() == []


@pytest.mark.parametrize("prefetch", [0, -1, 501])
def test_a_prefetch_out_of_range_is_refused(prefetch):
    with pytest.raises(ImglabError, match="1 to 500"):
        Worker("w", (), TaskQueue(), prefetch=prefetch)


def test_prefetch_is_refused_where_one_crash_ends_a_task():
    """For each task in the hands of a worker that died has crashed once, whichever did it."""
    queue = TaskQueue(QueueSettings(max_crashes=1))
    Worker("w", (), queue)
    with pytest.raises(ImglabError, match="max_crashes"):
        Worker("w", (), queue, prefetch=2)


# A host without the photographs


@pytest.fixture
def bare_host(project):
    """The queue's photographs are elsewhere: images/ is empty, as where a disk is not mounted."""
    (project / "images" / "sample.png").unlink()
    return project


@pytest.mark.parametrize("prefetch", [1, 3])
def test_a_worker_without_any_photograph_gives_all_back_in_its_order_and_leaves(
    bare_host, any_queue, prefetch
):
    payloads = [{"image_path": f"images/{number}.jpg"} for number in range(4)]
    ids = any_queue.add_tasks(payloads)
    with pytest.raises(NoPhotographs, match="nothing to read in images, as when a shared"):
        Worker("bare", [], any_queue, prefetch=prefetch).start()
    assert any_queue.tasks("pending") == ids
    assert {any_queue.task(each).attempt for each in ids} == {0}
    assert any_queue.check() == []


def test_where_there_are_others_a_photograph_that_is_missing_fails_alone(project, any_queue):
    missing = any_queue.add_task({"image_path": "images/missing.jpg"})
    there = any_queue.add_task({"image_path": "images/sample.png"})
    assert Worker("w", [], any_queue).start() == 1
    assert any_queue.task(missing).status == "failed"
    assert any_queue.task(there).status == "completed"


def test_a_result_that_another_task_was_to_make_is_no_missing_photograph(bare_host, any_queue):
    task_id = any_queue.add_task({"image_path": "output/step-1.jpg"})
    assert Worker("w", [], any_queue).start() == 0
    assert any_queue.task(task_id).status == "failed"
