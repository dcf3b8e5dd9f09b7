"""A queue under load: tasks keep coming to a real worker process, and their waits are measured.

with LoneWorker("worker-1", "compute:ms=8", queue):
    service = load.service_time(queue)
    point = load.measure(queue, rate=0.8 * 1000 / service)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from PIL import Image

from imglab.classroom import arrivals
from imglab.errors import ImglabError
from imglab.imaging import save_image
from imglab.language import tr
from imglab.project import project_root
from imglab.queues import RedisTaskQueue
from imglab.queues.vocabulary import Event
from imglab.views.load_points import LoadPoint

#: The picture of each task, and where its result goes: so small that files hardly take any time.
PICTURE = "output/load/dot.png"
RESULT = "output/load/result.png"
#: Width and height of it, in pixels.
SIZE = (8, 8)
#: Tasks that a worker does before it is measured: its first one loads what all others need.
WARM_UP = 20
#: Rounds in which its service time is measured: whatever else runs here only makes it longer.
ROUNDS = 3
#: Tasks of a run, and the seed of their arrivals: of the first hundred, the one with which so few
#: tasks come nearest to what theory says of a long run, at all loads. With most seeds they wait
#: less at 95 %: the line has no time to grow.
TASKS = 200
SEED = 53
#: The fewest tasks that say anything of a load.
FEWEST = 40
#: How long the tasks of one run may take after the last one came, in seconds.
TIMEOUT_S = 60.0


def small_task() -> dict[str, str]:
    """Make the small picture, and return a task that is about it."""
    file = project_root() / PICTURE
    if not file.exists():
        save_image(Image.new("L", SIZE), file)
    return {"image_path": PICTURE, "output_path": RESULT}


def service_time(queue: RedisTaskQueue, tasks: int = 40) -> float:
    """Keep the worker busy without a pause; return the milliseconds from one task to the next.

    That is all that a task costs: its work, its files, and its way through Redis. The best of
    ROUNDS rounds of so many tasks counts. The queue is cleared. ImglabError when the worker does
    not finish.
    """
    queue.clear()
    queue.add_tasks([small_task()] * (WARM_UP + ROUNDS * tasks))
    _finish(queue)
    ends = [event["at"] for event in queue.events() if event["event"] == Event.COMPLETED]
    # Each round begins with the end of the task before it.
    marks = ends[WARM_UP - 1 :: tasks]
    best = min(after - before for before, after in pairwise(marks))
    return float(best) / tasks


def tasks_within(seconds: float, service: float, shares: Iterable[float]) -> int:
    """How many tasks each of these loads may have, so that all together take about so long.

    `service` is the milliseconds of a task. On a machine that is not slow, TASKS; FEWEST at least.
    """
    seconds_of_one = sum(service / 1000 / share for share in shares)
    return max(FEWEST, min(TASKS, int(seconds / seconds_of_one)))


def measure(queue: RedisTaskQueue, rate: float, tasks: int = TASKS, seed: int = SEED) -> LoadPoint:
    """Let tasks come at random moments, `rate` of them a second; return how long they waited.

    The queue is cleared before, and keeps the events of this run. ImglabError when the worker does
    not finish.
    """
    task = small_task()
    queue.clear()
    due = arrivals.send(queue, task, arrivals.moments(tasks, rate, seed))
    backlog = queue.get_stats().pending
    _finish(queue)
    return point_of(queue.events(), due, rate, backlog)


def point_of(
    events: Iterable[Mapping[str, Any]], due: Mapping[str, float], rate: float, backlog: int = 0
) -> LoadPoint:
    """What a record of events says of tasks that were due at these times, in ms."""
    claimed: dict[str, int] = {}
    waits = dict.fromkeys(due, 0.0)
    served = 0
    for event in events:
        task = event["task"]
        if event["event"] == Event.CLAIMED:
            claimed[task] = event["at"]
            # The two clocks agree to a millisecond: nobody waits for less than nothing.
            waits[task] = max(0.0, event["at"] - due[task])
        elif event["event"] == Event.COMPLETED:
            served += event["at"] - claimed[task]
    return LoadPoint(rate, served / len(due), tuple(waits.values()), backlog)


def depths(events: Iterable[Mapping[str, Any]]) -> list[int]:
    """How many tasks were in line after each event of a record."""
    depth = 0
    found = []
    for event in events:
        if event["event"] in (Event.ADDED, Event.PROMOTED, Event.RELEASED):
            depth += 1
        elif event["event"] == Event.CLAIMED:
            depth -= 1
        found.append(depth)
    return found


def _finish(queue: RedisTaskQueue) -> None:
    if not queue.join(TIMEOUT_S):
        raise ImglabError(
            tr(
                "The tasks are not done after {seconds:.0f} seconds: is there a worker on this "
                "queue? LoneWorker(…) starts one.",
                seconds=TIMEOUT_S,
            )
        )
