"""The doctor: every finding on a real server, with a remedy that helps."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from helpers.clock import run_out
from helpers.server import redis_queue, running

from imglab.ops.doctor import examine
from imglab.queues import QueueSettings, RedisTaskQueue


def found(queue, level: str) -> list[str]:
    return [finding.what for finding in examine(queue) if finding.level == level]


def repair(queue) -> None:
    for finding in examine(queue):
        if finding.repair:
            finding.repair()


def test_a_sound_queue_has_no_findings_but_good_ones(both_queue):
    both_queue.add_tasks([{}] * 3)
    both_queue.mark_completed(both_queue.get_task("w"))
    assert {finding.level for finding in examine(both_queue)} == {"ok"}
    assert all(finding.remedy == "" for finding in examine(both_queue))


def test_s20_a_task_freed_by_hand_works_and_the_doctor_shows_it(queue):
    queue.add_task({}, task_id="stuck")
    queue.get_task("w")
    queue.redis.hdel(queue.keys.processing, "stuck")
    assert "Task stuck has a record, but is in no list" in found(queue, "broken")[0]
    queue.redis.rpush(queue.keys.pending(), "stuck")
    assert any("says that it is processing" in what for what in found(queue, "broken"))
    assert queue.get_task("w2").id == "stuck"
    assert found(queue, "broken") == []


def test_an_orphan_is_put_back_in_line_and_a_finished_one_deleted(queue):
    queue.add_task({"n": 1}, task_id="lost")
    queue.add_task({}, task_id="done")
    queue.redis.rpoplpush(queue.keys.pending(), queue.keys.pending())
    queue.mark_completed(queue.get_task("w"), {"ok": 1})
    queue.redis.delete(queue.keys.pending(), queue.keys.completed)
    assert len(found(queue, "broken")) == 2
    repair(queue)
    assert found(queue, "broken") == []
    assert queue.get_task("w")["n"] == 1
    assert not queue.redis.exists(f"{queue.namespace}task:done", f"{queue.namespace}result:done")


def test_the_tasks_of_a_neighbour_with_the_same_namespace_are_left_alone(queue, valkey):
    neighbour = RedisTaskQueue(url=valkey.url, namespace=queue.namespace, name="other")
    neighbour.add_task({}, task_id="theirs")
    queue.add_task({}, task_id="ours")
    assert found(queue, "broken") == []
    repair(queue)
    assert neighbour.tasks("pending") == ["theirs"]
    neighbour.close()


def test_a_task_in_two_places_is_settled_where_it_is_finished(queue):
    queue.add_task({}, task_id="twice")
    queue.mark_completed(queue.get_task("w"), {"n": 1})
    queue.redis.lpush(queue.keys.pending(), "twice")
    assert any("in 2 places" in what for what in found(queue, "broken"))
    repair(queue)
    assert found(queue, "broken") == []
    assert queue.tasks("completed") == ["twice"]
    assert queue.get_task("w") is None


def test_what_is_mended_in_one_go_is_mended_once_however_many_findings_there_are(
    queue, monkeypatch
):
    ids = queue.add_tasks([{}] * 3)
    queue.redis.delete(*(queue.keys.task(each) for each in ids))
    findings = [each for each in examine(queue) if each.repair]
    assert len(findings) == 3
    walks = []
    walk = queue.standings
    monkeypatch.setattr(queue, "standings", lambda: walks.append(1) or walk())
    findings[0].repair()
    assert len(walks) > 0
    walks_of_first = len(walks)
    for finding in findings[1:]:
        finding.repair()
    assert len(walks) == walks_of_first
    assert found(queue, "broken") == []


def test_an_id_whose_record_is_gone_is_taken_out(queue):
    queue.add_task({}, task_id="ghost")
    queue.redis.delete(f"{queue.namespace}task:ghost")
    assert any("its own record is gone" in what for what in found(queue, "broken"))
    repair(queue)
    assert queue.tasks("pending") == []


def test_too_many_wake_tokens_are_trimmed(queue):
    queue.redis.rpush(queue.keys.wake, "1", "1", "1")
    assert any("3 wake tokens" in what for what in found(queue, "broken"))
    repair(queue)
    assert queue.redis.llen(queue.keys.wake) == 1


def test_what_was_set_aside_is_counted_and_named(queue):
    queue.redis.lpush(queue.keys.pending(), *(f"ghost-{n}" for n in range(7)))
    assert queue.get_task("w") is None
    (what,) = found(queue, "warning")
    assert what.startswith("7 entries of the queue's keys were of no use and were set aside: ghost")
    assert "ghost-6 (it has no record of its own)" in what
    queue.redis.lpush(queue.keys.odd, "no JSON")
    assert any("8 entries" in what and "? (?)" in what for what in found(queue, "warning"))


def test_what_was_seen_in_two_places_is_looked_at_twice_before_it_is_called_broken(queue):
    queue.add_task({}, task_id="moves")
    task = queue.get_task("w")
    run = queue._run

    def move_meanwhile(name, *more, **named):
        reply = run(name, *more, **named)
        if name == "check" and named["place"] == "processing" and queue.tasks("processing"):
            queue.release(task)
        return reply

    queue._run = move_meanwhile
    assert queue.check() == []
    queue._run = run
    assert queue.tasks("pending") == ["moves"]


def test_a_queue_that_cannot_be_looked_at_is_not_called_sound(queue):
    queue.redis.set(queue.keys.delayed, "x")
    assert any("invariants cannot be looked at" in what for what in found(queue, "broken"))


def test_no_step_of_the_doctor_or_of_clear_looks_at_more_than_so_many_tasks(queue):
    queue.add_tasks([{"n": n} for n in range(2500)])
    queue.add_tasks([{"later": n} for n in range(2500)], delay=60)
    run = queue._run
    pages = []

    def watch(name, *more, **named):
        reply = run(name, *more, **named)
        if name == "check":
            pages.append(len(reply[1]))
        if name == "clear":
            pages.append(reply)
        return reply

    queue._run = watch
    assert found(queue, "broken") == []
    assert queue.clear() == 5000
    assert max(pages) < 1500
    assert sum(pages) == 15_000  # invariants, orphans, clear


def test_a_lease_that_nobody_takes_over_is_shown_and_given_back(queue):
    queue.add_task({}, task_id="late")
    run_out(queue, queue.get_task("w"))
    assert any("past their lease" in what for what in found(queue, "warning"))
    repair(queue)
    assert queue.tasks("delayed") == ["late"]


def test_a_worker_that_shows_no_life_for_hours_is_taken_off_the_list(queue):
    queue.get_task("old")
    record = json.loads(queue.redis.hget(queue.keys.workers, "old"))
    record["seen"] -= 7200 * 1000
    queue.redis.hset(queue.keys.workers, "old", json.dumps(record, separators=(",", ":")))
    assert any("Worker old is gone since " in what for what in found(queue, "warning"))
    repair(queue)
    assert queue.workers() == {}


def test_snapshots_only_eviction_and_short_timeouts_are_found(tmp_path):
    options = ("--appendonly", "no", "--maxmemory", "50mb")
    options += ("--maxmemory-policy", "allkeys-lru", "--timeout", "1")
    with running("valkey", tmp_path, *options) as server:
        queue = RedisTaskQueue(url=server.url)
        assert any("snapshots only" in what for what in found(queue, "warning"))
        broken = "\n".join(found(queue, "broken"))
        assert "deletes keys (allkeys-lru)" in broken
        assert "closes connections that are idle for 1 s" in broken
        assert all(finding.remedy for finding in examine(queue) if finding.level != "ok")
        queue.close()


def test_a_server_that_refuses_config_is_examined_as_far_as_it_goes(own_server):
    admin = RedisTaskQueue(url=own_server.url)
    rules = {"enabled": True, "passwords": ["+pw"], "keys": "*", "commands": ["+@all", "-config"]}
    admin.redis.acl_setuser("someone", **rules)
    admin.close()
    queue = RedisTaskQueue(url=own_server.url.replace("//", "//someone:pw@"))
    assert any("timeouts cannot be looked at" in what for what in found(queue, "warning"))
    assert found(queue, "broken") == []
    queue.close()


@pytest.mark.parametrize("words", [["--json"], []])
def test_the_command_exits_1_for_what_is_broken_and_0_after_its_repair(valkey, monkeypatch, words):
    with redis_queue(valkey, QueueSettings()) as queue:
        monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
        queue.redis.rpush(queue.keys.wake, "1", "1")
        command = [sys.executable, "-m", "imglab", "doctor", "--namespace", queue.namespace, *words]
        first = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (first.returncode, "2 wake tokens" in first.stdout) == (1, True)
        mended = subprocess.run([*command, "--repair"], capture_output=True, text=True, check=False)
        assert (mended.returncode, "wake tokens" in mended.stdout) == (0, False)
