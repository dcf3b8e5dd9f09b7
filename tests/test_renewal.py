"""Workers that leave for a new process, after so many tasks or with too much memory: real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import AbstractContextManager

import pytest
from helpers.clock import until
from helpers.own_filters import HOLD
from helpers.processes import started

from imglab import memory
from imglab.errors import ImglabError
from imglab.queues import TaskQueue
from imglab.workers import Worker, WorkerPool, WorkerSpec
from imglab.workers.process import VARIABLE

#: Notes in which process each task ran; `leak` keeps 60 MB of each task, as native code does.
FILTERS = (
    HOLD
    + """
import os

kept = []

@FilterFactory.register
@dataclass(frozen=True)
class NoteFilter(BaseFilter):
    name = "note"
    def change(self, image):
        with (HERE / "pids").open("a") as file:
            file.write(f"{os.getpid()}\\n")
        return image

@FilterFactory.register
@dataclass(frozen=True)
class LeakFilter(BaseFilter):
    name = "leak"
    def change(self, image):
        kept.append(b"x" * 60_000_000)
        return image
"""
)


@pytest.fixture
def project(project):
    """The project, with filters of its own."""
    (project / "renewal_filters.py").write_text(FILTERS)
    return project


def add(queue, count: int, *filters: str) -> list[str]:
    names = [{"name": name} for name in ("note", *filters)]
    return queue.add_tasks(
        {"image_path": "images/sample.png", "output_path": f"output/{n}.png", "filters": names}
        for n in range(count)
    )


def lives(project) -> list[int]:
    """How many tasks each process did, the busiest first."""
    counts = Counter((project / "pids").read_text().splitlines())
    return sorted(counts.values(), reverse=True)


def assert_each_was_done_once(queue, ids) -> None:
    tasks = [queue.task(task_id) for task_id in ids]
    assert [task.status for task in tasks] == ["completed"] * len(ids)
    assert {(task.attempt, task.crashes) for task in tasks} == {(1, 0)}
    events = list(queue.events())
    for what in ("claimed", "completed"):
        ended = Counter(event["task"] for event in events if event["event"] == what)
        assert ended == dict.fromkeys(ids, 1)
    assert not [event for event in events if event["event"] == "expired"]


def test_a_leaking_worker_is_renewed_and_every_task_is_done_once(project, queue):
    ids = add(queue, 10, "leak")
    options = {"imports": ["renewal_filters"], "max_memory": "250MB"}
    with WorkerPool(2, (), queue, **options) as pool:
        assert pool.join(timeout=60)
        until(lambda: pool.renewals)
        assert all("more memory than the 250 MB" in line for line in pool.renewals)
        name = pool.renewals[0].partition(":")[0]
        assert "leaves for a new process: it has " in (pool.logs / f"{name}.log").read_text()
    assert_each_was_done_once(queue, ids)
    # Four leaks of 60 MB, and what a worker has anyway, are above 250 MB.
    assert max(lives(project)) <= 4


def test_a_pool_replaces_who_has_run_its_tasks_and_takes_none_too_many(project, queue):
    ids = add(queue, 7)
    options = {"imports": ["renewal_filters"], "max_tasks": 3, "prefetch": 4}
    with WorkerPool(1, (), queue, **options) as pool:
        assert pool.join(timeout=60)
        until(lambda: len(pool.renewals) == 2)
        assert pool.renewals[0] == "worker-1: it had run 3 tasks, as many as it may"
    assert_each_was_done_once(queue, ids)
    assert lives(project) == [3, 3, 1]


def test_what_a_leaking_worker_had_claimed_and_not_begun_is_given_back_in_its_order(project, queue):
    ids = add(queue, 3, "leak")
    options = {"imports": ["renewal_filters"], "max_memory": "90MB", "prefetch": 3}
    with WorkerPool(1, (), queue, **options) as pool:
        assert pool.join(timeout=60)
    tasks = [queue.task(task_id) for task_id in ids]
    assert {(task.status, task.attempt, task.crashes) for task in tasks} == {("completed", 1, 0)}
    done = [event["task"] for event in queue.events() if event["event"] == "completed"]
    assert done == ids
    assert lives(project) == [1] * 3


def started_alone(queue, valkey, *words: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """`imglab worker`, in a terminal without a pool."""
    environment = {**os.environ, "IMGLAB_REDIS_URL": valkey.url}
    where = ("--namespace", queue.namespace, "--import", "renewal_filters", "--name", "alone")
    return started(
        *(sys.executable, "-m", "imglab", "worker", *where, *words),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        (("--max-tasks", "2"), "it has run 2 tasks"),
        (("--max-memory", "150MB"), "of memory after"),
    ],
)
def test_a_worker_without_a_pool_starts_anew_in_its_place_and_works_on(
    project, queue, valkey, option, reason
):
    ids = add(queue, 5, "leak")
    with started_alone(queue, valkey, "--burst", *option) as worker:
        out, _ = worker.communicate(timeout=90)
    assert worker.returncode == 0, out
    assert out.count("alone: leaves for a new process: ") >= 2, out
    assert reason in out
    assert out.count("alone: ready") == 1 + out.count("leaves for a new process")
    assert_each_was_done_once(queue, ids)
    pids = {line.split()[0] for line in (project / "pids").read_text().splitlines()}
    assert pids == {str(worker.pid)}, "its process id is the same"
    assert queue.workers() == {}


def test_several_workers_of_one_command_are_replaced_and_leave_with_it(project, queue, valkey):
    with started_alone(queue, valkey, "--workers", "2", "--max-tasks", "1") as command:
        assert until(command.stdout.readline).startswith(
            "At work: alone-1, alone-2. Their logs are in"
        )
        ids = add(queue, 3)
        for task_id in ids:
            assert queue.wait(task_id, timeout=30)
        until(lambda: "left and is replaced: it had run 1 task, as" in command.stdout.readline())
        command.terminate()
        command.communicate(timeout=30)
    assert command.returncode == 128 + signal.SIGTERM
    assert_each_was_done_once(queue, ids)
    assert queue.workers() == {}


def test_several_workers_leave_when_the_queue_is_empty(project, queue, valkey):
    ids = add(queue, 3)
    with started_alone(queue, valkey, "--workers", "2", "--burst") as command:
        out, _ = command.communicate(timeout=60)
    assert "At work: alone-1, alone-2" in out
    assert_each_was_done_once(queue, ids)


def test_the_figures_of_several_workers_are_those_of_the_queue(project, queue, valkey):
    with started_alone(queue, valkey, "--workers", "2", "--metrics-port", "0") as command:
        out, _ = command.communicate(timeout=60)
    assert command.returncode == 2
    assert "imglab metrics" in out


def test_a_worker_that_is_told_to_leave_is_not_renewed(project, queue, valkey):
    add(queue, 2, "hold")
    with started_alone(queue, valkey, "--max-tasks", "1") as worker:
        until((project / "begun").exists)
        worker.send_signal(signal.SIGTERM)
        until(lambda: "stopping" in worker.stdout.readline())
        (project / "go").touch()
        out, _ = worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert "leaves for a new process" not in out
    assert queue.get_stats().pending == 1


def test_an_idle_worker_that_was_renewed_still_leaves_when_it_is_told_to(project, queue, valkey):
    (task_id,) = add(queue, 1)
    with started_alone(queue, valkey, "--max-tasks", "1") as worker:
        until(lambda: "leaves for a new process" in worker.stdout.readline())
        until(lambda: "alone: ready" in worker.stdout.readline())
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert queue.task(task_id).status == "completed"


def test_a_worker_that_has_too_much_before_its_first_task_says_so_and_is_not_renewed_for_ever(
    project, queue
):
    add(queue, 1)
    with pytest.raises(ImglabError, match=r"(?s)before its first task, so it cannot stay below 5"):
        WorkerPool(1, (), queue, max_memory="5MB").start()
    assert queue.get_stats().pending == 1


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_a_worker_in_a_program_returns_says_why_and_counts_anew(project, request, kind):
    queue = TaskQueue() if kind == "memory" else request.getfixturevalue("queue")
    for _ in range(5):
        queue.add_task({"image_path": "images/sample.png"})
    worker = Worker("w", (), queue, max_tasks=2, prefetch=3)
    assert worker.left_because == ""
    assert [worker.start() for _ in range(3)] == [2, 2, 1]
    assert worker.left_because == "", "the last time there was nothing left"
    assert queue.get_stats().completed == 5


def test_a_task_that_failed_counts_as_well(project, queue):
    for _ in range(3):
        queue.add_task({"image_path": "images/none.png"})
    worker = Worker("w", (), queue, max_tasks=2)
    assert worker.start() == 0
    assert worker.left_because == "it has run 2 tasks, as many as it may"
    assert queue.get_stats().pending == 1


def test_a_worker_of_a_pool_leaves_with_the_code_by_which_its_pool_knows(project, queue):
    add(queue, 1)
    spec = WorkerSpec(
        "w", queue.spec(), imports=("renewal_filters",), parent=os.getpid(), max_tasks=1
    )
    environment = {**os.environ, VARIABLE: spec.to_json()}
    command = [sys.executable, "-m", "imglab.workers"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=30, check=False)
    assert done.returncode == 81
    assert queue.workers() == {}


@pytest.mark.parametrize("wrong", [0, -1, True, "5", 1.5])
def test_a_number_of_tasks_that_is_none_is_refused(queue, wrong):
    with pytest.raises(ImglabError, match="max_tasks must be a whole number"):
        Worker("w", (), queue, max_tasks=wrong)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (500, 500),
        ("500MB", 500_000_000),
        ("1.5g", 1_500_000_000),
        ("512 MiB", 512 * 2**20),
        ("1Ki", 1024),
    ],
)
def test_a_size_is_read_as_people_write_it(text, size):
    assert memory.as_bytes(text, "max_memory") == size


@pytest.mark.parametrize(
    "wrong", ["", "much", "500", "-5MB", "5XB", "5 M B", "9" * 400 + "MB", 0, -1, True]
)
def test_a_size_that_is_none_is_refused_in_words(wrong):
    with pytest.raises(ImglabError, match="max_memory must be"):
        memory.as_bytes(wrong, "max_memory")


@pytest.mark.skipif(not memory.PROC.exists(), reason="without /proc only the peak is known")
def test_what_a_process_has_grows_by_what_it_takes():
    before = memory.resident()
    kept = b"x" * 50_000_000
    assert memory.resident() - before > 40_000_000
    assert len(kept) == 50_000_000


def test_where_linux_tells_nothing_the_most_that_a_process_had_stands_in(monkeypatch, tmp_path):
    now = memory.resident()
    monkeypatch.setattr(memory, "PROC", tmp_path)
    assert memory.resident() >= now * 0.9
