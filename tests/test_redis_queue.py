"""What only the queue in Redis promises: keys for people, lost replies, sleepers, clear errors."""

from __future__ import annotations

import itertools
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import redis
import redis.asyncio
import redis.credentials
from helpers.clock import until
from helpers.server import redis_queue, running

from imglab.errors import LeaseLost, QueueError, QueueUnavailable
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.queues.batches import BatchTask
from imglab.queues.connection import check_version, describe
from imglab.queues.scripts import script


def test_s5_the_courses_lines_work_as_printed(own_server, monkeypatch):
    queue = RedisTaskQueue(host="localhost", port=own_server.port)
    task_id = queue.add_task({"image_path": "images/a.jpg", "output_path": "output/a.jpg"})
    assert queue.get_stats()["pending"] == 1
    task = queue.get_task("worker-1", timeout=5)
    assert task["output_path"] == "output/a.jpg"
    assert queue.get_task("worker-1", timeout=0) is None
    queue.mark_completed(task_id, {"status": "success"})
    assert queue.get_stats()["completed"] == 1
    queue.close()


def test_s6_the_keys_are_those_of_the_course_and_a_person_can_read_them(own_server):
    queue = RedisTaskQueue(url=own_server.url)
    done, bad, waiting = (queue.add_task({"n": n}) for n in range(3))
    queue.mark_completed(queue.get_task("w"), {"status": "success"})
    queue.mark_failed(queue.get_task("w"), "broken", retry=False)
    running = queue.get_task("w")
    queue.add_task({"n": 4}, task_id="last")
    kinds = {key: queue.redis.type(key) for key in queue.redis.scan_iter("*")}
    assert kinds == {
        "image_processing:pending": "list",
        "image_processing:processing": "hash",
        "image_processing:completed": "list",
        "image_processing:failed": "list",
        "image_processing:wake": "list",
        "image_processing:workers": "hash",
        "image_processing:events": "stream",
        "image_processing:meta": "hash",
        f"result:{done}": "hash",
        **{f"task:{each}": "hash" for each in (done, bad, waiting, "last")},
    }
    assert queue.redis.lrange("image_processing:pending", 0, -1) == ["last"]
    entry = json.loads(queue.redis.hget("image_processing:processing", running.id))
    assert (entry["worker"], entry["attempt"], entry["claim"]) == ("w", 1, running.claim)
    assert entry["deadline"] - entry["claimed_at"] == 30_000
    assert json.loads(queue.redis.hget(f"result:{done}", "result")) == {"status": "success"}
    assert queue.redis.hget(f"task:{bad}", "status") == "failed"
    queue.close()


def test_s16_the_producer_can_ask_for_the_state_at_any_time(queue, valkey):
    with RedisTaskQueue(url=valkey.url, namespace=queue.namespace) as producer:
        task_id = producer.add_task({"n": 1})

        def asked() -> tuple:
            stats = producer.get_stats()
            places = [stats.pending, stats.processing, stats.completed]
            return places, producer.task(task_id).status, producer.result(task_id)

        assert asked() == ([1, 0, 0], "pending", None)
        task = queue.get_task("worker-1")
        assert asked() == ([0, 1, 0], "processing", None)
        assert producer.task(task_id).worker == "worker-1"
        queue.mark_completed(task, {"square": 1})
        assert asked() == ([0, 0, 1], "completed", {"square": 1})


@pytest.mark.parametrize("odd", ["[x]:", "?:", "*:", "\\:"])
def test_a_queue_finds_all_keys_of_its_own_and_of_nobody_else(valkey, odd):
    with redis_queue(valkey) as other:
        other.add_task({}, task_id="theirs")
        with RedisTaskQueue(url=valkey.url, namespace=other.namespace + odd) as queue:
            queue.begin_batch("holiday")
            queue.add_to_batch("holiday", [BatchTask("a", {})])
            queue.mark_completed(queue.get_task("w"))
            queue.keep_picture("cat", b"x", 60)
            with RedisTaskQueue(url=valkey.url, namespace=other.namespace + "x:") as near:
                near.add_task({}, task_id="near")
            everything = valkey_keys(queue)
            assert sorted(queue.find_keys()) == everything
            assert any(key.endswith(":ended") for key in everything)
            assert any("picture:" in key for key in everything)


