"""Real sentinels: the primary dies, another takes over, and whoever works here goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from helpers.clock import until
from helpers.server import Server
from helpers.several import SERVICE, Watched, running_sentinels

from imglab.errors import PasswordRefused, QueueUnavailable, TaskExists
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.queues.connection import connect
from imglab.workers import WorkerPool

PASSWORD = "hunter2"
SENTINEL_PASSWORD = "swordfish"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Iterator[Watched]:
    """Servers and sentinels that ask for passwords; nobody may stop one."""
    folder = tmp_path_factory.mktemp("guarded")
    with running_sentinels("valkey", folder, PASSWORD, SENTINEL_PASSWORD) as watched:
        yield watched


@pytest.fixture
def watched(tmp_path) -> Iterator[Watched]:
    """Servers and sentinels for one test alone."""
    with running_sentinels("valkey", tmp_path / "watched") as watched:
        yield watched


def small_task(number: int) -> dict:
    return {"image_path": "images/sample.png", "output_path": f"output/{number}.png", "filters": []}


def add_again(queue: RedisTaskQueue, tasks: dict[str, dict]) -> int:
    """Add tasks under the ids they had, and say how many were not there."""
    lost = 0
    for task_id, payload in tasks.items():
        try:
            queue.add_task(payload, task_id=task_id)
        except TaskExists:
            continue
        lost += 1
    return lost


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    """A server that stands still meanwhile."""
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


# The address


def test_the_sentinels_lead_to_the_primary_with_both_passwords(guarded):
    with RedisTaskQueue(url=guarded.url, namespace="first:") as queue:
        task_id = queue.add_task({"n": 1})
        assert queue.get_task("w").id == task_id
        assert queue.server_info("server")["tcp_port"] == guarded.primary().port
        assert queue.server_info("replication")["role"] == "master"
        queue.delete_namespace()


def test_the_database_is_that_of_the_address(guarded):
    options = guarded.url.partition("?")[2]
    with RedisTaskQueue(url=f"{guarded.url.partition('?')[0]}?db=2&{options}") as queue:
        queue.add_task({}, task_id="in-2")
        listed = queue.server_info("keyspace")
        assert listed["db2"]["keys"] > 0
        assert "db0" not in listed
        queue.clear()


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        (SENTINEL_PASSWORD, "nonsense", r"The sentinel at .* asks for a password of its own"),
        (f"?sentinel_password={SENTINEL_PASSWORD}", "", r"asks for .* \?sentinel_password="),
        (PASSWORD, "nonsense", f"Redis at '{SERVICE}' of the sentinels .* asks for a password"),
        (f":{PASSWORD}@", "", f"Redis at '{SERVICE}' of the sentinels .* asks for a password"),
    ],
)
def test_a_wrong_password_is_said_to_be_one_and_none_is_shown(guarded, right, wrong, words):
    with pytest.raises(PasswordRefused, match=words) as caught:
        RedisTaskQueue(url=guarded.url.replace(right, wrong))
    said = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    for password in (PASSWORD, SENTINEL_PASSWORD, "nonsense"):
        assert password not in said


def test_a_service_that_no_sentinel_knows_is_named(guarded):
    with pytest.raises(QueueUnavailable, match="knows no service 'films'"):
        RedisTaskQueue(url=guarded.url.replace(SERVICE, "films"))


def test_sentinels_that_do_not_answer_are_named():
    with pytest.raises(QueueUnavailable, match=r"127\.0\.0\.1:1 does not answer") as caught:
        RedisTaskQueue(url=f"redis+sentinel://:{PASSWORD}@127.0.0.1:1/{SERVICE}")
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_neither_the_terminal_nor_what_is_made_from_a_queue_shows_a_password(project, guarded):
    with RedisTaskQueue(url=guarded.url) as queue:
        pool = WorkerPool(1, (), queue)
        things = (queue, pool, pool._crew.spec, queue.redis, queue.redis.connection_pool)
        shown = "".join(repr(each) + str(each) for each in things)
    for words in (("stats",), ("server", "start"), ("redis", "CLIENT", "LIST")):
        done = subprocess.run(
            [sys.executable, "-m", "imglab", *words],
            env={**os.environ, "IMGLAB_REDIS_URL": guarded.url},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout, (words, done.stderr)
        assert "Traceback" not in done.stderr
        shown += done.stdout + done.stderr
    assert PASSWORD not in shown
    assert SENTINEL_PASSWORD not in shown


# The fail-over


def test_the_primary_is_killed_while_worker_processes_work_and_everything_is_completed(
    project, watched, record_property
):
    settings = QueueSettings(lease=5)
    with (
        RedisTaskQueue(url=watched.url, settings=settings) as queue,
        WorkerPool(2, (), queue, grace=1),
    ):
        queue.patience = 30.0
        tasks = {f"t{number}": small_task(number) for number in range(120)}
        acknowledged = list(tasks)[:60]
        for task_id in acknowledged:
            queue.add_task(tasks[task_id], task_id=task_id)
        old = watched.primary()
        old.process.kill()
        old.process.wait()
        for task_id in list(tasks)[60:]:
            queue.add_task(tasks[task_id], task_id=task_id)
        # Replication waits for nobody: what the replica had not heard yet is lost with the primary.
        record_property("lost", add_again(queue, tasks))
        assert queue.join(timeout=60)
        assert queue.server_info("server")["tcp_port"] != old.port
        assert all(queue.result(each) for each in tasks)
        assert len(list((project / "output").glob("*.png"))) == len(tasks)
        assert queue.check() == []


def test_what_the_replica_never_heard_is_lost_and_may_be_added_again(watched):
    """The promise: nobody is told of it, but an id that is added again is done, and once."""
    with RedisTaskQueue(url=watched.url) as queue:
        queue.patience = 30.0
        heard = {f"heard-{n}": {"n": n} for n in range(20)}
        for task_id, payload in heard.items():
            queue.add_task(payload, task_id=task_id)
        done = queue.get_task("w")
        assert queue.redis.wait(1, 5000) == 1
        old = watched.primary()
        (replica,) = (each for each in watched.servers if each is not old)
        unheard = {f"unheard-{n}": {"n": n} for n in range(20)}
        with frozen(replica):
            with connect(port=old.port) as admin:
                admin.execute_command("CLIENT KILL TYPE replica")
            for task_id, payload in unheard.items():
                queue.add_task(payload, task_id=task_id)
            queue.mark_completed(done, {"n": "first"})
            held = queue.get_task("w")
            old.process.kill()
            old.process.wait()
        assert add_again(queue, heard | unheard) == len(unheard)
        # The report was lost as well, and the claim it was for lives on: it can be repeated.
        queue.mark_completed(done, {"n": "first"})
        # The new primary never heard of this claim: its task is another worker's.
        assert queue.task(held.id).status == "pending"
        while task := queue.get_task("w2"):
            queue.mark_completed(task, {"n": "once"})
        results = [queue.result(each)["n"] for each in heard | unheard]
        assert sorted(results) == ["first"] + ["once"] * 39
        assert queue.get_stats().completed_total == 40
        assert queue.check() == []


def test_a_primary_that_may_not_write_without_its_replica_is_waited_for(watched):
    """`min-replicas-to-write 1` bounds what can be lost: then a lonely primary takes nothing."""
    with RedisTaskQueue(url=watched.url) as queue:
        queue.patience = 0.0
        queue.add_task({}, task_id="before")
        old = watched.primary()
        (replica,) = (each for each in watched.servers if each is not old)
        with connect(port=old.port) as admin, frozen(replica):
            admin.config_set("min-replicas-to-write", 1)
            admin.config_set("min-replicas-max-lag", 1)
            until(lambda: admin.info("replication")["min_slaves_good_slaves"] == 0)
            with pytest.raises(QueueUnavailable, match=r"cannot do this now.*replicas"):
                queue.add_task({}, task_id="alone")
        queue.patience = 30.0
        queue.add_task({}, task_id="after")
        assert queue.tasks("pending") == ["before", "after"]
