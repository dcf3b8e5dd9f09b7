"""Chaos, a short one; and that its judge would see what it is there to see."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from helpers.clock import until
from helpers.processes import processes_of
from typer.testing import CliRunner

from imglab.cli import ops as cli
from imglab.ops import chaos
from imglab.ops.chaos.judge import judge
from imglab.ops.chaos.plan import FAULTS, KINDS, Plan
from imglab.ops.chaos.report import Report
from imglab.queues.invariants import Standing

SEED = 7


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Report:
    folder = tmp_path_factory.mktemp("chaos")
    done = chaos.run(folder, SEED, tasks=250, workers=4, seconds=10)
    assert not processes_of(folder)
    return done


def test_nothing_is_lost_doubled_or_accepted_twice(report):
    assert not any(report.wrong.values()), report.wrong
    assert report.tasks == 250 == report.completed + report.failed
    assert report.executions > 250, "some tasks must have been run again"


def test_every_kind_of_fault_happened_and_the_queue_was_checked_all_the_time(report):
    assert set(report.faults) == set(FAULTS)
    assert min(report.faults.values()) >= 1
    assert report.checks > 10


def test_only_what_was_made_to_fail_has_failed_poison_among_it(report):
    kinds = [kind for kind, _ in Plan.draw(SEED, 250, 4, 10).tasks.values()]
    assert kinds.count("poison") >= 1
    # The judge has looked at the reason of each of them.
    assert report.failed == report.doomed == kinds.count("poison") + kinds.count("hopeless")


def test_a_report_is_plain_data_and_a_table(report):
    assert json.loads(json.dumps(report.as_dict()))["completed"] == report.completed
    assert dict(report.rows())["lost"] == "0"


# The plan


def test_a_seed_draws_the_same_tasks_and_faults_again():
    plan = Plan.draw(SEED, 500, 8, 50)
    assert plan == Plan.draw(SEED, 500, 8, 50)
    assert plan != Plan.draw(SEED + 1, 500, 8, 50)
    assert plan.faults == tuple(sorted(plan.faults, key=lambda fault: fault.at))


def test_each_kind_of_task_and_of_fault_is_in_even_the_smallest_plan():
    plan = Plan.draw(SEED, 10, 1, 1)
    assert {kind for kind, _ in plan.tasks.values()} == {*KINDS, "plain"}
    assert {fault.what for fault in plan.faults} == set(FAULTS)
    assert len(plan.tasks) == 10


# The judge

ADDED = {"plain-0": "plain", "poison-1": "poison"}
GOOD = Standing("completed", "plain-0", "completed", "", "", 1, 0, True)
BURIED = Standing("failed", "poison-1", "failed", "", "", 8, 8, False)
STORY = [
    {"event": "added", "task": "plain-0"},
    {"event": "added", "task": "poison-1"},
    {"event": "claimed", "task": "plain-0", "worker": "worker-1"},
    {"event": "completed", "task": "plain-0", "worker": "worker-1"},
    {"event": "claimed", "task": "poison-1", "worker": "worker-3"},
    {"event": "expired", "task": "poison-1", "worker": "worker-3"},
    {"event": "failed", "task": "poison-1", "reason": "worker worker-3 died (8 of 8)"},
]


def found(standings=(GOOD, BURIED), events=STORY, findings=(), added=ADDED) -> dict:
    """What the judge finds, without the empty lists."""
    verdict = judge(added, standings, events, findings)
    return {what: sentences for what, sentences in verdict.items() if sentences}


def test_a_good_ending_is_good():
    assert found() == {}


def test_a_lost_task_is_found():
    assert found([GOOD]) == {"lost": ["Task poison-1 is lost."]}


@pytest.mark.parametrize("place", ["completed", "failed", "pending", "processing", "delayed"])
def test_a_task_in_two_places_is_found(place):
    twice = replace(GOOD, place=place)
    assert found([GOOD, BURIED, twice])["in two places"] == [
        f"Task plain-0 is in completed and in {place}."
    ]


def test_a_completion_that_was_accepted_twice_is_found():
    wrong = found(events=[*STORY, STORY[3]])
    assert wrong["accepted twice"] == ["Task plain-0 was, 2 times."]
    assert wrong["otherwise wrong"] == ["Task plain-0 was completed after it was completed."]


@pytest.mark.parametrize("place", ["pending", "processing", "delayed"])
def test_a_task_that_never_ended_is_found(place):
    standing = replace(GOOD, place=place, has_result=False)
    sentences = found([standing, BURIED], STORY[:3] + STORY[4:])["otherwise wrong"]
    assert sentences == [f"Task plain-0 is {place}, not completed; the reason: None."]


def test_a_task_that_failed_without_being_made_to_is_found():
    reason = "worker worker-3 died (8 of 8)"
    story = [*STORY[:3], {"event": "failed", "task": "plain-0", "reason": reason}, *STORY[4:]]
    standing = replace(GOOD, place="failed", has_result=False)
    assert found([standing, BURIED], story)["otherwise wrong"] == [
        f"Task plain-0 is failed, not completed; the reason: {reason}."
    ]


def test_a_task_that_was_cancelled_by_nobody_is_found():
    story = [*STORY[:3], {"event": "cancelled", "task": "plain-0", "reason": "why"}, *STORY[4:]]
    standing = replace(GOOD, place="cancelled", has_result=False)
    assert found([standing, BURIED], story)["otherwise wrong"] == [
        "Task plain-0 is cancelled, not completed; the reason: why."
    ]


@pytest.mark.parametrize("reason", ["worker worker-3 died (2 of 8)", "RuntimeError: as planned"])
def test_poison_that_failed_for_another_reason_is_found(reason):
    story = [*STORY[:-1], {**STORY[-1], "reason": reason}]
    assert found(events=story)["otherwise wrong"] == [
        f"Task poison-1 failed for another reason: {reason}."
    ]


def test_poison_that_was_completed_is_found():
    standing = replace(BURIED, place="completed", has_result=True)
    assert "is completed, not failed" in found([GOOD, standing])["otherwise wrong"][0]


def test_a_result_that_is_missing_or_was_never_accepted_is_found():
    (sentence,) = found([replace(GOOD, has_result=False), BURIED])["otherwise wrong"]
    assert sentence == "Task plain-0 is completed with no result after 1 commits."
    (sentence,) = found(events=STORY[:3] + STORY[4:])["otherwise wrong"]
    assert sentence == "Task plain-0 is completed with a result after 0 commits."


def test_a_step_that_no_task_may_take_is_found():
    released = {"event": "released", "task": "plain-0"}
    assert found(events=[*STORY, released])["otherwise wrong"] == [
        "Task plain-0 was released after it was completed."
    ]


def test_a_completion_by_a_worker_that_held_the_task_no_more_is_found():
    claims = [{**STORY[2], "worker": f"worker-{n}"} for n in (1, 2)]
    expired = [{"event": each, "task": "plain-0"} for each in ("expired", "delayed", "promoted")]
    story = [*STORY[:2], claims[0], *expired, claims[1], *STORY[3:]]
    assert found(events=story)["otherwise wrong"] == [
        "Task plain-0 was completed by worker-1, but held by worker-2."
    ]


def test_a_task_that_nobody_added_is_found():
    sentences = found(added={"poison-1": "poison"})["otherwise wrong"]
    assert sentences == ["Task plain-0 was never added."]


def test_what_was_wrong_meanwhile_is_not_forgotten():
    assert found(findings=["There are 2 wake tokens."]) == {
        "otherwise wrong": ["There are 2 wake tokens."]
    }


# The command


@pytest.fixture
def sigterm():
    """The command takes SIGTERM for itself; here it has to give it back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("lost", [[], ["Task plain-0 is lost."]])
def test_the_exit_code_says_whether_a_promise_was_broken(monkeypatch, sigterm, report, lost):
    wrong = {**report.wrong, "lost": lost}
    monkeypatch.setattr(chaos, "run", lambda *_, **__: replace(report, wrong=wrong))
    done = CliRunner().invoke(cli.app, ["chaos"])
    assert done.exit_code == len(lost)
    assert ("Task plain-0 is lost." in done.output) == bool(lost)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_behind_when_somebody_stops_it(tmp_path, number):
    command = [sys.executable, "-m", "imglab", "chaos", "--tasks", "500", "--workers", "2"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    running = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        until(lambda: len(processes_of(tmp_path)) >= 3)  # Redis and two workers
        until(lambda: list(tmp_path.glob("*/output/*.png")))  # in the middle of the work
        running.send_signal(number)
        assert running.wait(30) == 130
    finally:
        running.terminate()
        running.wait(30)
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