def valkey_keys(queue):
    """All keys under a namespace, found by looking at every key there is."""
    return sorted(key for key in queue.redis.scan_iter("*") if key.startswith(queue.namespace))


def test_namespaces_keep_queues_apart_and_clear_deletes_its_own_only(valkey):
    with redis_queue(valkey) as mine, redis_queue(valkey) as other:
        mine.add_task({}, task_id="same")
        other.add_task({}, task_id="same")
        mine.redis.set(mine.namespace + "foreign", "x")
        assert mine.clear() == 1
        assert other.get_stats().pending == 1
        assert list(mine.redis.scan_iter(mine.namespace + "*")) == [mine.namespace + "foreign"]


def test_s21_many_tasks_go_in_few_round_trips_over_one_connection(queue):
    def evals() -> int:
        return queue.redis.info("commandstats")["cmdstat_evalsha"]["calls"]

    queue.add_task({})
    before, connections = evals(), queue.redis.info("stats")["total_connections_received"]
    queue.add_tasks({"n": n} for n in range(2000))
    assert evals() - before == 4
    assert queue.redis.info("stats")["total_connections_received"] == connections


def lose_the_reply(queue, call):
    """Let the server do what a call asks for, and throw its reply away."""
    send = queue._send
    queue.patience = 0.0  # it is the next call that we want to see

    def lose(*words):
        send(*words)
        raise redis.ConnectionError("the reply is lost")

    queue._send = lose
    with pytest.raises(QueueUnavailable):
        call()
    queue._send = send
    queue.patience = type(queue).patience


def test_a_claim_is_one_command_so_that_no_id_is_ever_in_nobodys_hands(queue):
    """A worker may die between any two commands: an id that one of them took out would be gone."""
    task_id = queue.add_task({})
    queue.reap()  # from here on the server knows the scripts
    queue.redis.script_load(script("get_tasks").text)
    with queue.redis.monitor() as monitor:
        assert queue.get_task("w").id == task_id
        queue.redis.echo("the end")
        lines = itertools.takewhile(
            lambda line: not line["command"].startswith("ECHO"), monitor.listen()
        )
        sent = [line["command"].split()[0] for line in lines if line["client_type"] != "lua"]
    # CLIENT is what a new connection says of itself.
    assert [command for command in sent if command != "CLIENT"] == ["EVALSHA"]


def test_a_claim_whose_reply_is_lost_gives_the_same_task_again(queue):
    """The reply is thrown away after the script has run: the queue object asks with its nonce."""
    first, second = queue.add_tasks([{}, {}])
    lose_the_reply(queue, lambda: queue.get_task("w"))
    assert queue.get_task("w").id == first
    task = queue.get_task("w")
    assert task.id == second
    assert queue.get_stats().processing == 2


def test_who_asks_for_fewer_after_a_lost_reply_gets_no_more_and_the_rest_is_in_line_again(queue):
    ids = queue.add_tasks([{"n": n} for n in range(4)])
    lose_the_reply(queue, lambda: queue.get_tasks("w", 4))
    tasks = queue.get_tasks("w", 2)
    assert [task.id for task in tasks] == ids[:2]
    assert queue.tasks("processing") == ids[:2]
    others = queue.get_tasks("another", 4)
    assert [(task.id, task.attempt) for task in others] == [(each, 1) for each in ids[2:]]


