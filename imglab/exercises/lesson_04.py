"""Lesson 04: producer and consumer as two programs that know of each other through Redis alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imglab.exercises.examiner import Examiner
from imglab.exercises.exercise import Exercise
from imglab.language import tr
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
BUSY_WAITING = tr(
    "It asks again and again while there is nothing to do (busy waiting). Let Redis wait: give "
    "get_task a timeout instead of a loop around timeout=0."
)


#: Seconds that a consumer should let Redis wait before it leaves, and how far off is accepted.
PATIENCE = 2.0
LEAST_PATIENCE = 1.8
MOST_PATIENCE = 2.2
#: Ends what the judge reads of MONITOR.
END_MARK = "imglab-end-of-the-consumer"


def judge_programs(answer: tuple[str, str], exam: Examiner) -> None:
    """The producer alone; a consumer after it, and one that is there first; two at once."""
    producer = project_root() / answer[0]
    consumer = project_root() / answer[1]
    queue = exam.queue()
    _produce(exam, queue, producer)
    _consume(exam, queue, consumer)
    queue.clear()
    _consume_late(exam, queue, consumer)
    queue.clear()
    exam.ended(exam.start(producer, exam.namespace, seconds=PROGRAM_LIMIT))
    _consume_together(exam, queue, consumer)


def _produce(exam: Examiner, queue: RedisTaskQueue, producer: Path) -> None:
    """The producer alone: twenty tasks, in order, under the namespace it was given."""
    exam.case(
        tr("the producer alone"),
        tr(
            "It adds one task for each number from 0 to 19, in this order: for number in "
            'range(20), and the payload is {"number": number}.'
        ),
    )
    with RedisTaskQueue(url=exam.url) as without_namespace:
        before = without_namespace.get_stats().pending
        exam.ended(exam.start(producer, exam.namespace, seconds=PROGRAM_LIMIT))
        strayed = without_namespace.get_stats().pending - before
    added = [queue.task(each).payload.get("number") for each in queue.tasks("pending")]
    exam.require(
        added or strayed < len(NUMBERS),
        tr("20 tasks under the namespace in sys.argv[1]"),
        tr("{count} tasks under no namespace", count=strayed),
        tr(
            "The queue of the first lines has the namespace already: use it as it is. The tasks "
            "that went astray are in the queue of imglab stats; RedisTaskQueue().clear() in a cell "
            "removes them."
        ),
    )
    exam.expect(NUMBERS, added)


def _consume(exam: Examiner, queue: RedisTaskQueue, consumer: Path) -> None:
    """One consumer and twenty tasks: all of them done, in order, with few questions."""
    exam.case(
        tr("a consumer alone, after the producer"),
        tr(
            'task["number"] reads a payload, and mark_completed(task, {…}) reports a dict. It has '
            "to end by itself: get_task(name, timeout=2) gives None after two seconds without a "
            "task, and that is the moment to leave the loop."
        ),
    )
    before = _scripts(queue)
    with queue.redis.monitor() as monitor:
        exam.ended(exam.start(consumer, exam.namespace, "1", seconds=PROGRAM_LIMIT))
        queue.redis.echo(END_MARK)
        rest = _after_the_last_task(monitor, exam.namespace)
    asked = _scripts(queue) - before
    stats = queue.get_stats()
    exam.require(
        stats.processing == 0,
        tr("no task is left in processing"),
        tr("{count} were claimed and never reported", count=stats.processing),
        tr("Whoever claims a task has to report it: queue.mark_completed(task, {…})."),
    )
    done = queue.tasks("completed")[::-1]
    exam.expect(NUMBERS, [queue.task(each).payload["number"] for each in done])
    exam.expect(
        [{"square": number**2} for number in NUMBERS],
        [queue.result(each) for each in done],
        tr('The result of a task is {"square": …}, the number times itself: task["number"] ** 2.'),
    )
    exam.require(
        asked < MOST_SCRIPTS,
        tr("fewer than {count} questions to Redis", count=MOST_SCRIPTS),
        tr("{count} of them", count=asked),
        BUSY_WAITING,
    )
    _judge_patience(exam, rest)


@dataclass
class Rest:
    """What a consumer did after its last task, as MONITOR tells it."""

    #: When the last task was completed, in seconds of the server's clock.
    began: float = 0.0
    #: When the last wait inside Redis was over, or would have been; the same clock.
    ended: float = 0.0
    #: Seconds of all its waits inside Redis.
    waited: float = 0.0


def _after_the_last_task(monitor: Any, namespace: str) -> Rest:
    """What was asked of Redis since the last task was completed.

    A wait is as long as it was asked for, or shorter when somebody rang.
    """
    rest = Rest()
    asked = 0.0
    since = 0.0
    waiting = ""
    for line in monitor.listen():
        command = line["command"]
        is_end = END_MARK in command
        client = f"{line['client_address']}:{line['client_port']}"
        # Whatever others do meanwhile: a wait is over with the next command of who waits.
        if asked and (is_end or client == waiting):
            length = min(asked, line["time"] - since)
            rest.ended = since + length
            rest.waited += length
            asked = 0.0
        if is_end:
            break
        if command.startswith("XADD") and namespace in command and " completed " in command:
            rest = Rest(began=line["time"])
        if command.startswith("BLPOP") and namespace in command:
            asked = float(command.split()[-1])
            since = line["time"]
            waiting = client
    return rest


def _judge_patience(exam: Examiner, rest: Rest) -> None:
    """Two seconds in all, however many calls they are made of.

    On a busy machine what the consumer does between its last report and a wait, and between two
    waits, is part of the two seconds: so from its report to its end it must not be less, and the
    waits together must not be more.
    """
    exam.case(
        tr("how long the consumer lets Redis wait after its last task"),
        tr("It waits for two seconds, no more and no less: get_task(name, timeout=2)."),
    )
    exam.require(
        rest.waited,
        tr("{seconds:g} seconds", seconds=PATIENCE),
        tr("it never lets Redis wait"),
        BUSY_WAITING,
    )
    is_long_enough = rest.ended - rest.began > LEAST_PATIENCE
    is_right = is_long_enough and rest.waited < MOST_PATIENCE
    exam.require(
        is_right,
        tr("{seconds:g} seconds", seconds=PATIENCE),
        tr("about {seconds:.0f}", seconds=rest.waited),
    )


def _consume_late(exam: Examiner, queue: RedisTaskQueue, consumer: Path) -> None:
    """A consumer that is there before its only task."""
    exam.case(
        tr("a consumer that starts before there is any task"),
        tr(
            "It left at once, or did not take a task that came a moment later: with timeout=0 "
            "get_task answers at once; timeout=2 waits for the producer."
        ),
    )
    process = exam.start(consumer, exam.namespace, "0", seconds=PROGRAM_LIMIT)
    while not queue.workers() and process.poll() is None:
        time.sleep(0.02)  # it starts, and asks for its first task
    late = queue.add_task({"number": 3})
    exam.ended(process)
    exam.expect({"square": 9}, queue.result(late))


def _consume_together(exam: Examiner, queue: RedisTaskQueue, consumer: Path) -> None:
    """Two consumers at once: each task once, and each consumer under its own name."""
    exam.case(
        tr("two consumers at once, after the producer"),
        tr("Both have to take tasks, and each task is completed once."),
    )
    first = exam.start(consumer, exam.namespace, "1", seconds=PROGRAM_LIMIT)
    second = exam.start(consumer, exam.namespace, "2", seconds=PROGRAM_LIMIT)
    exam.ended(first)
    exam.ended(second)
    exam.expect(20, queue.get_stats().completed)
    names = sorted(queue.workers())
    exam.require(
        len(names) == 2,
        tr("two workers with a name each"),
        tr("{count}, named {names}", count=len(names), names=", ".join(names)),
        tr(
            "Both consumers use one name, so nobody can tell who has which task. The second "
            "argument, sys.argv[2], is there to tell them apart."
        ),
    )


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
        task=tr(
            "Write two programs that know each other only through a queue in Redis. The producer "
            'adds 20 tasks {"number": 0} to {"number": 19}. The consumer takes tasks as they come '
            'and reports {"square": …} of each number; it ends when no task has come for two '
            "seconds, and lets Redis do the waiting."
        ),
        hints=(
            tr(
                "The producer is a loop around queue.add_task({…}). The consumer is a loop, too: "
                "take a task, work out the square, report it; it ends when get_task gives None."
            ),
            tr(
                "task = queue.get_task(name, timeout=2) waits for two seconds at most, inside "
                'Redis. task["number"] reads the payload.'
            ),
            tr(
                "while task := queue.get_task(name, timeout=2): takes tasks until there is none; "
                'the only line in it is queue.mark_completed(task, {"square": task["number"] ** '
                "2})."
            ),
        ),
        solution={
            "output/lesson-04/producer.py": PRODUCER,
            "output/lesson-04/consumer.py": CONSUMER,
        },
        judge=judge_programs,
        redis=True,
        limit=60.0,
        tells_cases=True,
        text=PRODUCER + "\n" + CONSUMER,
    )
}
