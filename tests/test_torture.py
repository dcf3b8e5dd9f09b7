"""Torture, a short one; and that its judge and its cutter do what they are there for."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections import Counter
from contextlib import suppress

import pytest
from helpers.processes import processes_of
from PIL import Image
from torture import campaign, oddities
from torture.cutter import Cutter
from torture.judge import Ending, Judge, as_text, read_odd
from torture.kinds import DEADLY, ENDINGS, NEVER_ENDING, SOUND, colour_of
from torture.plan import FAULTS, USELESS, Plan
from torture.report import as_table

from imglab.queues.invariants import Standing

SEED = 7
TASKS = 400


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("torture") / "project"
    done = campaign.run(folder, SEED, tasks=TASKS, workers=4)
    assert not processes_of(folder)
    return done


def test_no_promise_is_broken(report):
    assert {kind: found for kind, found in report.wrong.items() if found} == {}
    assert report.is_good


def test_everything_happened_that_was_to_happen(report):
    assert report.sound + report.unsound == TASKS
    assert set(report.faults) == set(FAULTS)
    assert min(report.faults.values()) >= 1
    assert report.cuts >= 1
    assert sum(report.acts.values()) >= 1
    assert report.set_aside > 0
    assert report.joins >= 1


def test_a_report_is_plain_data_and_a_line_of_a_table(report):
    assert json.loads(json.dumps(report.as_dict()))["seed"] == SEED
    heading, line = as_table([report]).splitlines()
    assert len(heading) == len(line)
    assert line.split()[0] == str(SEED)


# The plan


def test_a_seed_draws_the_same_again():
    assert Plan.draw(SEED, 1000, 8) == Plan.draw(SEED, 1000, 8)
    assert Plan.draw(SEED, 1000, 8) != Plan.draw(SEED + 1, 1000, 8)


def test_a_large_plan_has_every_kind_of_task():
    kinds = set(Plan.draw(SEED, 10_000, 8).tasks.values())
    assert kinds == {SOUND, *ENDINGS, *USELESS}
    assert {*DEADLY, *NEVER_ENDING} <= set(ENDINGS)


def test_the_hostile_producer_draws_records_of_every_kind():
    dice = random.Random(SEED)
    records = [oddities.record(dice) for _ in range(500)]
    written = {name for record in records for name in record}
    assert written == set(oddities.FIELDS)
    assert any(b"payload" not in record for record in records)


# The cutter


@pytest.fixture
def echo():
    """A server that says again what it hears."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection):
        with connection, suppress(OSError):
            while piece := connection.recv(1000):
                connection.sendall(piece)

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def heard_before_the_end(port, most):
    """How many bytes come back until the connection is cut."""
    heard = 0
    with socket.create_connection(("127.0.0.1", port), timeout=10) as end:
        try:
            while heard < most:
                end.sendall(b"x" * 100)
                piece = end.recv(100)
                if not piece:
                    return heard
                heard += len(piece)
        except ConnectionError:
            return heard
    return heard


def test_connections_are_cut_at_any_byte_in_the_middle_of_a_message(echo):
    with Cutter(echo, SEED) as cutter:
        cutter.cut_from_now()
        lengths = [heard_before_the_end(cutter.port, 1_000_000) for _ in range(30)]
        assert cutter.cuts == 30
    assert max(lengths) < 1_000_000
    assert any(length % 100 for length in lengths)


def test_nothing_is_cut_before_and_after(echo):
    with Cutter(echo, SEED) as cutter:
        assert heard_before_the_end(cutter.port, 500_000) == 500_000
        cutter.cut_from_now()
        cutter.spare_from_now()
        assert heard_before_the_end(cutter.port, 500_000) == 500_000
        assert cutter.cuts == 0


# The judge


class Ledger:
    """What the hostile producer remembers of what it did."""

    def __init__(self, foreign=(), spoiled=()):
        self.foreign = set(foreign)
        self.spoiled = set(spoiled)
        self.doubled = set()


@pytest.fixture
def plan():
    return Plan(SEED, {"sound-1": SOUND, "group-2": "group"}, (), 1.0)


@pytest.fixture
def ended(plan, queue, tmp_path):
    """Both tasks of the plan end as they should; then a function that judges, with changes."""
    queue.add_task({}, "high", task_id="sound-1")
    queue.add_task({}, task_id="group-2")
    result = {"status": "success", "output_path": "sound-1.png"}
    queue.mark_completed(queue.get_task("w"), result)
    queue.mark_failed(queue.get_task("w"), "ExceptionGroup: two (2 sub-exceptions)", retry=False)
    Image.new("RGB", (4, 4), colour_of(1)).save(tmp_path / "sound-1.png")

    def judged(**changes):
        values = {
            "standings": [],
            "tokens": 0,
            "completed": Counter(["sound-1"]),
            "failed": Counter(["group-2"]),
            "cancelled": Counter(),
            "odd": {},
        }
        intruder = changes.pop("intruder", Ledger())
        ending = Ending(**{**values, **changes})
        wrong = Judge(plan, queue, intruder, ending, tmp_path).wrong()
        return {kind: sentences for kind, sentences in wrong.items() if sentences}

    return judged


def test_a_good_end_is_good(ended):
    assert ended() == {}


@pytest.mark.parametrize("times", [0, 2])
def test_a_sound_task_that_is_not_completed_once_is_found(ended, times):
    wrong = ended(completed=Counter(["sound-1"] * times))
    assert list(wrong) == ["sound, not completed once"]


def test_a_sound_task_with_the_result_or_the_picture_of_another_is_found(ended, queue, tmp_path):
    queue.redis.hset(queue.keys.result("sound-1"), "result", '{"status":"success"}')
    Image.new("RGB", (4, 4), colour_of(2)).save(tmp_path / "sound-1.png")
    assert len(ended()["sound, not completed once"]) == 2


def test_an_unsound_task_that_is_not_failed_for_its_reason_is_found(ended, queue):
    assert list(ended(failed=Counter())) == ["unsound, not failed"]
    queue.redis.hset(queue.keys.task("group-2"), "errors", '[{"error":"RuntimeError: lease"}]')
    assert "another reason" in ended()["unsound, not failed"][0]


def test_a_hostile_id_that_is_nowhere_is_found(ended):
    intruder = Ledger(foreign=[b"\xff"])
    assert list(ended(intruder=intruder)) == ["hostile, nowhere"]
    assert ended(intruder=intruder, odd={"\\xff": "no id"}) == {}


def test_what_the_hostile_producer_spoiled_counts_as_its_own(ended):
    intruder = Ledger(spoiled=["sound-1"])
    assert (
        ended(intruder=intruder, completed=Counter(), failed=Counter(["sound-1", "group-2"])) == {}
    )


def test_a_broken_invariant_is_found_unless_the_record_is_hostile(ended):
    standing = Standing("completed", "sound-1", "pending", "", "", 1, 0, True)
    assert list(ended(standings=[standing])) == ["invariants"]
    assert list(ended(tokens=2)) == ["invariants"]
    foreign = Standing("failed", "x", "completed", "", "", 1, 0, True)
    assert ended(standings=[foreign], intruder=Ledger([b"x"]), odd={"x": "why"}) == {}


def test_what_was_set_aside_is_read_whatever_bytes_it_has():
    raw = [b'{"id":"\xff\\u0000","reason":"no id","at":1}']
    assert read_odd(raw) == {as_text(b"\xff\x00"): "no id"}
