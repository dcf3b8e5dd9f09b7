"""Worker processes: real ones, really killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter

import psutil
import pytest
from helpers.clock import until
from helpers.own_filters import DEADLY, HOLD, HUNG, MEET
from helpers.processes import is_alive, started
from helpers.server import redis_queue

from imglab.errors import ImglabError, TaskCancelled
from imglab.imaging import FilterPipeline, open_image
from imglab.project import project_home
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.workers import WorkerPool, WorkerSpec
from imglab.workers.crew import Crew, Member
from imglab.workers.process import VARIABLE


@pytest.fixture
def project(project):
    """The project, with filters of its own."""
    (project / "hold_filter.py").write_text(HOLD)
    (project / "meet_filter.py").write_text(MEET)
    (project / "hung_filters.py").write_text(HUNG)
    (project / "deadly_filter.py").write_text(DEADLY)
    return project


def photo(n: int, **more) -> dict:
    return {"image_path": "images/sample.png", "output_path": f"output/{n}.png", **more}


def test_s7_s9_s11_three_processes_share_fifteen_tasks_and_take_each_once(project, queue):
    ids = queue.add_tasks(photo(n) for n in range(15))
    with WorkerPool(3, ["blur", "edges"], queue) as pool:
        assert len(set(pool.pids.values())) == 3
        assert pool.join(timeout=30)
    expected = FilterPipeline(["blur", "edges"]).apply(open_image("images/sample.png")).tobytes()
    assert {open_image(f"output/{n}.png").tobytes() for n in range(15)} == {expected}
    took_part = {queue.task(task_id).worker for task_id in ids}
    assert took_part <= {"worker-1", "worker-2", "worker-3"}
    claims = Counter(each["task"] for each in queue.events() if each["event"] == "claimed")
    assert claims == dict.fromkeys(ids, 1)
    assert queue.workers() == {}, "who leaves takes its name off the list"


def test_s9_s11_three_processes_work_at_the_same_time_each_on_a_task_of_its_own(project, queue):
    # Each task goes on only when three processes are inside one.
    spec = [{"name": "meet"}]
    ids = queue.add_tasks(photo(n, filters=spec) for n in range(3))
    with WorkerPool(3, (), queue, imports=["meet_filter"]) as pool:
        assert pool.join(timeout=30)
    done = [queue.task(task_id) for task_id in ids]
    assert [task.status for task in done] == ["completed"] * 3
    assert sorted(task.worker for task in done) == ["worker-1", "worker-2", "worker-3"]


def test_a_pool_is_ready_when_it_has_started(project, queue):
    with WorkerPool(2, (), queue) as pool:
        records = queue.workers()
        assert {name: each["pid"] for name, each in records.items()} == pool.pids
    assert pool.pids == {}


def test_s24_a_killed_worker_is_replaced_and_its_task_comes_back_at_once(project, queue):
    spec = [{"name": "hold"}]
    (task_id,) = queue.add_tasks([photo(1, filters=spec)])
    with WorkerPool(1, (), queue, imports=["hold_filter"]) as pool:
        until((project / "begun").exists)
        killed = pool.kill("worker-1")
        until(lambda: pool.pids.get("worker-1") not in (None, killed))
        (project / "go").touch()
        # The lease is 30 s: only a pool that knows of the death is this quick.
        assert queue.wait(task_id, timeout=15)["status"] == "success"
    assert queue.task(task_id).crashes == 1
    told = [event["event"] for event in queue.trace(task_id)]
    assert told == ["added", "claimed", "expired", "delayed", "promoted", "claimed", "completed"]


def test_a_worker_that_cannot_be_started_again_for_a_while_is_started_later(project, queue, caplog):
    with WorkerPool(1, (), queue) as pool:
        log = pool.logs / "worker-1.log"
        log.rename(pool.logs / "before.log")
        log.mkdir()  # no file can be opened there, as where the disk is full
        pid = pool.kill("worker-1")
        until(lambda: "worker-1 cannot be started again yet" in caplog.text, seconds=30)
        assert pool.pids == {}
        assert pool.names == ["worker-1"]
        log.rmdir()
        until(lambda: pool.pids, seconds=30)
        assert pool.pids["worker-1"] != pid
        task_id = queue.add_task(photo(1))
        assert queue.wait(task_id, timeout=30)
    assert caplog.text.count("cannot be started again") == 1


def test_a_lease_that_is_raised_later_counts_before_a_silent_worker_is_killed(queue, valkey):
    queue.get_task("worker-1")  # whose process is the one below
    spec = WorkerSpec(name="", queue=queue.spec())
    crew = Crew(queue, spec, "worker", project_home() / "logs")
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    seen = queue.workers()["worker-1"]["seen"]
    member = Member(process, seen=seen, seen_at=time.monotonic() - 200)
    crew.members["worker-1"] = member
    with RedisTaskQueue(url=valkey.url, namespace=queue.namespace) as other:
        other.change_settings(lease=300)
        crew._kill_the_frozen()
        assert process.poll() is None
        other.change_settings(lease=30)  # it may beat by the longer one until its task is over
        crew._kill_the_frozen()
        assert process.poll() is None
    member.seen_at -= 800
    crew._kill_the_frozen()
    assert process.wait(30) == -signal.SIGKILL


def test_s24_a_task_that_kills_its_workers_is_failed_and_the_others_are_done(project, queue):
    poison = queue.add_task(photo(0, filters=[{"name": "deadly"}]))
    good = queue.add_tasks(photo(n) for n in range(1, 4))
    with WorkerPool(2, (), queue, imports=["deadly_filter"]) as pool:
        assert pool.join(timeout=60)
    assert queue.task(poison).status == "failed"
    assert queue.task(poison).crashes == 3
    assert "died (3 of 3)" in queue.task(poison).errors[-1]["error"]
    assert [queue.task(task_id).status for task_id in good] == ["completed"] * 3


def test_a_killed_worker_gives_all_back_that_it_prefetched(project, queue):
    spec = [{"name": "hold"}]
    ids = queue.add_tasks(photo(n, filters=spec) for n in range(8))
    with WorkerPool(1, (), queue, imports=["hold_filter"], prefetch=8) as pool:
        until((project / "begun").exists)
        assert queue.get_stats().processing == 8
        pool.kill("worker-1")
        (project / "go").touch()
        assert pool.join(timeout=30)
    assert [queue.task(task_id).status for task_id in ids] == ["completed"] * 8
    assert {queue.task(task_id).crashes for task_id in ids} == {1}


def test_poison_takes_no_other_task_with_it_that_was_in_the_same_hands(project, queue):
    before = queue.add_tasks(photo(n) for n in range(5))
    poison = queue.add_task(photo(99, filters=[{"name": "deadly"}]))
    after = queue.add_tasks(photo(n) for n in range(5, 10))
    with WorkerPool(2, (), queue, imports=["deadly_filter"], prefetch=16) as pool:
        assert pool.join(timeout=60)
    assert queue.task(poison).status == "failed"
    assert queue.task(poison).crashes == 3
    good = [queue.task(task_id) for task_id in before + after]
    assert [task.status for task in good] == ["completed"] * 10
    assert {task.crashes for task in good} <= {0, 1}


def test_sigterm_lets_the_task_at_hand_finish(project, queue):
    task_id = queue.add_task(photo(1, filters=[{"name": "hold"}]))
    with WorkerPool(1, (), queue, imports=["hold_filter"]) as pool:
        until((project / "begun").exists)
        os.kill(pool.pids["worker-1"], signal.SIGTERM)
        until(lambda: "stopping" in pool.log("worker-1"))
        (project / "go").touch()
        assert queue.wait(task_id, timeout=15)
    assert queue.task(task_id).attempt == 1


def test_a_second_sigterm_gives_the_task_back_without_counting_the_attempt(project, queue):
    task_id = queue.add_task(photo(1, filters=[{"name": "hold"}]))
    with WorkerPool(1, (), queue, imports=["hold_filter"]) as pool:
        until((project / "begun").exists)
        pid = pool.pids["worker-1"]
        queue.pause()  # nobody takes it while we look
        os.kill(pid, signal.SIGTERM)
        until(lambda: "stopping" in pool.log("worker-1"))
        os.kill(pid, signal.SIGTERM)
        until(lambda: queue.get_stats().pending == 1)
        assert queue.task(task_id).attempt == 0
        until(lambda: not is_alive(pid))


@pytest.mark.parametrize("end", ["leaves", "is killed"])
def test_a_cancelled_task_whose_worker_does_not_live_to_hear_of_it_never_runs_again(
    project, queue, end
):
    task_id = queue.add_task(photo(1, filters=[{"name": "hold"}]))
    with WorkerPool(1, (), queue, imports=["hold_filter"]) as pool:
        until((project / "begun").exists)
        pid = pool.pids["worker-1"]
        assert queue.cancel(task_id)  # its worker asks in ten seconds, a third of its lease
        if end == "leaves":
            os.kill(pid, signal.SIGTERM)
            until(lambda: "stopping" in pool.log("worker-1"))
            os.kill(pid, signal.SIGTERM)
        else:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(TaskCancelled):
            queue.wait(task_id, timeout=20)
        good = queue.add_task(photo(2))
        assert queue.wait(good, timeout=20), "another worker is there, and has nothing else to do"
    claims = [event for event in queue.trace(task_id) if event["event"] == "claimed"]
    assert len(claims) == 1
    assert queue.get_stats().cancelled == 1


def test_a_task_over_its_time_limit_is_failed_with_the_reason_and_the_worker_goes_on(
    project, valkey
):
    with redis_queue(valkey, QueueSettings(time_limit=0.7)) as queue:
        hung = queue.add_task(photo(0, filters=[{"name": "hung"}]), max_attempts=2)
        good = queue.add_task(photo(1))
        with WorkerPool(1, (), queue, imports=["hung_filters"]) as pool:
            pid = pool.pids["worker-1"]
            assert pool.join(timeout=60)
            assert pool.pids["worker-1"] == pid, "the process started anew, in place"
        task = queue.task(hung)
        assert (task.status, task.attempt, task.crashes) == ("failed", 2, 0)
        assert "time limit of 0.7 s" in task.errors[-1]["error"]
        assert queue.task(good).status == "completed"


def test_a_worker_frozen_in_native_code_is_replaced_and_blocks_nobody(project, valkey):
    with redis_queue(valkey, QueueSettings(lease=2, max_crashes=1, time_limit=1)) as queue:
        frozen = queue.add_task(photo(0, filters=[{"name": "frozen"}]))
        with WorkerPool(1, (), queue, imports=["hung_filters"]) as pool:
            pid = pool.pids["worker-1"]
            good = queue.add_task(photo(1))
            assert pool.join(timeout=60)
            assert pool.pids["worker-1"] != pid
        assert queue.task(frozen).status == "failed"
        assert queue.task(frozen).errors[-1]["error"].startswith("worker worker-1 ")
        assert queue.task(good).status == "completed"


def test_cancelling_a_task_hung_in_native_code_frees_its_worker(project, valkey):
    with redis_queue(valkey, QueueSettings(lease=0.6)) as queue:
        hung = queue.add_task(photo(0, filters=[{"name": "hung"}]))
        with WorkerPool(1, (), queue, imports=["hung_filters"], grace=0.5) as pool:
            until(lambda: queue.task(hung).status == "processing")
            assert queue.cancel(hung)
            good = queue.add_task(photo(1))
            assert pool.join(timeout=60)
        assert queue.task(hung).status == "cancelled"
        assert queue.task(hung).errors[-1]["error"] == "cancelled while it ran"
        assert queue.task(good).status == "completed"


def test_a_pool_grows_and_shrinks(project, queue):
    with WorkerPool(1, (), queue) as pool:
        pool.scale(3)
        assert sorted(pool.pids) == ["worker-1", "worker-2", "worker-3"]
        pool.scale(1)
        assert list(pool.pids) == ["worker-1"]
        assert list(queue.workers()) == ["worker-1"]


def test_a_worker_that_cannot_start_says_why_and_leaves_no_process(project, queue):
    with pytest.raises(ImglabError, match=r"(?s)did not start.*no_such_module.*cannot be imported"):
        WorkerPool(2, (), queue, imports=["no_such_module"]).start()


def test_an_unknown_worker_or_an_empty_pool_is_refused(project, queue):
    with pytest.raises(ImglabError, match="at least one worker"):
        WorkerPool(0, (), queue)
    with pytest.raises(ImglabError, match="no worker 'worker-9'"):
        WorkerPool(1, (), queue).kill("worker-9")


PARENT = """
import signal, sys
from imglab.queues import RedisTaskQueue
from imglab.workers import WorkerPool
signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
pool = WorkerPool(2, (), RedisTaskQueue(url=sys.argv[1], namespace=sys.argv[2])).start()
print(*pool.pids.values(), flush=True)
while True:
    signal.pause()
