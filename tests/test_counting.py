"""What Redis counts while something is done."""

from __future__ import annotations

import pytest
from helpers.server import redis_queue

from imglab.classroom.counting import counted, least
from imglab.queues import RedisTaskQueue

NUMBERS = range(50)


@pytest.fixture
def alone(own_server):
    """A queue on a server that nobody else uses."""
    with redis_queue(own_server) as queue:
        yield queue


def test_nothing_is_counted_as_nothing(alone):
    found = counted(alone, lambda: None)
    assert (found.commands, found.reads, found.connections) == (0, 0, 0)


def test_a_pipeline_is_as_many_commands_and_one_read(alone):
    key = alone.namespace + "numbers"

    def one_by_one():
        for number in NUMBERS:
            alone.redis.lpush(key, number)

    def pipeline():
        pipe = alone.redis.pipeline(transaction=False)
        for number in NUMBERS:
            pipe.lpush(key, number)
        pipe.execute()

    first = least(alone, one_by_one)
    second = least(alone, pipeline)
    assert (first.commands, first.reads) == (50, 50)
    assert (second.commands, second.reads) == (50, 1)
    assert first.bytes_in == second.bytes_in > 50 * len(key)


def test_a_connection_is_counted_when_it_is_opened(alone, own_server):
    def look_in():
        RedisTaskQueue(url=own_server.url, namespace=alone.namespace).close()

    assert counted(alone, look_in).connections == 1


def test_the_least_of_several_tries_leaves_others_out(alone):
    tries = iter((5, 1, 3))

    def sometimes_disturbed():
        for _ in range(next(tries)):
            alone.redis.ping()

    assert least(alone, sometimes_disturbed).reads == 1