def test_what_a_lost_reply_brought_too_many_is_owed_until_it_could_be_given_back(queue):
    ids = queue.add_tasks([{"n": n} for n in range(3)])
    lose_the_reply(queue, lambda: queue.get_tasks("w", 3))
    send = queue._send

    def refuse_scripts_but_the_claim(command, sha, *words):
        if sha == script("release").sha:
            raise redis.ConnectionError("cut")
        return send(command, sha, *words)

    queue._send = refuse_scripts_but_the_claim
    queue.patience = 0.0
    with pytest.raises(QueueUnavailable):
        queue.get_task("w")
    queue._send = send
    assert queue.get_task("w").id == ids[0]
    assert queue.get_stats().processing == 1


def before_a_broken_task_fails(queue, act):
    """Do something whenever the queue is about to fail what it claimed and cannot read."""
    send = queue._send

    def send_later(command, sha, *words):
        if sha == script("mark_failed").sha:
            act()
        return send(command, sha, *words)

    queue._send = send_later
    return send


def with_broken_payloads(queue, *ids):
    queue.redis.script_load(script("mark_failed").text)
    for task_id in ids:
        queue.redis.hset(queue.keys.task(task_id), "payload", "{{{")


def test_a_broken_task_that_somebody_took_over_meanwhile_costs_no_other_one(queue):
    ids = queue.add_tasks([{"n": n} for n in range(3)])
    with_broken_payloads(queue, ids[0])
    before_a_broken_task_fails(queue, lambda: queue.redis.hdel(queue.keys.processing, ids[0]))
    assert [task.id for task in queue.get_tasks("w", 3)] == ids[1:]


def test_a_broken_task_that_cannot_be_failed_now_costs_no_other_one_its_lease(queue):
    ids = queue.add_tasks([{"n": n} for n in range(3)])
    with_broken_payloads(queue, ids[1])

    def cut():
        raise redis.ConnectionError("cut")

    send = before_a_broken_task_fails(queue, cut)
    queue.patience = 0.0
    with pytest.raises(QueueUnavailable):
        queue.get_tasks("w", 3)
    queue._send = send
    assert [task.id for task in queue.get_tasks("w", 3)] == [ids[0], ids[2]]
    assert queue.tasks("failed") == [ids[1]]
    assert queue.task(ids[0]).attempt == 1


def test_a_completion_whose_reply_is_lost_can_be_repeated(queue):
    queue.add_tasks([{"n": 1}, {"n": 2}])
    task = queue.get_task("w")
    lose_the_reply(queue, lambda: queue.complete_and_claim(task, {"ok": 1}))
    following = queue.complete_and_claim(task, {"ok": 1})
    assert following["n"] == 2
    assert queue.get_stats().completed_total == 1
    assert [event["event"] for event in queue.trace(task.id)].count("completed") == 1


def test_a_queue_at_hand_goes_on_after_redis_was_restarted(own_server):
    with RedisTaskQueue(url=own_server.url) as queue:
        queue.add_task({}, task_id="before")
        own_server.kill()
        own_server.start()
        queue.add_task({}, task_id="after")
        assert [queue.get_task("w").id, queue.get_task("w").id] == ["before", "after"]


def test_an_interrupt_between_a_command_and_its_reply_mixes_nothing_up(queue):
    task_id = queue.add_task({})
    queue.reap()  # from here on the server knows the script: one reply for one command
    (line,) = queue.redis.connection_pool._in_use_connections
    read = line.read_response

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    line.read_response = interrupted
    queue.redis.client_pause(200)  # the reply is not there when the next call begins
    with pytest.raises(KeyboardInterrupt):
        queue.reap()
    line.read_response = read
    assert queue.get_task("w").id == task_id
    assert queue.get_task("w") is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_does_not_speak_on_its_parents_connection(queue):
    ids = queue.add_tasks({"n": n} for n in range(100))
    child = os.fork()
    if child == 0:
        is_own = False
        try:
            for n in range(100):
                queue.add_task({}, task_id=f"child-{n}", priority="low", delay=1000)
            is_own = queue._send.__self__._connection.pid == os.getpid()
        finally:
            os._exit(not is_own)
    claims = [queue.get_task("parent") for _ in range(100)]
    assert os.waitpid(child, 0)[1] == 0
    assert [task.id for task in claims] == ids
    assert queue.get_stats().delayed == 100


