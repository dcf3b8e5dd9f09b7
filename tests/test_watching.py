"""What watching costs, and a worker that nobody watches: as lesson 06 shows them."""

from __future__ import annotations

import pytest
from helpers.project import PHOTOGRAPHS
from helpers.server import redis_queue

from imglab.classroom import LoneWorker, watching
from imglab.errors import ImglabError
from imglab.exercises.round_trips import NOW, RoundTrips
from imglab.queues import QueueSettings

TASKS = 20
SECOND = {"image_path": "images/coffee.jpg", "output_path": "output/coffee.jpg"}


def test_the_stream_tells_each_event_once_and_monitor_every_command(own_server):
    with redis_queue(own_server) as queue:
        cost = watching.costs(queue, TASKS)
        events = cost["XREAD of :events"]
        keyspace = cost["keyspace events"]
        told = cost["MONITOR"]
        assert events.messages == 3 * TASKS
        assert events.messages < keyspace.messages < told.messages
        assert events.bytes_out < keyspace.bytes_out < told.bytes_out
        assert cost["polling, 10 looks"].commands > 10 * watching.LOOKS
        assert queue.find_keys() == []


def test_the_servers_setting_is_as_before(own_server):
    with redis_queue(own_server) as queue:
        queue.redis.config_set(watching.NOTIFY, "Kx")
        watching.costs(queue, 1)
        assert queue.redis.config_get(watching.NOTIFY) == {watching.NOTIFY: "xK"}


def test_costs_are_a_table_of_text(own_server):
    with redis_queue(own_server) as queue:
        lines = str(watching.costs(queue, 2)).splitlines()
    assert lines[0].split() == ["2", "tasks", "pass", "commands", "messages", "kilobytes"]
    assert len({len(line) for line in lines}) == 1


@pytest.mark.photographs(*PHOTOGRAPHS)
def test_a_lone_worker_that_is_killed_stays_dead_and_its_task_is_held(project, valkey):
    with redis_queue(valkey, QueueSettings(lease=60)) as queue:
        queue.add_task(SECOND, task_id="coffee")
        with LoneWorker("worker-1", "busy:ms=20000", queue) as worker:
            assert worker.is_alive
            assert [claim.worker for claim in queue.claims()] == ["worker-1"]
            worker.kill()
            assert not worker.is_alive
        assert queue.tasks("processing") == ["coffee"]


@pytest.mark.photographs(*PHOTOGRAPHS)
def test_a_lone_worker_leaves_at_the_end_of_its_block(project, valkey):
    with redis_queue(valkey) as queue:
        with LoneWorker("worker-1", "grayscale", queue) as worker:
            pass
        assert not worker.is_alive
        assert queue.workers() == {}


def test_a_lone_worker_has_to_start_before_it_is_killed(project, queue):
    with pytest.raises(ImglabError, match="worker-1 has not started yet"):
        LoneWorker("worker-1", "grayscale", queue).kill()


def test_what_is_sent_at_once_is_one_round_trip(queue):
    r = queue.redis
    trips = RoundTrips(r)
    r.get("a")
    r.get("b")
    assert trips.count == 2
    trips.begin()
    with r.pipeline() as pipe:
        pipe.get("a").get("b").hkeys("c").execute()
    assert trips.count == 1
    assert not trips.has_keys
    r.keys("nothing")
    assert trips.has_keys


def test_the_counted_client_has_a_clock_that_stands_still(queue):
    RoundTrips(queue.redis)
    seconds, microseconds = queue.redis.time()
    assert seconds * 1000 + microseconds // 1000 == NOW
