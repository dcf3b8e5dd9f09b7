"""Work that keeps coming: tasks that arrive at random moments, whoever is ready for them or not.

The moments are settled before the first task is sent, so a slow queue does not slow its producer
down (an *open loop*); and a wait begins at the moment that was settled, not at the one when a late
producer got round to it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

from imglab.queues import RedisTaskQueue


def moments(tasks: int, rate: float, seed: int = 1) -> list[float]:
    """When so many tasks come, in seconds from the beginning; `rate` of them a second on average.

    Each comes at any moment of the whole time, whenever the others do: a Poisson process of which
    we know how many come. With the same seed, another rate only stretches the same pattern.
    """
    chance = random.Random(seed)
    seconds = tasks / rate
    return sorted(chance.random() * seconds for _ in range(tasks))


def send(
    queue: RedisTaskQueue, payload: Mapping[str, Any], when: Sequence[float]
) -> dict[str, float]:
    """Add a task at each of these moments; return for each id when it was due to come.

    Those times are milliseconds of the server's clock, as in the events.
    """
    due = {}
    began = time.monotonic()
    clock = queue.server_time()
    for moment in when:
        pause = began + moment - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        task_id = queue.add_task(payload)
        due[task_id] = clock + moment * 1000
    return due