def test_every_call_works_while_another_thread_has_the_connection_at_hand(queue):
    with queue._send.__self__._in_use:
        first, second = queue.add_tasks([{"n": 1}, {"n": 2}])
        task = queue.get_task("w", timeout=5)
        assert queue.renew(task) is False
        with RedisTaskQueue.from_spec(queue.spec()) as other, ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(queue.wait, first, timeout=20)
            until(lambda: int(other.redis.info("clients")["blocked_clients"]) > 0)
            other.complete_and_claim(task, {"n": 1})
            assert waiting.result(20) == {"n": 1}
        assert queue.get_task("idle", timeout=0.05) is None
        queue.release(queue.task(second))
        with pytest.raises(TimeoutError):
            queue.wait(second, timeout=0.05)
        assert queue.check() == []


def test_many_threads_share_one_queue_object(queue):
    def produce(name):
        for n in range(40):
            assert queue.add_task({}, task_id=f"{name}-{n}") == f"{name}-{n}"

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(produce, "abcdefgh"))
    assert queue.get_stats().pending == 320


def blocked(queue) -> int:
    return int(queue.redis.info("clients")["blocked_clients"])


def scripts_run(queue) -> int:
    return int(queue.redis.info("commandstats")["cmdstat_evalsha"]["calls"])


def test_one_task_wakes_one_of_fifty_sleeping_workers(valkey, monkeypatch):
    # No sleeper looks around by itself meanwhile.
    monkeypatch.setattr("imglab.queues.connection.BLOCK", 60)
    monkeypatch.setattr("imglab.queues.redis_claims.BLOCK", 60)
    claimed = []

    def sleeper(name: str) -> None:
        claimed.append(queue.get_task(name, timeout=60).id)

    with redis_queue(valkey) as queue:
        names = [f"w{n}" for n in range(50)]
        threads = [threading.Thread(target=sleeper, args=(each,), daemon=True) for each in names]
        for thread in threads:
            thread.start()
        until(lambda: blocked(queue) >= 50)
        before = scripts_run(queue)
        task_id = queue.add_task({})
        until(lambda: claimed)
        until(lambda: blocked(queue) >= 49)
        assert claimed == [task_id]
        # It was added and claimed; who is woken for nothing asks as well.
        assert scripts_run(queue) - before < 10
        assert queue.redis.llen(queue.keys.wake) <= 1
        queue.add_tasks([{}] * 49)
        for thread in threads:
            thread.join()


def test_who_takes_one_of_many_passes_the_baton(queue):
    """A woken worker takes one task; its claim wakes the next, until all are at work."""
    names, got = [f"w{n}" for n in range(8)], []
    threads = [
        threading.Thread(target=lambda name=name: got.append(queue.get_task(name, timeout=20)))
        for name in names
    ]
    for thread in threads:
        thread.start()
    until(lambda: int(queue.redis.info("clients")["blocked_clients"]) >= len(names))
    ids = queue.add_tasks([{}] * len(names))
    for thread in threads:
        thread.join()
    assert sorted(task.id for task in got) == sorted(ids)


def test_scripts_come_back_after_the_server_forgot_them(queue):
    queue.add_task({})
    queue.redis.script_flush()
    assert queue.get_task("w") is not None


def test_s20_no_redis_there_is_one_clear_sentence():
    with pytest.raises(
        QueueUnavailable, match=r"No Redis answers at localhost:1 .*refused.*server start"
    ):
        RedisTaskQueue(port=1)
    with pytest.raises(QueueUnavailable, match="not the address of a Redis"):
        RedisTaskQueue(url="http://localhost:6379")


def test_something_else_on_the_port_is_one_clear_sentence(tmp_path):
    import http.server

    web = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    try:
        with pytest.raises(QueueUnavailable, match="No Redis answers"):
            RedisTaskQueue(port=web.server_port)
    finally:
        web.shutdown()
        thread.join()
        web.server_close()


