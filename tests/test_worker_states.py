"""What each worker does: told by its claims and its signs of life, the same words everywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from helpers.clock import make_due, run_out
from helpers.notebooks import without_tags
from test_board import film_of

from imglab.ops.doctor import examine
from imglab.queues.inspect import Claim, Snapshot
from imglab.queues.worker_states import Activity, worker_states
from imglab.views.board_table import board_html
from imglab.views.frames import Camera

#: Now, in milliseconds of the server's clock.
NOW = 1_700_000_000_000
#: Seconds of the lease in these tests.
LEASE = 30
NOTHING = Snapshot(NOW, {}, {}, [], {}, [], {}, is_paused=False)


def moment(*claims: Claim, **seen_s_ago: float) -> Snapshot:
    workers = {
        name: {"seen": NOW - int(seconds * 1000), "task": "long completed"}
        for name, seconds in seen_s_ago.items()
    }
    return replace(NOTHING, claims=list(claims), workers=workers)


def claim(task: str, worker: str, lease_left_s: float) -> Claim:
    return Claim(task, worker, 1, "1:abc", NOW - 1000, NOW + int(lease_left_s * 1000))


def only(snapshot: Snapshot):
    (state,) = worker_states(snapshot, LEASE)
    return state


def test_p5_who_holds_a_claim_is_at_work_on_it():
    state = only(moment(claim("t1", "ann", 20), ann=10))
    assert (state.activity, state.words) == (Activity.WORKING, "at work on t1")


def test_p5_who_holds_nothing_is_idle_whatever_its_record_says():
    state = only(moment(ann=2))
    assert (state.activity, state.words, state.tasks) == (Activity.IDLE, "idle", ())


def test_p5_after_a_lease_without_a_sign_of_life_it_is_silent_and_later_gone():
    silent = only(moment(ann=LEASE + 1))
    assert silent.activity is Activity.SILENT
    assert silent.words.startswith("silent since ")
    gone = only(moment(ann=3 * LEASE + 1))
    assert gone.activity is Activity.GONE
    assert gone.words.startswith("gone since ")
    assert not silent.is_here
    assert not gone.is_here


def test_p5_what_a_silent_worker_still_holds_is_told():
    state = only(moment(claim("t1", "ann", -1), claim("t2", "ann", -1), ann=LEASE + 1))
    assert state.words.endswith(", still holds t1, t2")


def test_many_tasks_in_one_hand_are_counted():
    claims = [claim(f"t{number}", "ann", 20) for number in range(5)]
    assert only(moment(*claims, ann=1)).words == "at work on t0, t1 and 3 more"


def test_an_idle_worker_with_a_short_lease_is_not_silent_between_two_questions():
    (state,) = worker_states(moment(ann=1.5), lease=0.2)
    assert state.activity is Activity.IDLE


def test_v1_a_claim_by_nobody_and_a_time_that_is_none_are_told_as_what_they_are():
    nobody = only(moment(Claim("by-hand")))
    assert nobody.words == "gone, was never heard of, still holds by-hand"
    huge = replace(NOTHING, workers={"ann": {"seen": -(10**22)}})
    assert only(huge).words == f"gone since {-(10**22)} ms"
    future = replace(NOTHING, workers={"ann": {"seen": 10**18}})
    assert only(future).activity is Activity.IDLE


@pytest.mark.parametrize("seen", ["9" * 400, "-" + "9" * 400, "1e400", "true", '"soon"'])
def test_v1_a_time_that_no_clock_has_ends_neither_table_nor_board(queue, seen):
    queue.redis.hset(queue.keys.workers, "ann", f'{{"seen": {seen}, "task": ""}}')
    (state,) = worker_states(queue.snapshot(), LEASE)
    assert state.name == "ann"
    frame = Camera(queue).shoot()
    assert "ann" in without_tags(board_html(frame, film_of(frame), "odd"))


@pytest.fixture
def killed(queue):
    """A worker that was killed, and another that took its task over and completed it."""
    queue.add_task({}, task_id="t1")
    task = queue.get_task("killed")
    record = json.loads(queue.redis.hget(queue.keys.workers, "killed"))
    record["seen"] -= 2 * 1000 * int(queue.settings.lease)
    queue.redis.hset(queue.keys.workers, "killed", json.dumps(record))
    run_out(queue, task)
    queue.reap()
    make_due(queue, "t1")
    queue.mark_completed(queue.get_task("other"))
    return queue


def test_p5_stats_board_and_doctor_tell_the_same_of_a_worker_that_was_killed(
    killed, valkey, monkeypatch
):
    (other, dead) = sorted(
        worker_states(killed.snapshot(), killed.settings.lease),
        key=lambda state: state.name == "killed",
    )
    assert other.words == "idle"
    assert dead.words.startswith("silent since ")
    assert any(f"Worker killed is {dead.words}." == each.what for each in examine(killed))
    camera = Camera(killed)
    frame = camera.shoot()
    camera.close()
    assert dead.words in without_tags(board_html(frame, film_of(frame), "q"))
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    command = [sys.executable, "-m", "imglab", "stats", "--namespace", killed.namespace]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert dead.words in printed
    assert "at work" not in printed
