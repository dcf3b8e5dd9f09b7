"""Figures and health for whoever runs queues and workers, as Prometheus would fetch them."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager

import pytest
from helpers.clock import until
from helpers.own_filters import HOLD
from helpers.server import free_port, redis_queue
from prometheus_client.parser import text_string_to_metric_families

from imglab.errors import ImglabError
from imglab.ops.metrics import follower
from imglab.ops.metrics.follower import Follower
from imglab.ops.metrics.http import Site, serve
from imglab.ops.metrics.of_queue import QueueWatch, serve_queue
from imglab.ops.metrics.of_worker import health_of, serve_worker, state_of
from imglab.ops.users import USERS, rules
from imglab.queues import QueueSettings, RedisTaskQueue, TaskQueue
from imglab.workers import Worker, WorkerPool
from imglab.workers.figures import Histogram

PHOTO = {"image_path": "images/sample.png"}


@pytest.fixture
def project(project):
    (project / "hold_filter.py").write_text(HOLD)
    return project


def fetch(url: str) -> tuple[int, str]:
    """The status and the text of a page."""
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def scrape(address: str) -> dict[tuple, float]:
    """Every sample, as (name, its labels but the owner's, in the order of their names) → value."""
    status, text = fetch(f"{address}/metrics")
    assert status == 200
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = [
                value
                for name, value in sorted(sample.labels.items())
                if name not in ("queue", "worker") and value
            ]
            found[(sample.name, *labels)] = sample.value
    return found


@contextmanager
def running(valkey, *words: str):
    """A command of the terminal that serves figures, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "imglab", *words],
        env={**os.environ, "IMGLAB_REDIS_URL": valkey.url},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        lines = iter(process.stdout.readline, "")
        found = (re.search(r"(http://\S+)/metrics", line) for line in lines)
        yield process, next(each[1] for each in found if each)
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture
def served():
    """Serve something in this process until the test ends; its address."""
    with ExitStack() as sites:

        def address_of(site: Site) -> str:
            return sites.enter_context(site).address

        yield address_of


@pytest.fixture
def watched(queue, served):
    """A queue, and the address of its figures."""
    with RedisTaskQueue.from_spec(queue.spec()) as own:
        yield queue, served(serve_queue(own, 0))


def test_a_queue_s_figures_are_those_of_the_queue(project, queue, valkey):
    with running(valkey, "metrics", "--port", "0", "--namespace", queue.namespace) as (_, address):
        assert address.startswith("http://127.0.0.1:")
        queue.add_tasks([PHOTO, PHOTO])
        queue.add_task({"image_path": "images/none.png"})
        queue.add_task(PHOTO, "high", delay=3600)
        queue.add_task(PHOTO, "low")
        before = scrape(address)
        with WorkerPool(2, (), queue) as pool:
            until(lambda: queue.get_stats().completed == 3 and queue.get_stats().failed == 1)
            until(lambda: scrape(address)["imglab_queue_workers", "idle"] == 2)
            now = scrape(address)
            assert len(pool.pids) == 2
    levels = ("high", "normal", "low")
    assert [before["imglab_queue_tasks", each, "pending"] for each in levels] == [0, 3, 1]
    assert before["imglab_queue_tasks", "delayed"] == 1
    assert [now["imglab_queue_tasks", each, "pending"] for each in levels] == [0, 0, 0]
    assert now["imglab_queue_tasks", "completed"] == 3
    assert now["imglab_queue_tasks_ended_total", "completed"] == 3
    assert now["imglab_queue_tasks_ended_total", "failed"] == 1
    assert now["imglab_queue_events_total", "added"] == 5
    assert now["imglab_queue_events_total", "claimed"] == 4
    assert now["imglab_queue_wait_seconds_count",] == 4
    assert now["imglab_queue_run_seconds_count",] == 4
    assert now["imglab_queue_run_seconds_bucket", "+Inf"] == 4
    assert now["imglab_queue_run_seconds_sum",] > 0
    assert now["imglab_queue_worker_deaths_total",] == 0
    assert now["imglab_queue_redis_up",] == 1
    assert now["imglab_queue_paused",] == 0


def test_a_death_is_counted_once_whatever_was_in_its_hands(project, watched):
    queue, address = watched
    hold = {**PHOTO, "filters": [{"name": "hold"}]}
    queue.add_tasks([hold] * 3)
    with WorkerPool(1, (), queue, imports=["hold_filter"], prefetch=3) as pool:
        until((project / "begun").exists)
        pool.kill("worker-1")
        until(lambda: scrape(address)["imglab_queue_events_total", "expired"] == 3)
        (project / "go").touch()
        assert pool.join(timeout=30)
    assert scrape(address)["imglab_queue_worker_deaths_total",] == 1


def test_health_tells_of_a_redis_that_is_away_and_the_figures_go_on(own_server, served):
    with RedisTaskQueue(url=own_server.url) as queue:
        address = served(serve_queue(queue, 0))
        assert fetch(f"{address}/healthz") == (200, "ok\n")
        queue.add_task(PHOTO)
        assert scrape(address)["imglab_queue_events_total", "added"] == 1
        own_server.kill()
        status, reason = fetch(f"{address}/healthz")
        assert status == 503
        assert reason.startswith("Redis does not answer: ")
        assert reason.count("\n") == 1
        now = scrape(address)
        assert now["imglab_queue_redis_up",] == 0
        assert now["imglab_queue_events_total", "added"] == 1
        assert ("imglab_queue_tasks", "completed") not in now
        own_server.start()
        assert until(lambda: fetch(f"{address}/healthz")[0] == 200)
        assert scrape(address)["imglab_queue_tasks", "normal", "pending"] == 1


def test_health_names_a_worker_that_is_stuck(project, valkey, served):
    with redis_queue(valkey, QueueSettings(lease=3)) as queue:
        address = served(serve_queue(RedisTaskQueue.from_spec(queue.spec()), 0))
        with WorkerPool(1, (), queue, imports=["hold_filter"]) as pool:
            queue.add_task({**PHOTO, "filters": [{"name": "hold"}]}, task_id="t1")
            until((project / "begun").exists)
            assert fetch(f"{address}/healthz")[0] == 200
            pool._crew.end_watch()  # nobody replaces it while we look
            pid = pool.pids["worker-1"]
            os.kill(pid, signal.SIGSTOP)
            until(lambda: fetch(f"{address}/healthz")[0] == 503, 30)
            reason = fetch(f"{address}/healthz")[1]
            assert re.fullmatch(
                r"Stuck: worker-1 is (silent|gone) since .*, still holds t1\.\n", reason
            )
            now = scrape(address)
            found = [now["imglab_queue_workers", each] for each in ("silent", "gone")]
            assert sum(found) == 1
            (project / "go").touch()
            os.kill(pid, signal.SIGCONT)
            until(lambda: fetch(f"{address}/healthz") == (200, "ok\n"))


def test_a_worker_s_own_figures_and_health_also_after_it_was_renewed(project, queue, valkey):
    queue.add_task({"image_path": "images/none.png"})
    queue.add_task(PHOTO)
    port = free_port()
    words = ("worker", "--metrics-port", str(port), "--max-tasks", "2", "--name", "w1")
    with running(valkey, *words, "--namespace", queue.namespace) as (process, address):
        until(lambda: "leaves for a new process" in process.stdout.readline())
        until(lambda: f"{address}/metrics" in process.stdout.readline())
        queue.add_task(PHOTO)
        until(lambda: scrape(address)["imglab_worker_tasks_total", "completed"] == 1)
        until(lambda: scrape(address)["imglab_worker_state", "idle"] == 1)
        now = scrape(address)
        assert fetch(f"{address}/healthz") == (200, "ok\n")
    assert now["imglab_worker_tasks_total", "failed"] == 0
    assert now["imglab_worker_run_seconds_count",] == 1
    assert now["imglab_worker_state", "working"] == 0
    assert now["imglab_worker_task_seconds",] == 0
    assert now["imglab_worker_resident_memory_bytes",] > 10_000_000


def test_a_worker_tells_what_ended_how_and_what_it_does(project, served):
    class Looking(Worker):
        def process(self, task):
            seen.append((state_of(self), scrape(address)))
            if "fail" in task.payload:
                raise ValueError("boom")
            return {}

    seen = []
    queue = TaskQueue()
    worker = Looking("w", (), queue)
    address = served(serve_worker(worker, 0))
    assert state_of(worker) == "idle"
    queue.add_task({})
    queue.add_task({"fail": 1}, max_attempts=1)
    worker.start()
    now = scrape(address)
    endings = {key[1]: value for key, value in now.items() if key[0] == "imglab_worker_tasks_total"}
    assert {ending: count for ending, count in endings.items() if count} == {
        "completed": 1,
        "failed": 1,
    }
    assert {"cancelled", "given_back", "not_ours"} < set(endings)
    assert now["imglab_worker_run_seconds_count",] == 2
    state, during = seen[0]
    assert state == "working"
    assert during["imglab_worker_state", "working"] == 1
    assert during["imglab_worker_task_seconds",] > 0
    worker.stop()
    assert state_of(worker) == "leaving"


def test_a_worker_without_its_redis_or_over_its_time_limit_is_not_well(own_server):
    with RedisTaskQueue(url=own_server.url, settings=QueueSettings(time_limit=1)) as queue:
        queue.add_task({}, task_id="t1")
        worker = Worker("w", (), queue)
        assert health_of(worker) == ""
        worker.in_hand.claimed([queue.get_task("w")])
        worker.in_hand.begin()
        worker.in_hand.began -= 60
        assert health_of(worker).startswith("Worker w is stuck: task t1 runs for 60 s")
        worker.in_hand.end()
        own_server.kill()
        assert health_of(worker).startswith("Worker w has no Redis: ")


@pytest.mark.parametrize("command", ["metrics", "worker"])
def test_a_port_that_is_taken_is_one_sentence(project, queue, valkey, command):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        option = {"metrics": "--port", "worker": "--metrics-port"}[command]
        done = subprocess.run(
            [sys.executable, "-m", "imglab", command, option, port, "--namespace", queue.namespace],
            env={**os.environ, "IMGLAB_REDIS_URL": valkey.url, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == (
        f"imglab: The port {port} of 127.0.0.1 is taken: name another one for the metrics, or 0 "
        "for any that is free.\n"
    )


@pytest.mark.parametrize(
    ("port", "host", "words"),
    [(-1, "127.0.0.1", "from 0 to 65535"), (0, "203.0.113.7", "an address of this machine")],
)
def test_an_address_that_cannot_be_is_refused_in_words(queue, port, host, words):
    with pytest.raises(ImglabError, match=words):
        serve_queue(queue, port, host)


def test_only_this_machine_may_ask_unless_somebody_says_other(watched):
    _, address = watched
    port = int(address.rpartition(":")[2])
    # Every address of this block is this machine, but only one of them is bound.
    with pytest.raises(OSError, match=r"refused|timed out|assign"):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_other_pages_are_none_and_say_which_there_are(watched):
    _, address = watched
    assert fetch(f"{address}/") == (404, "There are /metrics and /healthz.\n")
    assert fetch(f"{address}/healthz?full=1")[0] == 200


def test_a_client_that_says_nothing_keeps_nobody_waiting(watched):
    _, address = watched
    port = int(address.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port)),
        socket.create_connection(("127.0.0.1", port)),
    ):
        assert fetch(f"{address}/healthz") == (200, "ok\n")


def test_names_say_their_unit_and_what_only_grows(project, watched, served):
    queue, address = watched
    queue.change_settings(max_pending=5)
    worker = served(serve_worker(Worker("w", (), TaskQueue()), 0))
    text = fetch(f"{address}/metrics")[1] + fetch(f"{worker}/metrics")[1]
    for family in text_string_to_metric_families(text):
        if not family.name.startswith("imglab_"):
            continue
        assert re.fullmatch(r"imglab_(queue|worker)_[a-z_]+", family.name)
        assert family.documentation.endswith(".")
        if family.type == "histogram":
            assert family.name.endswith("_seconds")
        is_counter = all(sample.name.endswith("_total") for sample in family.samples)
        assert is_counter == (family.type == "counter")


def test_a_scrape_costs_redis_the_same_however_long_the_queue_is(queue):
    with RedisTaskQueue.from_spec(queue.spec()) as own:
        watch = QueueWatch(own)

        def commands() -> int:
            before = queue.server_info("stats")["total_commands_processed"]
            assert list(watch.figures())
            return queue.server_info("stats")["total_commands_processed"] - before

        watch.look()
        few = commands()
        queue.add_tasks({} for _ in range(900))
        watch.look()
        assert commands() == few


def test_the_rights_of_a_viewer_are_enough(own_server, served):
    passwords = dict.fromkeys(USERS, "pw")
    with RedisTaskQueue(url=own_server.url) as admin:
        admin.add_task(PHOTO)
        admin.redis.execute_command("ACL", "SETUSER", "viewer", *rules(passwords)["viewer"])
    with RedisTaskQueue(url=f"redis://viewer:pw@127.0.0.1:{own_server.port}") as queue:
        address = served(serve_queue(queue, 0))
        assert scrape(address)["imglab_queue_tasks", "normal", "pending"] == 1
        assert fetch(f"{address}/healthz") == (200, "ok\n")


def test_a_name_that_is_odd_does_not_break_the_page(valkey, served):
    namespace = 'test-"odd\\\n\x1b[2J}:'
    with RedisTaskQueue(url=valkey.url, namespace=namespace) as queue:
        text = fetch(f"{served(serve_queue(queue, 0))}/metrics")[1]
        list(text_string_to_metric_families(text))
        assert "\x1b" not in text


def event(what: str, task: str, at: int, **more) -> dict:
    return {"event": what, "task": task, "at": at, **more}


def test_waits_and_runs_are_those_of_the_events():
    seen = Follower()
    seen.take_in(
        [
            event("added", "a", 0),
            event("added", "later", 0, wait="5000"),
            event("claimed", "a", 2_000, worker="w"),
            event("delayed", "a", 2_500),
            event("promoted", "a", 3_000),
            event("promoted", "later", 5_000),
            event("claimed", "later", 5_000, worker="w"),
            event("claimed", "unknown before", 6_000, worker="w"),
            event("completed", "later", 65_000, worker="w"),
            event("cancelled", "a", 66_000),
        ]
    )
    assert (seen.waits.up_to()[-1], seen.waits.sum) == (2, 2.0)
    assert (seen.runs.up_to()[-1], seen.runs.sum) == (2, 60.5)
    assert not seen._in_line


def test_a_worker_that_works_again_may_die_again():
    seen = Follower()
    lost = [event("expired", "a", 1, worker="w"), event("expired", "b", 1, worker="w")]
    seen.take_in(lost)
    assert seen.deaths == 1
    seen.take_in([event("claimed", "a", 2, worker="w"), *lost])
    assert seen.deaths == 2


def test_what_is_no_event_of_ours_is_passed_by_and_memory_has_a_bound(monkeypatch):
    monkeypatch.setattr(follower, "MAX_TASKS", 10)
    seen = Follower()
    seen.take_in([event("added", "x" * 60_000, 0), event("sabotage", "a", 0)])
    seen.take_in([event("added", f"t{n}", n) for n in range(100)])
    seen.take_in([event("claimed", f"t{n}", 1000, worker="y" * 60_000) for n in range(100)])
    assert len(seen._held) == 10
    assert seen.waits.up_to()[-1] == 10
    assert "sabotage" not in seen.events
    assert not seen._dead


def test_a_time_is_counted_in_its_range_and_in_all_above():
    times = Histogram()
    for seconds in (-1, 0.005, 0.006, 10_000):
        times.add(seconds)
    counts = times.up_to()
    assert counts[:2] == [2, 3]
    assert counts[-2:] == [3, 4]


def test_numbers_that_nobody_can_have_counted_do_not_break_the_page(watched):
    queue, address = watched
    queue.redis.hset(queue.keys.meta, "completed", "9" * 400)
    assert scrape(address)["imglab_queue_tasks_ended_total", "completed"] == 0


def test_a_collector_that_fails_costs_one_page_and_not_the_server(served):
    class Failing:
        def collect(self):
            raise RuntimeError("once")
            yield

        def describe(self):
            return []

    address = served(serve(Failing, lambda: "", 0))
    assert fetch(f"{address}/metrics") == (500, "This page cannot be made: RuntimeError: once\n")
    assert fetch(f"{address}/healthz") == (200, "ok\n")


def test_a_site_that_is_closed_leaves_its_port_and_no_thread(queue):
    before = threading.active_count()
    with serve_queue(queue, 0) as site:
        port = int(site.address.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        until(lambda: threading.active_count() == before)