def test_the_address_in_the_environment_counts_unless_the_code_says_otherwise(
    valkey, own_server, monkeypatch
):
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    with RedisTaskQueue() as named, RedisTaskQueue(port=own_server.port) as explicit:
        assert str(valkey.port) in repr(named)
        assert str(own_server.port) in repr(explicit)


def test_a_socket_in_the_file_system_is_an_address_too(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    with running("valkey", folder, "--unixsocket", str(tmp_path / "s")):
        queue = RedisTaskQueue(url=f"unix://{tmp_path}/s")
        queue.add_task({})
        assert queue.get_task("w") is not None
        queue.close()


def test_a_redis_that_is_too_old_is_refused_and_later_ones_are_not():
    with pytest.raises(QueueUnavailable, match=r"version 6\.0\.16; imglab needs 6\.2"):
        check_version("6.0.16", "here")
    for version in ("6.2.0", "7.0.15", "8.4.1", "10.0"):
        check_version(version, "here")


def test_a_user_with_few_rights_is_told_which_one_is_missing(own_server):
    admin = RedisTaskQueue(url=own_server.url)
    admin.redis.acl_setuser("viewer", enabled=True, passwords=["+pw"], keys="*", commands=["+get"])
    admin.close()
    url = own_server.url.replace("//", "//viewer:pw@")
    viewer = RedisTaskQueue(url=url)
    with pytest.raises(QueueError, match="refuses"):
        viewer.get_stats()
    viewer.close()


def test_the_list_of_workers_shows_who_does_what(queue):
    queue.add_task({})
    task = queue.get_task("busy")
    queue.get_task("idle")
    seen = queue.workers()
    assert seen["busy"]["task"] == task.id
    assert seen["idle"]["task"] == ""
    assert seen["busy"]["pid"] > 0
    queue.leave("idle")
    assert list(queue.workers()) == ["busy"]


def test_workers_that_were_killed_are_forgotten_after_an_hour(queue):
    for name in ("old", "new"):
        queue.get_task(name)
    record = json.loads(queue.redis.hget(queue.keys.workers, "old"))
    record["seen"] -= 3_700_000
    queue.redis.hset(queue.keys.workers, "old", json.dumps(record))
    assert queue.forget_workers() == ["old"]
    assert list(queue.workers()) == ["new"]


def test_events_and_finished_tasks_are_bounded_and_results_expire(valkey):
    with redis_queue(valkey, QueueSettings(keep=20, keep_events=100, ttl=60)) as queue:
        queue.add_tasks([{}] * 400)
        task = queue.get_task("w")
        while task:
            task = queue.complete_and_claim(task, {"ok": True})
        assert queue.redis.llen(queue.keys.completed) == 20
        # Looked after at every 64th claim, each of which made two; and ~ drops nodes of 100.
        assert queue.redis.xlen(queue.keys.events) <= 100 + 2 * 64 + 100
        keys = list(queue.redis.scan_iter(queue.namespace + "*", count=1000))
        assert sum("result:" in key for key in keys) == sum("task:" in key for key in keys) == 20
        assert all(0 < queue.redis.ttl(key) <= 60 for key in keys if "result:" in key)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize("is_reply_lost", [False, True])
def test_claims_before_and_after_a_fork_are_told_apart(queue, is_reply_lost):
    """The child claims and gives back; then the parent claims; the child's report is stale."""
    queue.add_task({}, task_id="t")
    if is_reply_lost:
        lose_the_reply(queue, lambda: queue.get_task("w"))
        queue.redis.delete(queue.keys.processing)
        queue.redis.rpush(queue.keys.pending(), "t")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            task = queue.get_task("w")
            queue.release(task)
            os.write(write, task.claim.encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    childs = os.read(read, 100).decode()
    mine = queue.get_task("w")
    assert childs
    assert mine.claim.partition(":")[2] != childs.partition(":")[2]
    with pytest.raises(LeaseLost):
        queue.mark_completed(replace(mine, claim=childs), {"by": "child"})
    os.close(read)
    os.close(write)


def test_threads_that_share_a_queue_object_and_a_name_never_get_one_task_twice(queue):
    queue.add_tasks([{}] * 400)

    def take(_):
        taken = []
        while task := queue.get_task("w"):
            taken.append(task.id)
        return taken

    with ThreadPoolExecutor(4) as threads:
        taken = [each for ids in threads.map(take, range(4)) for each in ids]
    assert len(taken) == len(set(taken)) == 400


def test_a_claim_that_somebody_wrote_with_other_spaces_is_the_same_claim(queue):
    queue.add_task({})
    task = queue.get_task("w")
    entry = json.loads(queue.redis.hget(queue.keys.processing, task.id))
    queue.redis.hset(queue.keys.processing, task.id, json.dumps(entry, indent=4))
    assert queue.renew(task) is False
    queue.mark_completed(task, {"n": 1})
    assert queue.result(task.id) == {"n": 1}


def test_a_snapshot_reads_whatever_a_person_wrote_by_hand(queue):
    queue.add_task({}, task_id="sound")
    queue.get_task("w")
    queue.redis.hset(queue.keys.processing, mapping={"by-hand": "worker-1", "list": "[1]"})
    queue.redis.hset(queue.keys.workers, mapping={"broken": "{", "odd": '{"seen": "x"}'})
    queue.redis.xadd(queue.keys.events, {"colour": "blue"})
    queue.redis.hset(queue.keys.meta, "completed", "many")
    now = queue.snapshot()
    assert {claim.task: claim.worker for claim in now.claims} == {
        "sound": "w",
        "by-hand": "?",
        "list": "?",
    }
    assert now.workers["broken"] == {"seen": 0, "task": "", "pid": 0, "host": "?"}
    assert now.events[-1]["task"] == "?"
    assert now.counts["processing"] == 3
    assert sorted(queue.workers()) == ["broken", "odd", "w"]
    assert [event["event"] for event in queue.events()] == ["added", "claimed", ""]


def test_a_client_that_somebody_has_already_lends_its_address_and_credentials(own_server):
    admin = redis.Redis(port=own_server.port)
    admin.acl_setuser("ann", enabled=True, passwords=["+pw"], keys="*", commands=["+@all"])
    theirs = redis.Redis(port=own_server.port, username="ann", password="pw", db=3)
    with RedisTaskQueue(connection=theirs) as queue:
        task_id = queue.add_task({"n": 1})
        assert queue.redis.acl_whoami() == "ann"
        assert theirs.exists(f"task:{task_id}")
        with RedisTaskQueue.from_spec(json.loads(json.dumps(queue.spec()))) as elsewhere:
            assert elsewhere.get_task("w")["n"] == 1
    for client in (admin, theirs):
        client.close()


def test_a_client_of_another_kind_is_refused_with_what_to_do():
    with pytest.raises(QueueError, match=r"must be a redis\.Redis.*url="):
        RedisTaskQueue(connection=redis.asyncio.Redis())


def test_credentials_that_no_other_process_can_have_are_named(own_server):
    provider = redis.credentials.UsernamePasswordCredentialProvider(None, "")
    theirs = redis.Redis(port=own_server.port, credential_provider=provider)
    described = describe(theirs)
    assert described["options"]["credential_provider"] is provider
    theirs.close()


@pytest.mark.parametrize("call", ["stale", "no limit"])
def test_a_lost_claim_is_given_again_after_a_completion_that_claimed_nothing(queue, call):
    queue.add_tasks([{"n": 1}, {"n": 2}])
    first = queue.get_task("ann")
    lose_the_reply(queue, lambda: queue.get_task("ann"))
    if call == "stale":
        queue.release(first)
        with pytest.raises(LeaseLost):
            queue.complete_and_claim(first)
    else:
        queue.complete_and_claim_tasks([(first, "{}")], 0)
    assert queue.get_task("ann")["n"] == 2