"""


def test_workers_survive_the_notebooks_interrupt_and_leave_when_it_dies(project, queue, valkey):
    words = (sys.executable, "-c", textwrap.dedent(PARENT), valkey.url, queue.namespace)
    pipe = subprocess.PIPE
    with started(*words, stdout=pipe, text=True, start_new_session=True) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        os.killpg(parent.pid, signal.SIGINT)
        assert parent.stdout.readline() == "interrupted\n"
        task_id = queue.add_task(photo(1))
        assert queue.wait(task_id, timeout=15), "nobody works any more"
    began = time.monotonic()
    until(lambda: not any(is_alive(pid) for pid in pids))
    assert time.monotonic() - began < 10


def test_a_second_pool_takes_names_that_nobody_has(project, queue):
    with WorkerPool(2, (), queue) as first, WorkerPool(2, (), queue) as second:
        assert list(first.pids) == ["worker-1", "worker-2"]
        assert list(second.pids) == ["worker-3", "worker-4"]


def test_a_name_is_free_again_when_its_process_is_gone(project, queue):
    with WorkerPool(1, (), queue) as pool:
        pool._crew.end_watch()
        os.kill(pool.pids["worker-1"], signal.SIGKILL)
        pool._crew.members["worker-1"].process.wait()
        assert "worker-1" in queue.workers(), "it could not say that it leaves"
        with WorkerPool(1, (), queue) as other:
            assert list(other.pids) == ["worker-1"]


def test_what_a_notebook_claimed_by_hand_takes_no_name_from_its_pool(project, queue):
    queue.get_task("worker-1")
    with WorkerPool(1, (), queue) as pool:
        assert list(pool.pids) == ["worker-1"]


def test_a_dead_worker_costs_another_one_of_its_name_no_task(project, queue):
    task_id = queue.add_task(photo(1, filters=[{"name": "hold"}]))
    with WorkerPool(1, (), queue, imports=["hold_filter"]) as pool:
        until((project / "begun").exists)
        environment = {**os.environ, VARIABLE: WorkerSpec("worker-1", queue.spec()).to_json()}
        with started(sys.executable, "-m", "imglab.workers", env=environment) as idle:
            until(lambda: queue.workers()["worker-1"]["pid"] == idle.pid)
        assert queue.reap(dead_worker="worker-1", pid=idle.pid) == 0
        assert queue.reap(dead_worker="worker-1", pid=pool.pids["worker-1"]) == 1
        (project / "go").touch()
        assert queue.wait(task_id, timeout=15)


def test_the_processes_of_a_pool_that_nobody_holds_any_more_leave(project, queue):
    pool = WorkerPool(2, (), queue).start()
    before = list(pool.pids.values())
    pool = WorkerPool(1, (), queue).start()  # as when a cell is run again
    until(lambda: not any(is_alive(pid) for pid in before))
    assert list(pool.pids) == ["worker-3"]
    assert list(queue.workers()) == ["worker-3"]
    pool.stop()


def test_a_pool_that_was_stopped_starts_again(project, queue):
    pool = WorkerPool(1, (), queue)
    for _ in range(2):
        with pool:
            assert list(pool.pids) == ["worker-1"]
            queue.add_task(photo(1))
            assert pool.join(timeout=30)
    log = (pool.logs / "worker-1.log").read_text()
    assert log.count("ready") == 2, "one file for all who had this name"


def test_join_ends_with_their_last_words_when_all_workers_have_given_up(project, queue):
    with WorkerPool(1, (), queue, imports=["hold_filter"]) as pool:
        (project / "hold_filter.py").write_text("raise OSError('the library is gone')")
        pool.kill("worker-1")
        queue.pause()
        queue.add_task(photo(1))
        with pytest.raises(ImglabError, match=r"(?s)No worker of this pool is left.*library is go"):
            pool.join(timeout=60)
        (project / "hold_filter.py").write_text(HOLD)
        queue.resume()
        pool.scale(1)
        assert pool.join(timeout=30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_whatever_asks_a_worker_to_leave_lets_it_end_its_task(project, queue, number):
    task_id = queue.add_task(photo(1, filters=[{"name": "hold"}]))
    spec = WorkerSpec("w", queue.spec(), imports=("hold_filter",))
    environment = {**os.environ, VARIABLE: spec.to_json()}
    command = [sys.executable, "-m", "imglab.workers"]
    with started(*command, env=environment, stdout=subprocess.PIPE, text=True) as worker:
        until((project / "begun").exists)
        worker.send_signal(number)
        until(lambda: "stopping" in worker.stdout.readline())
        (project / "go").touch()
        worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert queue.task(task_id).status == "completed"
    assert queue.workers() == {}


def test_nohup_is_heeded(project, queue):
    spec = WorkerSpec("w", queue.spec())
    environment = {**os.environ, VARIABLE: spec.to_json()}
    command = ["nohup", sys.executable, "-m", "imglab.workers"]
    with started(*command, env=environment, stdout=subprocess.DEVNULL) as worker:
        until(lambda: "w" in queue.workers())
        worker.send_signal(signal.SIGHUP)
        task_id = queue.add_task(photo(1))
        assert queue.wait(task_id, timeout=20)
        worker.terminate()
        assert worker.wait(20) == 0


SLOW_REPLY = """
import sys, time
from pathlib import Path
from imglab.queues import RedisTaskQueue
real = RedisTaskQueue.get_tasks
def get_tasks(self, *arguments):
    tasks = real(self, *arguments)
    if tasks:
        Path("claimed").touch()
        time.sleep(1)  # as when the network is slow: the claim is made, and its worker cannot know
    return tasks
