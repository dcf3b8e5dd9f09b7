"""A real cluster: the queue finds its node, follows its slot, and outlives the node."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import redis
from helpers.clock import until
from helpers.greedy import GREEDY_FILTER, greedy
from helpers.server import Server
from helpers.several import Cluster, running_cluster
from redis.crc import key_slot

from imglab.errors import ImglabError, QueueError, QueueUnavailable
from imglab.ops.users import USERS, rules
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.workers import Worker, WorkerPool, standby_wait

#: The namespace of the queues here: each test's cluster is its own, or it deletes what it made.
SPACE = "{eu}:"
SLOT = key_slot(SPACE.encode())


class Plain(Worker):
    """Nothing to do but to report."""

    def process(self, task):
        return {"n": task["n"]}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Iterator[Cluster]:
    """A cluster of three primaries, each with a replica."""
    with running_cluster("valkey", tmp_path_factory.mktemp("pairs"), replicas=3) as cluster:
        yield cluster


@pytest.fixture
def mortal(pairs) -> Iterator[Cluster]:
    """The same, of which a test may kill, freeze and move what it likes; then it is whole again."""
    yield pairs
    pairs.heal()
    with RedisTaskQueue(url=pairs.url, namespace=SPACE) as queue:
        queue.delete_namespace()


@contextmanager
def workers(cluster: Cluster, number: int = 2) -> Iterator[None]:
    """Workers with connections of their own, at work in threads."""
    with ExitStack() as stack:
        for place in range(number):
            queue = stack.enter_context(RedisTaskQueue(url=cluster.url, namespace=SPACE))
            worker = Plain(f"w{place}", (), queue)
            thread = threading.Thread(target=worker.run, daemon=True)
            thread.start()
            stack.callback(thread.join, 20)
            stack.callback(worker.stop)
        yield


def queue_in(cluster: Cluster, settings: QueueSettings | None = None) -> RedisTaskQueue:
    return RedisTaskQueue(url=cluster.url, namespace=SPACE, settings=settings)


def another_primary(cluster: Cluster, primary: Server) -> Server:
    others = [node for node in cluster.nodes if node not in (primary, cluster.partner(primary))]
    return next(node for node in others if cluster.role(node) == "master")


# Finding the node


def test_any_node_leads_to_the_one_that_keeps_the_queue(cluster):
    with queue_in(cluster) as queue:
        task_id = queue.add_task({"n": 1})
        for node in cluster.nodes:
            with RedisTaskQueue(url=node.url, namespace=SPACE) as other:
                assert other.tasks("pending") == [task_id]
                assert other.server_info("server")["tcp_port"] == cluster.owner(SPACE).port
        queue.delete_namespace()


def test_a_client_for_one_node_leads_there_as_well(cluster):
    with queue_in(cluster) as queue:
        task_id = queue.add_task({"n": 1})
        for node in cluster.nodes:
            with redis.Redis(port=node.port) as client:
                other = RedisTaskQueue(connection=client, namespace=SPACE)
            assert other.tasks("pending") == [task_id]
            other.close()
        queue.delete_namespace()


def test_a_user_who_may_not_see_what_server_it_is_is_led_there_by_its_answer(cluster):
    for node in cluster.nodes:
        cluster.ask(node, "ACL", "SETUSER", "ann", "on", ">secret", "~*", "+@all", "-info")
    with queue_in(cluster) as queue:
        task_id = queue.add_task({"n": 1})
        for node in cluster.nodes:
            url = f"redis://ann:secret@127.0.0.1:{node.port}"
            with RedisTaskQueue(url=url, namespace=SPACE) as other:
                assert other.tasks("pending") == [task_id]
        queue.delete_namespace()


def test_the_users_of_imglab_users_do_their_jobs_in_a_cluster(cluster):
    passwords = dict.fromkeys(USERS, "secret")
    for node in cluster.nodes:
        for user, rule in rules(passwords, namespace=SPACE).items():
            cluster.ask(node, "ACL", "SETUSER", user, *rule)
    with ExitStack() as stack:
        queues = {}
        for user in USERS:
            url = cluster.url.replace("://", f"://{user}:secret@")
            queues[user] = stack.enter_context(RedisTaskQueue(url=url, namespace=SPACE))
        task_id = queues["producer"].add_task({"n": 1})
        queues["worker"].mark_completed(queues["worker"].get_task("w"), {"n": 1})
        assert queues["viewer"].result(task_id) == {"n": 1}
        with queue_in(cluster) as queue:
            queue.delete_namespace()


def test_a_wrong_password_is_a_wrong_password_in_a_cluster_too(cluster):
    url = cluster.url.replace("://", "://ann:nonsense@")
    with pytest.raises(QueueUnavailable, match="asks for a password") as caught:
        RedisTaskQueue(url=url, namespace=SPACE)
    assert "nonsense" not in str(caught.value)


@pytest.mark.parametrize("namespace", ["", "eu:", "{}:", "}eu{:", "{eu"])
def test_a_namespace_without_a_hash_tag_gives_a_sentence_with_what_to_do(cluster, namespace):
    for url in (cluster.url, cluster.nodes[0].url):
        with pytest.raises(QueueError, match=r"is a cluster.*namespace='\{eu\}:'.*--namespace"):
            RedisTaskQueue(url=url, namespace=namespace)


def test_the_terminal_says_so_as_well_and_speaks_to_a_cluster(project, cluster):
    def imglab(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "IMGLAB_REDIS_URL": cluster.url}
        command = [sys.executable, "-m", "imglab", *words]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    refused = imglab("stats")
    assert refused.returncode == 1
    assert refused.stderr.startswith("imglab: The Redis at ")
    assert "--namespace '{eu}:'" in refused.stderr
    assert "cluster_state:ok" in imglab("redis", "CLUSTER", "INFO").stdout


def test_a_cluster_address_of_a_server_that_is_none_says_so(valkey):
    url = valkey.url.replace("redis:", "redis+cluster:")
    with pytest.raises(QueueError, match="cluster support disabled"):
        RedisTaskQueue(url=url, namespace=SPACE)


def test_two_queues_with_two_tags_are_kept_by_two_nodes(cluster):
    tags = [f"{{{letter}}}:" for letter in "abcdefgh"]
    ports = set()
    for tag in tags:
        with RedisTaskQueue(url=cluster.url, namespace=tag) as queue:
            ports.add(queue.server_info("server")["tcp_port"])
            assert queue.check() == []
    assert len(ports) > 1


# The slot moves


def test_a_replica_that_is_promoted_on_purpose_is_followed_at_once(mortal):
    with queue_in(mortal) as queue:
        queue.patience = 0.0
        queue.add_task({"n": 1}, task_id="before")
        old = mortal.owner(SPACE)
        new = mortal.partner(old)
        mortal.ask(new, "CLUSTER FAILOVER")
        until(lambda: (mortal.role(new), mortal.role(old)) == ("master", "slave"))
        queue.add_task({"n": 2}, task_id="after")
        assert queue.get_stats().pending == 2
        assert [queue.get_task("w").id, queue.get_task("w").id] == ["before", "after"]
        assert queue.check() == []


def test_a_user_who_cannot_be_told_that_it_is_a_cluster_hears_how_to_name_it(mortal):
    """Who may not see what server it is, and came to the right node by chance, cannot follow."""
    old = mortal.owner(SPACE)
    for node in mortal.nodes:
        mortal.ask(node, "ACL", "SETUSER", "ann", "on", ">secret", "~*", "+@all", "-info")
    url = f"redis://ann:secret@127.0.0.1:{old.port}"
    with RedisTaskQueue(url=url, namespace=SPACE) as queue:
        queue.add_task({})
        mortal.ask(mortal.partner(old), "CLUSTER FAILOVER")
        until(lambda: mortal.role(old) == "slave")
        with pytest.raises(QueueError, match=r"another one keeps this queue.*redis\+cluster://"):
            queue.add_task({})


def test_what_stands_by_for_a_heartbeat_gives_up_a_node_that_refuses(mortal):
    settings = QueueSettings(lease=60)
    with queue_in(mortal, settings) as queue:
        queue.add_task({"n": 1})
        queue.get_task("w")
        short, long = queue.renewal("w", os.getpid())
        quick = standby_wait._Quick(os.getpid(), 1, 1, 1)
        quick.connection = queue.socket_to_hand_on()
        os.environb[standby_wait.SHORT.encode()] = short
        os.environb[standby_wait.LONG.encode()] = long
        deadline = queue.claims()[0].deadline
        quick.renew()
        assert queue.claims()[0].deadline > deadline
        old = mortal.owner(SPACE)
        mortal.ask(mortal.partner(old), "CLUSTER FAILOVER")
        until(lambda: mortal.role(old) == "slave")
        with pytest.raises(OSError, match="refused"):  # whoever connects anew takes over
            quick.renew()
        os.close(quick.connection)
        assert queue.renew_all("w", os.getpid()) is False


def test_a_filter_that_holds_the_gil_keeps_its_task_while_a_replica_takes_over(project, mortal):
    (project / "greedy_filter.py").write_text(GREEDY_FILTER)
    with (
        queue_in(mortal, QueueSettings(lease=2)) as queue,
        WorkerPool(1, (), queue, imports=["greedy_filter"], grace=1) as pool,
    ):
        task_id = queue.add_task(greedy(8))
        until((project / "begun").exists)
        old = mortal.owner(SPACE)
        mortal.ask(mortal.partner(old), "CLUSTER FAILOVER")
        assert pool.join(timeout=40)
        assert mortal.role(old) == "slave"
        told = [event["event"] for event in queue.trace(task_id)]
        assert told == ["added", "claimed", "completed"]


def move_begins(cluster: Cluster, source: Server, target: Server) -> None:
    cluster.ask(target, "CLUSTER SETSLOT", SLOT, "IMPORTING", cluster.id_of(source))
    cluster.ask(source, "CLUSTER SETSLOT", SLOT, "MIGRATING", cluster.id_of(target))


def move_keys(cluster: Cluster, source: Server, target: Server, beginning: str = SPACE) -> None:
    """Move all keys of the slot that begin so, as `redis-cli --cluster reshard` does."""
    keys = cluster.ask(source, "CLUSTER GETKEYSINSLOT", SLOT, 10_000)
    keys = [key for key in keys if key.startswith(beginning)]
    cluster.ask(source, "MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)


def move_ends(cluster: Cluster, target: Server) -> None:
    primaries = [node for node in cluster.nodes if cluster.role(node) == "master"]
    for node in (target, *primaries):
        cluster.ask(node, "CLUSTER SETSLOT", SLOT, "NODE", cluster.id_of(target))


def test_a_slot_that_goes_to_another_node_takes_its_workers_along(mortal):
    with queue_in(mortal) as queue, workers(mortal):
        ids = queue.add_tasks([{"n": n} for n in range(300)])
        source = mortal.owner(SPACE)
        target = another_primary(mortal, source)
        move_begins(mortal, source, target)
        while mortal.ask(source, "CLUSTER COUNTKEYSINSLOT", SLOT):
            move_keys(mortal, source, target)
        move_ends(mortal, target)
        ids += queue.add_tasks([{"n": n} for n in range(300, 600)])
        assert queue.join(timeout=30)
        assert queue.server_info("server")["tcp_port"] == target.port
        assert [queue.result(each)["n"] for each in ids] == list(range(600))
        assert queue.check() == []


def test_no_script_begins_while_keys_of_the_queue_are_on_their_way(mortal):
    """For one that begins breaks off where a task has gone, and nothing undoes its first half."""
    settings = QueueSettings(lease=600)
    with queue_in(mortal, settings) as queue:
        queue.patience = 0.0
        source = mortal.owner(SPACE)
        target = another_primary(mortal, source)
        held = have_every_key(queue)
        before = queue.get_stats()
        move_begins(mortal, source, target)
        move_keys(mortal, source, target, f"{SPACE}task:")
        for act in (
            lambda: queue.get_task("w2"),
            lambda: queue.mark_completed(held, {}),
            lambda: queue.mark_failed(held, "no"),
            queue.requeue_failed,
            queue.reap,
        ):
            with pytest.raises(QueueUnavailable, match="cannot do this now"):
                act()
        move_keys(mortal, source, target)
        move_ends(mortal, target)
        queue.patience = 5.0
        assert queue.get_stats() == before
        queue.mark_completed(held, {"is": "there"})
        assert queue.result(held.id) == {"is": "there"}
        assert queue.check() == []
        assert queue.orphans() == []


def have_every_key(queue: RedisTaskQueue):
    """Bring about that each of the queue's keys exists; the task that is claimed."""
    for priority in ("high", "normal", "low"):
        queue.add_tasks([{"n": n} for n in range(6)], priority)
    queue.add_task({}, delay=1000)
    queue.mark_completed(queue.get_task("w"), {})
    queue.mark_failed(queue.get_task("w"), "broken", retry=False)
    queue.cancel(queue.add_task({}, "low"))
    queue.redis.lpush(queue.keys.odd, json.dumps({"id": "x", "reason": "?", "at": 1}))
    queue.begin_batch("photographs")
    held = queue.get_task("w")
    assert queue.redis.exists(*queue.keys.all) == len(queue.keys.all)
    return held


