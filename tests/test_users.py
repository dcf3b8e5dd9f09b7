"""Three users of one Redis: what each of them may do, and what no rule can prevent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from helpers.project import ROOT
from helpers.server import Server, running
from helpers.terminal import refused, run_alone

from imglab.errors import QueueError, SettingsWarning
from imglab.ops.users import address_for, rules
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.queues.batches import BatchTask
from imglab.workers import WorkerPool

USERS = ("producer", "worker", "viewer")
PASSWORDS = {user: f"{user} pw" for user in USERS}


class Users:
    """The admin's queue object, and one for each of the three users."""

    def __init__(self, server: Server, namespace: str) -> None:
        self.namespace, self.port = namespace, server.port
        self.admin = RedisTaskQueue(url=server.url, namespace=namespace)
        self.admin.redis.flushall()
        for user, rule in rules(PASSWORDS, namespace=namespace).items():
            self.admin.redis.execute_command("ACL", "SETUSER", user, *rule)
        self.producer, self.worker, self.viewer = self.all = [
            RedisTaskQueue(url=self.url(user), namespace=namespace) for user in USERS
        ]

    def url(self, user: str) -> str:
        return f"redis://{user}:{user}%20pw@127.0.0.1:{self.port}"

    def close(self) -> None:
        for queue in (self.admin, *self.all):
            queue.close()


@pytest.fixture(scope="module", params=["valkey", "redis"])
def shared(request, tmp_path_factory) -> Iterator[Server]:
    """A server of each kind that several people share."""
    with running(request.param, tmp_path_factory.mktemp("shared")) as server:
        yield server


@pytest.fixture(params=["", "{e*u}:"])
def users(shared, request) -> Iterator[Users]:
    """The three users of a queue, without a namespace and with one that has a wildcard."""
    users = Users(shared, request.param)
    yield users
    users.close()


def assert_denied(queue: RedisTaskQueue, *words: object) -> None:
    import redis

    with pytest.raises(redis.ResponseError) as caught:
        queue.redis.execute_command(*words)
    assert re.search(
        r"(?i)permission|executing the script can't|ACL failure|from script", str(caught.value)
    )


def test_each_user_can_do_its_job_from_end_to_end(project, shared):
    users, photo = Users(shared, ""), str(project / "images/sample.png")
    added = run_alone("submit", photo, "--json", IMGLAB_REDIS_URL=users.url("producer"))
    (task_id,) = json.loads(added[1])
    late = users.producer.add_task({"image_path": "images/none.png"}, delay=0.2)
    with WorkerPool(2, (), users.worker) as pool:
        assert users.producer.wait(task_id, timeout=20)["status"] == "success"
        assert users.viewer.workers()["worker-1"]["pid"] == pool.pids["worker-1"]
        pool.kill("worker-2")
        more = users.producer.add_tasks([{"image_path": "images/sample.png"}] * 20, "high")
        assert users.viewer.join(timeout=20)
    figures = json.loads(run_alone("stats", "--json", IMGLAB_REDIS_URL=users.url("viewer"))[1])
    assert (figures["completed"], figures["failed"]) == (21, 1)
    for queue in users.all:
        assert queue.tasks("failed") == [late]
        assert "none.png" in queue.task(late).errors[-1]["error"]
        assert queue.trace(more[0])[-1]["event"] == "completed"
        assert queue.result(task_id)["status"] == "success"
        assert queue.get_stats().unfinished == 0
    assert users.admin.check() == []
    users.close()


def test_a_worker_may_do_all_that_its_work_needs_also_what_is_seldom(users):
    worker = users.worker
    ids = users.producer.add_tasks([{"n": n} for n in range(5)])
    users.producer.add_task({}, "low", delay=0.01, max_attempts=2)
    first = worker.get_task("w", timeout=1)
    assert worker.renew(first, "half") is False
    worker.release(first)
    second = worker.complete_and_claim(worker.get_task("w"), {"ok": 1})
    worker.mark_failed(second, "no", retry=True)
    worker.mark_failed(worker.get_task("w"), "no", retry=False)
    worker.get_task("dead")
    assert worker.reap("dead") == 1
    while task := worker.get_task("w", timeout=0.7):
        worker.mark_completed(task, {})
    assert worker.forget_workers(silent_for=-10) == ["w"]
    assert {worker.task(each).status for each in ids} == {"completed", "failed"}
    assert users.admin.check() == []