RedisTaskQueue.get_tasks = get_tasks
from imglab.workers.process import main
sys.exit(main())
"""
PLAIN_WORKER = "import sys; from imglab.workers.process import main; sys.exit(main())"
FRAGILE_PARENT = """
import os, subprocess, sys
from imglab.queues import RedisTaskQueue
from imglab.workers import WorkerSpec
from imglab.workers.process import VARIABLE
queue = RedisTaskQueue(url=sys.argv[1], namespace=sys.argv[2])
spec = WorkerSpec("w", queue.spec(), imports=("hold_filter",), parent=os.getpid(), grace=0.1)
environment = {**os.environ, VARIABLE: spec.to_json()}
worker = subprocess.Popen([sys.executable, "-c", sys.argv[3]], env=environment)
print(worker.pid, flush=True)
worker.wait()
"""


@pytest.mark.parametrize("end", ["its parent dies", "it is told to"])
def test_w7_a_worker_without_a_time_limit_leaves_all_the_same(project, valkey, end):
    with redis_queue(valkey, QueueSettings(time_limit=None)) as queue:
        task_id = queue.add_task(photo(1, filters=[{"name": "hold"}]))
        words = (sys.executable, "-c", FRAGILE_PARENT, valkey.url, queue.namespace, PLAIN_WORKER)
        with started(*words, stdout=subprocess.PIPE, text=True) as parent:
            worker = int(parent.stdout.readline())
            until((project / "begun").exists)
            if end == "its parent dies":
                parent.kill()
            else:
                os.kill(worker, signal.SIGTERM)
            parent.communicate(timeout=30)
        until(lambda: not is_alive(worker))
        assert queue.tasks("pending") == [task_id], "it is given back"
        assert queue.task(task_id).attempt == 0
        assert queue.workers() == {}, "who leaves takes its name off the list"


@pytest.mark.parametrize("is_asked_to_leave", [True, False])
def test_a_claim_whose_reply_is_on_its_way_is_given_back_when_the_parent_dies(
    project, queue, valkey, is_asked_to_leave
):
    task_id = queue.add_task(photo(1, filters=[{"name": "hold"}]))
    words = (sys.executable, "-c", FRAGILE_PARENT, valkey.url, queue.namespace, SLOW_REPLY)
    with started(*words, stdout=subprocess.PIPE, text=True) as parent:
        worker = int(parent.stdout.readline())
        until((project / "claimed").exists)
        queue.pause()  # nobody takes it while we look
        if is_asked_to_leave:
            os.kill(worker, signal.SIGTERM)
        parent.kill()
        parent.communicate()
    until(lambda: not is_alive(worker))
    assert queue.tasks("pending") == [task_id], "it need not wait for its lease of 30 s"
    assert queue.task(task_id).attempt == 0


def test_a_password_is_not_in_the_list_of_processes(project, own_server):
    admin = RedisTaskQueue(url=own_server.url)
    admin.redis.config_set("requirepass", "s3cret")
    admin.close()
    url = f"redis://:s3cret@127.0.0.1:{own_server.port}"
    queue = RedisTaskQueue(url=url)
    assert "s3cret" not in repr(queue)
    with WorkerPool(1, (), queue) as pool:
        command = " ".join(psutil.Process(pool.pids["worker-1"]).cmdline())
        assert "s3cret" not in command + pool.log("worker-1") + repr(pool)
        assert "imglab" in command
    queue.close()


def test_s22_tasks_survive_the_killing_of_redis_and_of_every_worker(project, own_server):
    queue = RedisTaskQueue(url=own_server.url)
    settings = QueueSettings()
    ids = queue.add_tasks(photo(n) for n in range(6))
    pool = WorkerPool(2, (), queue).start()
    until(lambda: queue.get_stats().completed >= 2)
    before = {task_id: queue.result(task_id) for task_id in queue.tasks("completed")}
    own_server.kill()
    pool._crew.end_watch()  # as if the whole machine had stopped: nobody replaces anybody
    for pid in pool.pids.values():
        os.kill(pid, signal.SIGKILL)
    own_server.start()
    for worker in ("worker-1", "worker-2"):
        queue.reap(dead_worker=worker)  # or wait for one lease
    with WorkerPool(1, (), queue) as second:
        assert second.join(timeout=30)
    assert queue.get_stats().completed == len(ids)
    assert {task_id: queue.result(task_id) for task_id in before} == before
    assert settings.max_crashes > 1
    for member in pool._crew.members.values():
        member.process.wait()
    queue.close()


LOADING = """
import sys
from imglab.errors import QueueUnavailable
from imglab.queues import RedisTaskQueue
real, calls = RedisTaskQueue.forget_workers, []
def forget_workers(self):
    calls.append(self)
    if len(calls) == 1:
        raise QueueUnavailable("Redis is loading the dataset in memory")
    return real(self)
