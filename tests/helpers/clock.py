"""Time: wait until something is true, or move a moment of a task into the past."""

from __future__ import annotations

import json
import time

from imglab.queues import TaskQueue


def until(condition, seconds: float = 15):
    """Wait for a condition and give what it gave; an AssertionError when it never comes true."""
    limit = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < limit, f"not true after {seconds} s: {condition}"
        time.sleep(0.01)
    return value


def run_out(queue, task) -> None:
    """Move the deadline of a claim into the past."""
    if isinstance(queue, TaskQueue):
        queue._records[task.id].deadline = 0
        return
    key = queue.keys.processing
    entry = json.loads(queue.redis.hget(key, task.id))
    entry["deadline"] = 1
    queue.redis.hset(key, task.id, json.dumps(entry))  # with other spaces than Redis writes


def make_due(queue, task_id: str) -> None:
    """Move the moment a delayed task may be tried again into the past."""
    if isinstance(queue, TaskQueue):
        queue._records[task_id].deadline = 0
    else:
        queue.redis.zadd(queue.keys.delayed, {task_id: 1})


def forget_result(queue, task_id: str) -> None:
    """Move the end of a result's time into the past."""
    if isinstance(queue, TaskQueue):
        queue._records[task_id].result_ends = 0
    else:
        queue.redis.pexpireat(queue.keys.result(task_id), 1)
