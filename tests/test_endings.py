"""How a try ends that does not end well: one table, each row with a real worker process."""

from __future__ import annotations

import asyncio

import pytest
from helpers.clock import until
from helpers.server import redis_queue

from imglab.errors import ImageError, NoPhotographs, ResourceExhausted, TaskError
from imglab.queues import QueueSettings
from imglab.workers import Worker, WorkerPool
from imglab.workers.endings import CANCELLED, Fate, ending_of
from imglab.workers.in_hand import Cancelled, NotOurs

SETTINGS = QueueSettings(max_attempts=1, backoff=0)
#: What a filter raises, by name, and what the reason of the failure says.
RAISED = {
    "ValueError('plain')": "ValueError: plain",
    r"ValueError('\udcff')": r"ValueError: \udcff",
    "SystemExit(0)": "SystemExit: 0",
    "asyncio.CancelledError()": "CancelledError: ",
    "GeneratorExit('done')": "GeneratorExit: done",
    "KeyboardInterrupt()": "RuntimeError: a filter raised KeyboardInterrupt",
    "MemoryError()": "MemoryError: ",
    "RecursionError('deep')": "RecursionError: deep",
    "BaseExceptionGroup('two', [SystemExit(1)])": "BaseExceptionGroup: two (1 sub-exception)",
    "Mute()": "Mute: (its text cannot be had: SystemExit)",
}
RAISING_FILTER = """
import asyncio
from dataclasses import dataclass
from imglab.imaging import BaseFilter, FilterFactory, number

class Mute(Exception):
    def __str__(self):
        raise SystemExit(3)

THINGS = [{things}]

@FilterFactory.register
@dataclass(frozen=True)
class RaisingFilter(BaseFilter):
    which: int = number(0, low=0, high=99)
    def change(self, image):
        raise THINGS[self.which]
"""


SLOW_FILTER = """
import time
from dataclasses import dataclass
from imglab.imaging import BaseFilter, FilterFactory

@FilterFactory.register
@dataclass(frozen=True)
class SlowFilter(BaseFilter):
    name = "slow"
    def change(self, image):
        time.sleep(0.2)
        return image
"""


@pytest.mark.parametrize(
    ("problem", "fate", "retry"),
    [
        (ImageError("broken"), Fate.FAILED, False),
        (TaskError("too large"), Fate.FAILED, False),
        (Cancelled(), Fate.CANCELLED, False),
        (NotOurs(), Fate.NOT_OURS, False),
        (KeyboardInterrupt(), Fate.GIVEN_BACK, False),
        (NoPhotographs("not mounted"), Fate.GIVEN_BACK, False),
        (SystemExit(1), Fate.FAILED, True),
        (asyncio.CancelledError(), Fate.FAILED, True),
        (OSError("no route"), Fate.FAILED, True),
        (ResourceExhausted("the disk is full"), Fate.FAILED, True),
    ],
)
def test_what_a_task_raises_decides_what_becomes_of_it(problem, fate, retry):
    ending = ending_of(problem)
    assert (ending.fate, ending.retry) == (fate, retry)


def test_whatever_a_filter_raises_its_task_fails_with_the_reason_and_its_worker_goes_on(
    project, valkey
):
    text = RAISING_FILTER.replace("{things}", ", ".join(RAISED))
    (project / "raising_filter.py").write_text(text)
    with redis_queue(valkey, SETTINGS) as queue:
        ids = queue.add_tasks(
            {"image_path": "images/sample.png", "filters": [{"name": "raising", "which": which}]}
            for which in range(len(RAISED))
        )
        good = queue.add_task({"image_path": "images/sample.png", "output_path": "output/a.png"})
        with WorkerPool(1, (), queue, imports=["raising_filter"]) as pool:
            before = pool.pids
            assert pool.join(timeout=60)
            assert pool.pids == before, "no worker ended"
        assert [queue.task(each).reason for each in ids] == list(RAISED.values())
        assert [queue.task(each).crashes for each in ids] == [0] * len(ids)
        assert queue.task(good).status == "completed"


def test_a_task_cancelled_between_two_steps_ends_as_cancelled_and_its_worker_goes_on(
    project, valkey
):
    (project / "slow_filter.py").write_text(SLOW_FILTER)
    payload = {"image_path": "images/sample.png", "filters": [{"name": "slow"}] * 100}
    with redis_queue(valkey, QueueSettings(lease=0.6)) as queue:
        unwanted = queue.add_task(payload)
        good = queue.add_task({"image_path": "images/sample.png", "output_path": "output/a.png"})
        with WorkerPool(1, (), queue, imports=["slow_filter"]) as pool:
            before = pool.pids
            until(lambda: queue.tasks("processing") == [unwanted])
            queue.cancel(unwanted)
            assert pool.join(timeout=60)
            assert pool.pids == before, "no worker ended"
        task = queue.task(unwanted)
        assert (task.status, task.attempt, task.reason) == ("cancelled", 1, CANCELLED)
        assert queue.task(good).status == "completed"


def test_a_persons_interrupt_gives_the_task_back_and_ends_the_worker(project, queue):
    class Interrupted(Worker):
        def process(self, task):
            raise KeyboardInterrupt

    task_id = queue.add_task({"image_path": "images/sample.png"})
    with pytest.raises(KeyboardInterrupt):
        Interrupted("w", (), queue).start()
    task = queue.task(task_id)
    assert (task.status, task.attempt, task.errors) == ("pending", 0, ())
