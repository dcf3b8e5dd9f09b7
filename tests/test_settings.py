"""Settings and payloads are checked when they are made, so no script stops half-way."""

from __future__ import annotations

import math

import pytest

from imglab.errors import QueueError, TaskError
from imglab.queues import QueueSettings, TaskQueue
from imglab.queues.task import MAX_DEPTH


@pytest.mark.parametrize(
    "setting",
    [
        {"ttl": -1},
        {"ttl": math.inf},
        {"keep": 0.5},
        {"keep": None},
        {"keep": True},
        {"lease": 0},
        {"lease": "30"},
        {"backoff": math.nan},
        {"max_attempts": 0},
        {"time_limit": 0},
        {"time_limit": math.nan},
    ],
)
def test_a_setting_that_no_queue_can_keep_is_refused_by_its_name(setting):
    (name,) = setting
    with pytest.raises(QueueError, match=f"^{name} must be"):
        QueueSettings(**setting)


@pytest.mark.parametrize("limit", [None, math.inf])
def test_there_may_be_no_time_limit(limit):
    assert QueueSettings(time_limit=limit).longest_try == math.inf


def nested(depth: int) -> dict:
    value: list = []
    for _ in range(depth - 2):
        value = [value]
    return {"deep": value}


def test_a_payload_may_be_nested_so_deep_and_no_deeper():
    queue = TaskQueue()
    queue.add_task(nested(MAX_DEPTH))
    for depth in (MAX_DEPTH + 1, 988):
        with pytest.raises(TaskError, match=r"nested deeper than 100|recursion depth"):
            queue.add_task(nested(depth))


def test_brackets_in_a_text_are_no_depth():
    TaskQueue().add_task({"text": "[{" * 500 + '\\"' * 10})


def test_of_a_claim_its_token_is_remembered_not_its_payload():
    queue = TaskQueue()
    queue.add_task({"text": "x" * 60_000})
    queue.get_task("w")
    assert "xxx" not in repr(queue._claims)