def test_a_producer_s_settings_are_taken_by_a_worker_and_said_where_he_may_store_none(users):
    asked = {"namespace": users.namespace, "settings": QueueSettings(keep=7)}
    producer = RedisTaskQueue(url=users.url("producer"), **asked)
    with pytest.warns(SettingsWarning, match=r"cannot be stored: .* refuses"):
        producer.add_task({})
    producer.close()
    assert users.admin.stored_settings() is None
    with RedisTaskQueue(url=users.url("worker"), **asked) as worker:
        worker.get_task("w")
    for user in USERS:
        with RedisTaskQueue(url=users.url(user), namespace=users.namespace) as queue:
            assert queue.settings == asked["settings"]
    users.producer.add_task({})
    assert users.producer.settings.keep == 7
    for queue in (users.producer, users.viewer):
        with pytest.raises(QueueError, match="refuses"):
            queue.change_settings(keep=8)
    assert users.worker.change_settings(keep=8).keep == 8


def test_what_falls_off_a_full_list_goes_with_all_it_had_for_a_worker_too(shared):
    users = Users(shared, "")
    small = RedisTaskQueue(url=users.url("worker"), settings=QueueSettings(keep=2))
    ids = users.producer.add_tasks([{}] * 4)
    while task := small.get_task("w"):
        small.mark_completed(task)
    assert small.tasks("completed") == ids[:1:-1]
    assert small.result(ids[0]) is None
    small.close()
    users.close()


def test_a_producer_submits_a_batch_a_worker_ends_it_and_a_viewer_sees_what_became_of_it(users):
    producer, worker, viewer = users.all
    producer.begin_batch("trip")
    producer.add_to_batch("trip", [BatchTask("a", {"n": 1}, "a.jpg")])
    producer.close_batch("trip", {"n": 2})
    assert list(producer.batch_tasks("trip", "open")) == producer.tasks("pending")
    worker.mark_completed(worker.get_task("ann"), {"ok": 1})
    assert worker.get_task("ann").payload == {"n": 2}
    assert viewer.batch("trip").completed == 1
    assert [each.label for each in viewer.endings("trip")] == ["a.jpg"]
    assert viewer.batches()[0].is_over
    for call in (viewer.begin_batch, viewer.close_batch, viewer.forget_batch):
        with pytest.raises(QueueError):
            call("trip")


def test_a_viewer_changes_nothing_and_a_producer_only_adds(users):
    producer, worker, viewer = users.all
    task_id = producer.add_task({})
    claimed = worker.get_task("w")
    waiting = producer.add_task({})
    before = users.admin.standings()
    for act in (
        lambda queue: queue.get_task("x"),
        lambda queue: queue.mark_completed(claimed, {"forged": True}),
        lambda queue: queue.complete_and_claim(claimed),
        lambda queue: queue.mark_failed(claimed, "forged"),
        lambda queue: queue.release(claimed),
        lambda queue: queue.renew(claimed),
        lambda queue: queue.reap("w"),
        lambda queue: queue.cancel(waiting),
        lambda queue: queue.pause(),
        lambda queue: queue.resume(),
        lambda queue: queue.clear(),
        lambda queue: queue.leave("w"),
    ):
        for queue in (producer, viewer):
            with pytest.raises(QueueError, match="refuses"):
                act(queue)
    with pytest.raises(QueueError, match="refuses"):
        viewer.add_task({})
    for queue in (producer, viewer):
        for words in (("HSET", f"{users.namespace}result:{task_id}", "result", "{}"),
                      ("LPUSH", queue.keys.completed, task_id),
                      ("HSET", queue.keys.processing, task_id, "{}"),
                      ("HSET", queue.keys.workers, "w", "{}")):  # fmt: skip
            assert_denied(queue, *words)
    assert users.admin.standings() == before
    worker.mark_completed(claimed, {"ok": 1})
    assert viewer.result(task_id) == producer.result(task_id) == {"ok": 1}