# A node dies


def test_when_a_node_is_killed_its_replica_is_followed_and_everything_is_completed(mortal):
    with queue_in(mortal) as queue, workers(mortal):
        queue.patience = 30.0
        numbers = {f"t{n}": {"n": n} for n in range(400)}
        for task_id in list(numbers)[:200]:
            queue.add_task(numbers[task_id], task_id=task_id)
        victim = mortal.owner(SPACE)
        victim.process.kill()
        victim.process.wait()
        for task_id in list(numbers)[200:]:
            queue.add_task(numbers[task_id], task_id=task_id)
        assert queue.server_info("server")["tcp_port"] == mortal.partner(victim).port
        add_what_was_lost(queue, numbers)
        assert queue.join(timeout=30)
        assert {each: queue.result(each)["n"] for each in numbers} == {
            each: payload["n"] for each, payload in numbers.items()
        }
        assert queue.check() == []


def add_what_was_lost(queue: RedisTaskQueue, tasks: dict[str, dict]) -> int:
    """Add tasks again under the ids they had; those that are there are left as they are."""
    added = 0
    for task_id, payload in tasks.items():
        try:
            queue.add_task(payload, task_id=task_id)
            added += 1
        except ImglabError:
            continue
    return added


def test_a_frozen_node_is_left_and_its_replica_is_followed(mortal):
    victim = mortal.owner(SPACE)
    with queue_in(mortal) as queue, workers(mortal):
        queue.patience = 30.0
        os.kill(victim.process.pid, signal.SIGSTOP)
        try:
            ids = queue.add_tasks([{"n": n} for n in range(20)])
            assert queue.join(timeout=30)
            assert [queue.result(each)["n"] for each in ids] == list(range(20))
        finally:
            os.kill(victim.process.pid, signal.SIGCONT)


def test_who_comes_while_the_first_named_nodes_are_dead_asks_the_others(mortal):
    owner = mortal.owner(SPACE)
    victims = [node for node in mortal.nodes[:2] if node not in (owner, mortal.partner(owner))]
    for victim in victims:
        victim.process.kill()
        victim.process.wait()
    with queue_in(mortal) as queue:
        assert queue.add_task({"n": 1}, task_id="mine") == "mine"
