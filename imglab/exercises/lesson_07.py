"""Lesson 07: a claim that takes high first, and lets nobody starve."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from imglab.exercises.examiner import Examiner
from imglab.exercises.exercise import Exercise
from imglab.exercises.lines_of_tasks import LinesOfTasks
from imglab.language import tr
from imglab.queues import RedisTaskQueue
from imglab.queues.vocabulary import PRIORITIES

ClaimNext = Callable[[Any, Sequence[str], int], str | None]

#: Claims of a seeded load.
LOAD_CLAIMS = 120
SEEDS = (1, 2, 3)

IN_ORDER = tr(
    "Ask the lines one after the other, lines[0] first: r.rpop(line) takes the oldest task of "
    "a line, or gives None when the line is empty; then ask the next."
)
EMPTY_LINES = tr(
    "Some lines are empty here. None from r.rpop(line) means: ask another line. That holds for "
    "the claims that begin with another line, too: they go on through all three."
)
FLOODED = tr(
    "High tasks come as fast as they are taken, so whoever always asks high first never asks "
    "the others. Every 8th claim (number % 8) has to begin with another line."
)
COUNTED = tr(
    "Two queues are served in turn, and each has a number of its own: `number` says how many "
    "claims this queue has seen. A counter in your program counts the claims of both; and of "
    "another worker's claims it knows nothing."
)
RACE = tr(
    "Another worker claimed between two commands of yours. LLEN or LINDEX only tell what was "
    "true a moment ago; r.rpop(line) looks and takes in one step, and its None says: ask the "
    "next line."
)


def claim_next(r, lines, number):
    high, normal, low = lines
    order = [high, normal, low]
    if number % 16 == 7:
        order = [low, normal, high]
    if number % 16 == 15:
        order = [normal, low, high]
    for line in order:
        task_id = r.rpop(line)
        if task_id:
            return task_id
    return None


def judge_claim(answer: ClaimNext, exam: Examiner) -> None:
    """Short lines, empty lines, a flood, two queues, seeded loads, another worker in between."""
    queue = exam.queue()
    exam.case(tr("four tasks in each line, twelve claims"), IN_ORDER)
    with LinesOfTasks(exam, queue, answer) as lines:
        for level in PRIORITIES:
            lines.add(level, 4)
        lines.claim(times=12)
        lines.expect_no_other_key()
    exam.case(tr("only one line has tasks, twenty claims; each line once"), EMPTY_LINES)
    for level in PRIORITIES:
        with LinesOfTasks(exam, queue, answer) as lines:
            lines.add(level, 20)
            lines.claim(times=21)
    exam.case(tr("20 normal and 20 low wait, a high one comes before each of 64 claims"), FLOODED)
    with LinesOfTasks(exam, queue, answer) as lines:
        lines.add("normal", 20)
        lines.add("low", 20)
        for _ in range(64):
            lines.add("high")
            lines.claim()
    _judge_two_queues(answer, exam, queue)
    for seed in SEEDS:
        exam.case(
            tr(
                "seeded load {seed}: {claims} claims, tasks of all levels come",
                seed=seed,
                claims=LOAD_CLAIMS,
            ),
            FLOODED,
        )
        _judge_seeded_load(answer, exam, queue, seed)
    exam.case(tr("another worker claims between two commands of yours"), RACE)
    for number in range(16):
        with LinesOfTasks(exam, queue, answer, claims_before=number) as lines:
            for level in PRIORITIES:
                lines.add(level, 2)
            lines.claim(times=6, others_claim_between=True)


def _judge_two_queues(answer: ClaimNext, exam: Examiner, queue: RedisTaskQueue) -> None:
    exam.case(
        tr("two queues flooded with high tasks, claims in turn from one and the other"), COUNTED
    )
    second = RedisTaskQueue(url=exam.url, namespace=exam.namespace, name="second")
    with (
        second,
        LinesOfTasks(exam, queue, answer, hint_for_turns=COUNTED) as one,
        LinesOfTasks(exam, second, answer, hint_for_turns=COUNTED) as other,
    ):
        for lines in (one, other):
            lines.add("normal", 10)
            lines.add("low", 10)
        for _ in range(48):
            for lines in (one, other):
                lines.add("high")
                lines.claim()


def _judge_seeded_load(answer: ClaimNext, exam: Examiner, queue: RedisTaskQueue, seed: int) -> None:
    """Batches of all levels, so that each line is long, short and empty in turn."""
    chance = random.Random(seed)
    with LinesOfTasks(exam, queue, answer, claims_before=seed * 1000) as lines:
        for _ in range(LOAD_CLAIMS):
            if chance.random() < 0.3:
                level = chance.choices(PRIORITIES, weights=(5, 2, 2))[0]
                lines.add(level, chance.randrange(1, 6))
            lines.claim()


EXERCISES = {
    "07-exercise-claim": Exercise(
        task=(
            tr(
                "Write claim_next(r, lines, number). r is a client of Redis; lines are the names "
                "of three lists, for high, normal and low, filled with LPUSH; number says how many "
                "tasks were claimed from these lists before. It takes one task out of its line and "
                "returns its id, or None when all three are empty. First in, first out inside a "
                "line. Of any eight claims in a row, at most one may take a task while one of a "
                "higher level waits. A line with tasks in it gets at least one of any sixteen "
                "claims in a row. Nothing is put back, no other key is used, and other workers "
                "claim at the same time."
            )
        ),
        hints=(
            tr(
                "Most claims ask the lines in their order and take the first task they get: a loop "
                "over lines with r.rpop(line) in it. What must differ in every 8th claim?"
            ),
            tr(
                "number % 8 == 7 is true for every 8th claim. There are two other lines, and each "
                "needs its turn: number % 16 is 7 for one half of these claims and 15 for the "
                "other."
            ),
            tr(
                "Choose the order first: [low, normal, high] when number % 16 == 7, [normal, low, "
                "high] when it is 15, else [high, normal, low]. Then loop over it, and return the "
                "first id that r.rpop(line) gives."
            ),
        ),
        solution=claim_next,
        judge=judge_claim,
        redis=True,
        limit=30.0,
    )
}