RedisTaskQueue.forget_workers = forget_workers
from imglab.workers.process import main
sys.exit(main())
"""


def test_a_worker_waits_for_a_redis_that_is_loading_whatever_it_asks_first(queue):
    spec = WorkerSpec("w", queue.spec(), burst=True, parent=os.getpid())
    environment = {**os.environ, VARIABLE: spec.to_json()}
    done = subprocess.run([sys.executable, "-c", LOADING], env=environment, timeout=30, check=False)
    assert done.returncode == 0


def test_the_module_of_a_worker_says_who_starts_it_when_a_person_does():
    command = [sys.executable, "-m", "imglab.workers"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "imglab worker" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_three_sigterms_do_not_cost_a_pool_its_only_worker(project, queue):
    with WorkerPool(1, (), queue) as pool:
        for _ in range(4):
            pid = until(lambda: pool.pids.get("worker-1"))
            os.kill(pid, signal.SIGTERM)
            until(lambda pid=pid: pool.pids.get("worker-1") not in (None, pid))
        task_id = queue.add_task(photo(1))
        assert queue.wait(task_id, timeout=30)


def test_a_spec_survives_its_way_as_text():
    spec = WorkerSpec("w", {"host": "h"}, [{"name": "blur", "radius": 1.0}], ("m",), ("a", "b"))
    assert WorkerSpec.from_json(spec.to_json()) == spec
    assert VARIABLE not in os.environ


def test_a_queue_made_from_its_spec_is_the_same_queue(valkey):
    with redis_queue(valkey, QueueSettings(lease=7)) as queue:
        spec = queue.spec()
        again = RedisTaskQueue.from_spec(spec)
        task_id = queue.add_task({})
        assert again.get_task("w").id == task_id
        assert again.settings.lease == 7
        again.close()


SLOW_MODULE = """
import time
with open("starts", "a") as file:
    file.write("x")
time.sleep(4)
"""


def test_a_worker_that_begins_slowly_is_not_taken_for_frozen(project, valkey):
    (project / "slow_module.py").write_text(SLOW_MODULE)
    with redis_queue(valkey, QueueSettings(lease=0.5)) as queue:
        queue.get_task("somebody-else")
        with WorkerPool(1, (), queue, imports=["slow_module"]):
            assert (project / "starts").read_text() == "x"


def test_a_pool_without_any_photograph_says_so_and_loses_nothing(project, queue):
    (project / "images" / "sample.png").unlink()
    with (
        pytest.raises(ImglabError, match="This host has no photographs"),
        WorkerPool(2, (), queue) as pool,
    ):
        task_id = queue.add_task({"image_path": "images/sample.png"})
        pool.join(timeout=60)
    assert queue.task(task_id).status == "pending"
    assert queue.task(task_id).attempt == 0
