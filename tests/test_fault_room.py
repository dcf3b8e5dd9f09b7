"""The fault room: each fault is really there, the same for one name, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from helpers.clock import until
from helpers.processes import processes_of
from helpers.project import PHOTOGRAPHS

from imglab.classroom.fault_room import causes
from imglab.classroom.fault_room.board import PLACES, Row, symptoms_html
from imglab.classroom.fault_room.commands import NotThisCommand, read_command
from imglab.classroom.fault_room.faults import fault_of, room_of
from imglab.classroom.fault_room.plans import FAULTS, example_plan, plans_for
from imglab.classroom.fault_room.processes import (
    ProcessState,
    letter_of_proc,
    letter_of_ps,
    state_of,
)
from imglab.classroom.fault_room.rooms import FaultRooms
from imglab.errors import ImglabError
from imglab.queues import RedisTaskQueue
from imglab.queues.connection import connect, speaking_to
from imglab.workers import RedisWorker

#: A day, in milliseconds.
DAY_MS = 24 * 3600 * 1000
SPACE = "test-faults:"

pytestmark = pytest.mark.photographs(*PHOTOGRAPHS)


def plan_with(cause: str):
    plans = (example_plan(), *plans_for("ada"))
    return next(plan for plan in plans if plan.cause == cause)


# Whose case it is


def test_a_name_always_gets_the_same_case_however_it_is_written():
    assert plans_for("Ada  Lovelace") == plans_for(" ada lovelace ")
    first, *_, last = plans_for("ada")
    # The solved lesson tells these: who changes them has to run it again.
    assert (first.cause, first.photograph) == (causes.FAR_AWAY, "coffee")
    assert (last.cause, last.photograph) == (causes.PAUSED, "coffee")


def test_every_case_has_each_fault_once_and_a_class_has_many_different_ones():
    orders = set()
    for number in range(30):
        plans = plans_for(f"student {number}")
        orders.add(tuple(plan.cause for plan in plans))
        assert [plan.number for plan in plans] == [1, 2, 3, 4, 5, 6]
        assert sorted(plan.cause for plan in plans) == sorted(FAULTS)
    assert len(orders) > 25


@pytest.mark.parametrize("name", ["", "  ", ..., None, 7])
def test_a_name_that_is_none_is_an_error_for_people(name):
    with pytest.raises(ImglabError, match="Your name is a text"):
        plans_for(name)


def test_a_symptom_tells_no_cause():
    for others in (FAULTS, (causes.FORBIDDEN,)):
        for cause in others:
            plan = plan_with(cause)
            words = fault_of(plan).symptom(plan)
            assert not set(words.lower().split()) & set(cause.split())
    plans = [plan_with(cause) for cause in FAULTS]
    kinds = [fault_of(plan).symptom(plan).startswith("Nothing comes: ") for plan in plans]
    assert kinds.count(True) == 3


# The faults


def frozen(room):
    (claim,) = room.queue.claims()
    assert claim.task == room.plan.photograph
    assert claim.deadline < room.queue.server_time()
    assert room.ps() == f"{room.plan.worker}  stopped"


def paused(room):
    assert room.queue.snapshot().is_paused
    assert list(room.queue.workers()) == [room.plan.worker]
    assert room.queue.get_stats().pending == 3


def at_another_queue(room):
    assert room.queue.workers() == {}
    assert room.ps() == f"{room.plan.worker}  alive"
    assert room.queue.get_stats().pending == 3


def poisoned(room):
    task = room.queue.task(room.plan.photograph)
    assert (task.status, task.crashes) == ("failed", 2)
    until(lambda: room.ps().endswith("  alive"))


def without_a_record(room):
    count, (entry,) = room.queue.set_aside(1)
    assert (count, entry["id"]) == (1, room.plan.photograph)


def far_away(room):
    due = room.queue.redis.zscore(room.queue.keys.delayed, room.plan.photograph)
    assert due - room.queue.server_time() > DAY_MS / 2


def forbidden(room):
    task = room.queue.task(room.plan.photograph)
    assert (task.status, task.crashes) == ("failed", 0)
    assert "outside the folders this worker may write" in task.reason


SHOWS = {
    causes.FROZEN: frozen,
    causes.PAUSED: paused,
    causes.OTHER_QUEUE: at_another_queue,
    causes.POISON: poisoned,
    causes.NO_RECORD: without_a_record,
    causes.FAR_AWAY: far_away,
    causes.FORBIDDEN: forbidden,
}


def start_a_worker(room):
    RedisWorker("helper", ["grayscale"], room.queue).start()


def add_it_again(room):
    photograph = room.plan.photograph
    room.queue.add_task(room.payload(photograph), task_id=f"{photograph}-again")


def make_it_due(room):
    room.queue.redis.zadd(room.queue.keys.delayed, {room.plan.photograph: 1})


REPAIRS = {
    causes.FROZEN: [start_a_worker, lambda room: room.thaw()],
    causes.PAUSED: [lambda room: room.queue.resume()],
    causes.OTHER_QUEUE: [start_a_worker],
    causes.POISON: [add_it_again],
    causes.NO_RECORD: [add_it_again],
    causes.FAR_AWAY: [make_it_due],
    causes.FORBIDDEN: [add_it_again],
}


@pytest.mark.parametrize(
    ("cause", "repair"), [(cause, each) for cause, ways in REPAIRS.items() for each in ways]
)
def test_a_fault_is_there_goes_with_its_repair_and_leaves_nothing_behind(
    cause, repair, project, valkey
):
    plan = plan_with(cause)
    with room_of(plan, valkey.url, SPACE) as room:
        fault_of(plan).make(room)
        assert not room.is_well()
        SHOWS[cause](room)
        repair(room)
        until(room.is_well, 30)
    until(lambda: processes_of(project) == [])
    assert keys_at(valkey.url, SPACE) == []


def keys_at(url: str, start: str) -> list[str]:
    with connect(url=url) as client, speaking_to(client):
        return list(client.scan_iter(f"{start}*"))


# All rooms of one person


@pytest.fixture
def rooms(project, valkey):
    with FaultRooms("ada", valkey.url) as rooms:
        rooms.open()
        yield rooms


def test_rooms_are_looked_into_and_diagnosed_and_nothing_is_judged_there(rooms, capsys):
    rooms.look(4, "ps")
    assert capsys.readouterr().out == "> ps\nworker-5  stopped\n"
    rooms.diagnose(6, "anything", "HGET lesson-10:6:image_processing:meta paused")
    assert capsys.readouterr().out.endswith('meta paused\n"1"\n')
    changes = "DEL lesson-10:6:image_processing:meta"
    rooms.diagnose(6, causes.PAUSED, changes)
    assert capsys.readouterr().out.startswith("(error) DEL is no command that reads keys")
    assert rooms[6].queue.snapshot().is_paused
    assert rooms.answer == ("ada", {6: (causes.PAUSED, changes)})
    rooms.report()
    assert capsys.readouterr().out.count("not well yet") == 6
    rooms.wait(0)
    for number in (7, -1, "3"):
        with pytest.raises(ImglabError, match="There is no room"):
            rooms.look(number, "ps")
    rooms.rule_out(0, "LLEN lesson-10:0:image_processing:failed")
    told = capsys.readouterr().out.splitlines()
    assert told[1:] == ["(integer) 1", "And if the file were no picture:", "(integer) 1"]
    with pytest.raises(ImglabError, match="Only room 0"):
        rooms.rule_out(1, "ps")
    mistakes = {
        "": "A proof is the text of one command",
        "DEL lesson-10:0:task:coffee": "DEL is no command that reads keys",
        "LLEN lesson-10:0:task:coffee": "Redis refuses it: ",
        "GET lesson-10:0:image_processing:failed x": "Redis refuses it: ",
    }
    for command, reason in mistakes.items():
        rooms.rule_out(0, command)
        assert capsys.readouterr().out.startswith(f"(error) {reason}")
    assert "|" not in "".join(keys_at(rooms[0].url, "lesson-10:")), "copies are gone"


def test_rooms_that_are_opened_again_replace_the_earlier_ones(rooms, valkey, capsys):
    with FaultRooms("ada", valkey.url) as again:
        again.open()
        with pytest.raises(ImglabError, match="There is no room 1 open"):
            rooms.look(1, "ps")
        again.look(4, "ps")
        assert capsys.readouterr().out.endswith("worker-5  stopped\n")
    assert keys_at(valkey.url, "lesson-10:") == []


def test_an_interrupt_while_rooms_are_opened_leaves_nothing_behind(project, valkey, monkeypatch):
    def interrupted(fault, room):
        room.start_worker()
        raise KeyboardInterrupt

    monkeypatch.setattr(type(fault_of(plan_with(causes.FROZEN))), "make", interrupted)
    rooms = FaultRooms("ada", valkey.url)
    with pytest.raises(KeyboardInterrupt):
        rooms.open()
    until(lambda: processes_of(project) == [])
    assert keys_at(valkey.url, "lesson-10:") == []


NOTEBOOK = """
import sys
from imglab.classroom import FaultRooms
rooms = FaultRooms("ada", sys.argv[1])
rooms.open()
print("open", flush=True)
sys.stdin.read()
"""


def test_a_killed_notebook_leaves_no_process_behind_not_even_the_frozen_one(project, valkey):
    notebook = subprocess.Popen(
        [sys.executable, "-c", NOTEBOOK, valkey.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with notebook:
        assert notebook.stdout.readline() == "open\n"
        assert len(processes_of(project)) > 6
        notebook.kill()
    until(lambda: processes_of(project) == [], 30)
    with RedisTaskQueue(url=valkey.url, namespace="lesson-10:") as queue:
        assert queue.delete_namespace() > 0


def test_the_board_says_of_each_room_what_is_heard_and_where_the_tasks_are():
    tasks = dict.fromkeys(PLACES, 0) | {"failed": 1}
    rows = [Row(1), Row(2, "<coffee> did not come.", tasks), Row(3, "Nothing comes.", tasks, True)]
    html = symptoms_html("ada's rooms", rows)
    assert html.startswith('<table class="imglab-symptoms"')
    assert "room 1" in html
    assert "&lt;coffee&gt; did not come." in html
    assert html.count("failed 1") == 2
    assert "✓</span> All photographs came." in html
    assert "Nothing comes." not in html


# What is asked


def test_a_process_is_alive_stopped_or_gone():
    with subprocess.Popen(["sleep", "60"]) as process:
        assert state_of(process.pid) is ProcessState.ALIVE
        os.kill(process.pid, signal.SIGSTOP)
        until(lambda: state_of(process.pid) is ProcessState.STOPPED)
        assert letter_of_ps(process.pid) == letter_of_proc(process.pid) == "T"
        process.kill()
        until(lambda: state_of(process.pid) is ProcessState.GONE)
        assert letter_of_ps(process.pid) == letter_of_proc(process.pid) == "Z"
    assert state_of(process.pid) is ProcessState.GONE
    assert letter_of_ps(process.pid) == letter_of_proc(process.pid) == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (7, "put it in quotes"),
        (" ", "put it in quotes"),
        ("%redis", "There is no command behind it"),
        ("FLUSHALL", "is no command that reads keys"),
        ("EVAL 'return 1' 1 s:3:x", "is no command that reads keys"),
        ("BLPOP s:3:x 0", "is no command that reads keys"),
        ("KEYS *", "It names no key of this room"),
        ("GET s:2:x", "s:2:x is no key of this room"),
        ("SCAN 0 MATCH s:*", "is no key of this room"),
    ],
)
def test_a_command_that_proves_nothing_is_refused_with_what_to_do(text, words, queue):
    with pytest.raises(NotThisCommand, match=words.replace("*", r"\*")):
        read_command(text, queue.redis, "s:3:", "s:")


def test_a_command_is_taken_as_it_is_typed(queue):
    for text in ("hget s:3:meta paused", "%redis HGET s:3:meta paused", "redis-cli HGET s:3:m p"):
        assert read_command(text, queue.redis, "s:3:", "s:").name == "HGET"
    assert read_command(" PS ", queue.redis, "s:3:", "s:").is_ps
