"""The judge of lesson 08: it refuses our solution with any of its lines changed, and says why."""

from __future__ import annotations

import inspect
import re
import time

import pytest
from helpers.server import new_namespace

from imglab.exercises import lesson_08, rescue
from imglab.exercises.examiner import Examiner, Wrong
from imglab.exercises.killing import Interruption, Killed, die, interrupted
from imglab.queues.connection import connect

SOURCES = {name: inspect.getsource(getattr(lesson_08, name)) for name in ("claim", "ack", "reap")}
#: A line of a script that writes, and may be left out.
WRITES = re.compile(r"^ +redis\.call\('(?:HSET|HDEL|ZADD|ZREM|RPUSH)'.*\n", re.MULTILINE)
#: What is changed in a script, and into what.
CHANGES = (
    ("'RPOP'", "'LPOP'"),
    ("'RPUSH'", "'LPUSH'"),
    ("* 1000", "* 100"),
    ("* 1000", "/ 1000"),
    ("now + ARGV[2]", "now"),
    ("now + ARGV[2]", "now - ARGV[2]"),
    ("now + ARGV[2]", "ARGV[2]"),
    ("~=", "=="),
    ("~= ARGV[2]", "~= ARGV[1]"),
    ("return 0", "return 1"),
    ("return 1", "return 0"),
    ("return id", "return 1"),
    ("return nil", "return ''"),
    ("ARGV[1], ARGV[3]", "ARGV[1], ARGV[2]"),
    ("id, ARGV[1]", "id, ARGV[2]"),
    ("0, now", "now, 0"),
    ("0, now", "'-inf', '+inf'"),
    ("0, now", "0, 0"),
    ("return #late", "return 0"),
    ("return #late", "return late"),
    ("KEYS[1]", "KEYS[2]"),
    ("KEYS[2]", "KEYS[3]"),
    ("KEYS[3]", "KEYS[2]"),
    ("return r.eval", "r.eval"),
    ("'HGET'", "'HEXISTS'"),
)


def changed_sources():
    for name, source in SOURCES.items():
        for write in WRITES.findall(source):
            yield name, f"without {write.strip()}", source.replace(write, "", 1)
        for old, new in CHANGES:
            if old in source:
                yield name, f"{old} → {new}", source.replace(old, new)


MUTANTS = [
    pytest.param(name, source, id=f"{name}: {what}") for name, what, source in changed_sources()
]


def made(source: str, name: str):
    space: dict = {}
    exec(source, space)
    return space[name]


def examined(answer, url: str) -> Examiner:
    exam = Examiner(url, new_namespace())
    try:
        rescue.judge_rescue(answer, exam)
    finally:
        exam.queue().delete_namespace()
    return exam


def test_there_are_mutants_of_every_operation():
    assert len(MUTANTS) > 40


@pytest.mark.parametrize(("name", "source"), MUTANTS)
def test_a_mutant_of_the_solution_is_refused(name, source, valkey):
    answer = {each: made(text, each) for each, text in SOURCES.items()}
    answer[name] = made(source, name)
    # Redis itself refuses some of them.
    with pytest.raises((Wrong, Exception)) as caught:
        examined(tuple(answer.values()), valkey.url)
    assert not isinstance(caught.value, AssertionError)


def test_a_right_answer_is_judged_by_no_clock(valkey, monkeypatch):
    monkeypatch.setattr(time, "sleep", None)
    exam = examined(lesson_08.EXERCISES["08-exercise-rescue"].solution, valkey.url)
    assert exam.passed > 50


# The client that is killed


def commands_until(url: str, number: int, operation) -> bool:
    interruption = Interruption(number, die)
    with interrupted(url, interruption) as client:
        client.ping()
        interruption.start()
        with pytest.raises(Killed):
            operation(client)
        interruption.is_over = True
    return interruption.was_reached


@pytest.fixture
def key(valkey_client):
    name = new_namespace() + "list"
    yield name
    valkey_client.delete(name)


@pytest.fixture
def valkey_client(valkey):
    with connect(url=valkey.url) as client:
        yield client


def push_three(key, **how):
    def operation(client):
        with client.pipeline(**how) as pipe:
            for letter in "abc":
                pipe.rpush(key, letter)
            pipe.execute()

    return operation


def test_it_dies_right_before_the_command_that_is_meant(valkey, valkey_client, key):
    def two(client):
        client.rpush(key, "a")
        client.rpush(key, "b")

    assert commands_until(valkey.url, 2, two)
    assert valkey_client.lrange(key, 0, -1) == ["a"]


def test_a_transaction_is_one_command(valkey, valkey_client, key):
    assert commands_until(valkey.url, 1, push_three(key))
    assert valkey_client.lrange(key, 0, -1) == []


def test_a_pipeline_without_a_transaction_is_several(valkey, valkey_client, key):
    assert commands_until(valkey.url, 3, push_three(key, transaction=False))
    assert valkey_client.lrange(key, 0, -1) == ["a", "b"]


def test_whoever_catches_everything_is_still_dead(valkey, valkey_client, key):
    def stubborn(client):
        try:
            client.rpush(key, "a")
        except BaseException:  # noqa: BLE001 - as a bare `except:` would
            client.rpush(key, "b")

    assert commands_until(valkey.url, 1, stubborn)
    assert valkey_client.lrange(key, 0, -1) == []