SCRIPTS = [
    ("return redis.call('GET', 'foreign')", 0),
    ("return redis.call('HGETALL', KEYS[1])", 1, "foreign"),
    ("return redis.call('LPUSH', 'other:image_processing:pending', 'x')", 0),
    ("return redis.call('FLUSHALL')", 0),
    ("return redis.call('CONFIG', 'GET', '*')", 0),
    ("return redis.call('KEYS', '*')", 0),
]
COMMANDS = """FLUSHALL|FLUSHDB|SWAPDB 0 1|SHUTDOWN|SAVE|BGREWRITEAOF|REPLICAOF h 1
CONFIG GET *|CONFIG SET dir /tmp|INFO|SLOWLOG GET|LATENCY LATEST|MODULE LIST|MONITOR|PSYNC x 1
ACL LIST|ACL SETUSER viewer +@all|CLIENT LIST|CLIENT KILL TYPE normal|PUBLISH x y|SUBSCRIBE x
KEYS *|SCAN 0|RANDOMKEY|DBSIZE|SELECT 1|SET foreign y|DEL foreign|HGETALL foreign|EXISTS foreign
LRANGE other:image_processing:pending 0 -1|XREAD STREAMS foreign 0|BLPOP foreign 1|RENAME task:1 b
COPY task:1 foreign|MIGRATE h 1 k 0 1|RESTORE k 0 x|SORT task:1 STORE foreign|MOVE task:1 1
SCRIPT FLUSH|SCRIPT LOAD x|FUNCTION LOAD x|OBJECT ENCODING foreign|EXPIRE foreign 1"""


def test_nobody_gets_at_other_keys_the_configuration_or_the_server(users):
    users.admin.redis.set("foreign", "x")
    users.admin.redis.lpush("other:image_processing:pending", "x")
    for queue in users.all:
        for script in SCRIPTS:
            assert_denied(queue, "EVAL", *script)
        for words in re.split(r"[|\n]", COMMANDS):
            assert_denied(queue, *words.split(" "))
    assert users.admin.redis.get("foreign") == "x"


def test_a_namespace_with_a_wildcard_opens_no_other_queue(shared):
    users, neighbour = Users(shared, "{e*u}:"), RedisTaskQueue(url=shared.url, namespace="{eau}:")
    task_id = neighbour.add_task({})
    for queue in users.all:
        assert_denied(queue, "HGETALL", f"{{eau}}:task:{task_id}")
        assert_denied(queue, "LLEN", neighbour.keys.pending())
        assert_denied(queue, "HGETALL", f"task:{task_id}")
    neighbour.close()
    users.close()


@pytest.mark.parametrize(
    ("url", "theirs"),
    [
        ("", "redis://viewer:pw@HOST:PORT"),
        ("redis://:secret@h:1/2", "redis://viewer:pw@h:1/2"),
        (
            "rediss://h?ssl_ca_certs=/ca.pem&username=admin&password=secret",
            "rediss://viewer:pw@h?ssl_ca_certs=%2Fca.pem",
        ),
        ("unix:///run/redis.sock?db=2", "unix://viewer:pw@/run/redis.sock?db=2"),
        ("redis+sentinel://a:1,b:2/main/0", "redis+sentinel://viewer:pw@a:1,b:2/main/0"),
    ],
)
def test_each_user_s_address_is_the_administrators_with_another_name(url, theirs):
    assert address_for("viewer", "pw", url) == theirs


@pytest.mark.parametrize("url", ["redis://[::1", "http://h:1", "redis://h:port"])
def test_an_address_that_is_none_is_said_in_a_sentence(url, monkeypatch):
    assert "address" in refused("users", IMGLAB_REDIS_URL=url)


@pytest.mark.parametrize("user", USERS)
def test_a_user_without_a_password_is_not_made(user):
    for passwords in ({**PASSWORDS, user: ""}, {u: p for u, p in PASSWORDS.items() if u != user}):
        with pytest.raises(QueueError, match=f"anybody is the {user}"):
            rules(passwords)


def test_no_name_can_smuggle_in_a_rule():
    with pytest.raises(QueueError, match="space"):
        rules(PASSWORDS, namespace="x +@all ")


#: Scripts that no worker runs.
PEOPLES_OWN = (
    "cancel",
    "check",
    "clear",
    "count_places",
    "forget_batch",
    "repair",
    "requeue_failed",
)


def test_the_worker_has_no_right_that_nothing_needs():
    scripts = "\n".join(
        path.read_text()
        for path in (ROOT / "imglab/queues/lua").glob("*.lua")
        if path.stem not in PEOPLES_OWN
    )
    called = {word.lower() for word in re.findall(r"(?:redis\.p?call|sure)\('(\w+)'", scripts)}
    python = {"multi", "exec", "ping", "blpop", "xread", "xrevrange", "xrange", "zcard", "hlen",
              "hkeys", "hscan", "lrange", "eval", "evalsha", "cluster|slots"}  # fmt: skip
    allowed = {word[1:] for word in rules(PASSWORDS)["worker"] if word.startswith("+")}
    assert allowed == called | python
