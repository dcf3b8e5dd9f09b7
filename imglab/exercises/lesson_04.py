"""Lesson 04: producer and consumer as two programs that know of each other through Redis alone."""

from __future__ import annotations

import time
from pathlib import Path

from imglab.exercises.examiner import Examiner
from imglab.exercises.exercise import Exercise
from imglab.project import project_root
from imglab.queues import RedisTaskQueue

PRODUCER = """import sys

from imglab.queues import RedisTaskQueue

queue = RedisTaskQueue(namespace=sys.argv[1])
for number in range(20):
    queue.add_task({"number": number})
"""
CONSUMER = """import sys

from imglab.queues import RedisTaskQueue

queue = RedisTaskQueue(namespace=sys.argv[1])
name = f"consumer-{sys.argv[2]}"
while task := queue.get_task(name, timeout=2):
    queue.mark_completed(task, {"square": task["number"] ** 2})
"""
NUMBERS = list(range(20))
#: Seconds a program may take.
PROGRAM_LIMIT = 10.0
#: Scripts that a patient consumer may call: two for each of the tasks, and some while it waits.
MOST_SCRIPTS = 150


def judge_programs(answer: tuple[str, str], exam: Examiner) -> None:
    """The producer alone; a consumer that is there first; two consumers at once."""
    producer = project_root() / answer[0]
    consumer = project_root() / answer[1]
    queue = exam.queue()
    exam.case(
        "the producer alone",
        "It adds one task for each number from 0 to 19, in this order: for number in range(20), "
        'and the payload is {"number": number}.',
    )
    exam.ended(exam.start(producer, exam.namespace, seconds=PROGRAM_LIMIT))
    added = [queue.task(each).payload.get("number") for each in queue.tasks("pending")]
    exam.expect(NUMBERS, added)
    exam.case(
        "a consumer alone, after the producer",
        'task["number"] reads a payload, and mark_completed(task, {…}) reports a dict. It has to '
        "end by itself: get_task(name, timeout=2) gives None after two seconds without a task, and "
        "that is the moment to leave the loop.",
    )
    _consume(exam, queue, consumer)
    queue.clear()
    _consume_late(exam, queue, consumer)
    queue.clear()
    exam.case(
        "two consumers at once, after the producer",
        "Both have to take tasks under a name of their own, and each task is completed once.",
    )
    exam.ended(exam.start(producer, exam.namespace, seconds=PROGRAM_LIMIT))
    first = exam.start(consumer, exam.namespace, "1", seconds=PROGRAM_LIMIT)
    second = exam.start(consumer, exam.namespace, "2", seconds=PROGRAM_LIMIT)
    exam.ended(first)
    exam.ended(second)
    exam.expect(20, queue.get_stats().completed)


def _consume(exam: Examiner, queue: RedisTaskQueue, consumer: Path) -> None:
    """One consumer and twenty tasks: all of them done, in order, with few questions."""
    before = _scripts(queue)
    exam.ended(exam.start(consumer, exam.namespace, "1", seconds=PROGRAM_LIMIT))
    asked = _scripts(queue) - before
    stats = queue.get_stats()
    exam.require(
        stats.processing == 0,
        "no task is left in processing",
        f"{stats.processing} were claimed and never reported",
        "Whoever claims a task has to report it: queue.mark_completed(task, {…}).",
    )
    done = queue.tasks("completed")[::-1]
    exam.expect(NUMBERS, [queue.task(each).payload["number"] for each in done])
    exam.expect(
        [{"square": number**2} for number in NUMBERS],
        [queue.result(each) for each in done],
        'The result of a task is {"square": …}, the number times itself: task["number"] ** 2.',
    )
    exam.require(
        asked < MOST_SCRIPTS,
        f"fewer than {MOST_SCRIPTS} questions to Redis",
        f"{asked} of them",
        "It asks again and again while there is nothing to do (busy waiting). Let Redis wait: "
        "give get_task a timeout instead of a loop around timeout=0.",
    )


def _consume_late(exam: Examiner, queue: RedisTaskQueue, consumer: Path) -> None:
    """A consumer that is there before its only task."""
    exam.case(
        "a consumer that starts before there is any task",
        "It left at once, or did not take a task that came a moment later: with timeout=0 get_task "
        "answers at once; timeout=2 waits for the producer.",
    )
    process = exam.start(consumer, exam.namespace, "0", seconds=PROGRAM_LIMIT)
    while not queue.workers() and process.poll() is None:
        time.sleep(0.02)  # it starts, and asks for its first task
    late = queue.add_task({"number": 3})
    exam.ended(process)
    exam.expect({"square": 9}, queue.result(late))


def _scripts(queue: RedisTaskQueue) -> int:
    """How many scripts Redis has run, as it counts them itself."""
    figures = queue.redis.info("commandstats")
    never = {"calls": 0}
    calls = 0
    for command in ("eval", "evalsha"):
        calls += int(figures.get(f"cmdstat_{command}", never)["calls"])
    return calls


EXERCISES = {
    "04-exercise-programs": Exercise(
        hints=(
            "The producer is a loop around queue.add_task({…}). The consumer is a loop, too: take "
            "a task, work out the square, report it; it ends when get_task gives None.",
            "task = queue.get_task(name, timeout=2) waits for two seconds at most, inside Redis. "
            'task["number"] reads the payload.',
            "while task := queue.get_task(name, timeout=2): takes tasks until there is none; the "
            'only line in it is queue.mark_completed(task, {"square": task["number"] ** 2}).',
        ),
        solution={
            "output/lesson-04/producer.py": PRODUCER,
            "output/lesson-04/consumer.py": CONSUMER,
        },
        judge=judge_programs,
        redis=True,
        limit=60.0,
        text=PRODUCER + "\n" + CONSUMER,
    )
}
