"""A storm of retries, worked out with a seed: who comes back when, and what jitter changes."""

from __future__ import annotations

import random

from imglab.classroom import storms
from imglab.queues import QueueSettings, TaskQueue


def test_without_jitter_all_come_back_at_once_again_and_again():
    storm = storms.storm(100, capacity=50)
    # The first wait is half a second, the second one a second.
    assert dict(storm.tries) == {5: 100, 15: 50}
    assert storm.worst == 100
    assert storm.total == 150
    assert storm.seconds == 1.6


def test_with_jitter_fewer_meet_and_all_are_served_sooner_with_fewer_tries():
    without = storms.storm(200, capacity=20)
    spread = storms.storm(200, 20, storms.jittered(seed=9))
    assert without.worst == 200
    assert spread.worst < 100
    assert spread.total < without.total / 2
    assert spread.seconds < without.seconds / 10


def test_everybody_is_served_once_and_a_seed_settles_the_storm():
    for seed in range(5):
        storm = storms.storm(60, 7, storms.jittered(seed))
        assert storm == storms.storm(60, 7, storms.jittered(seed))
        assert sum(min(count, 7) for count in storm.tries.values()) == 60


def test_a_storm_that_fits_is_over_with_its_first_tries():
    storm = storms.storm(10, capacity=10)
    assert storm.total == 10
    assert storm.seconds == 0.6


def test_the_longest_waits_are_those_of_a_queue():
    queue = TaskQueue(settings=QueueSettings(max_attempts=4))
    task_id = queue.add_task({})
    random.seed(1)
    for _ in range(3):
        queue.mark_failed(queue.get_task("worker-1", timeout=10), "no")
    waits = [event["wait"] for event in queue.trace(task_id) if event["event"] == "delayed"]
    random.seed(1)
    assert waits == [int(random.random() * storms.longest_wait(tries)) for tries in (1, 2, 3)]


def test_a_storm_is_a_table_of_text_with_a_line_for_each_second_that_had_tries():
    lines = str(storms.storm(200, 20)).splitlines()
    assert lines[0].split()[:2] == ["second", "tries"]
    assert [line.split()[0] for line in lines[1:4]] == ["0", "1", "3"]
    assert lines[1].endswith("200 " + "█" * storms.ROW_LETTERS)
