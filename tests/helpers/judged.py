"""Exercises for tests of examinations, each passed by whoever says two.

They stand alone, for each examination is a process that imports them, and nothing else of a test.
"""

from __future__ import annotations

from dataclasses import replace

from imglab.exercises.examiner import Examiner
from imglab.exercises.exercise import Exercise

#: The exercise of most tests, and one that takes long and says where it is.
NAME = "05-exercise-enough"
TELLING = "05-exercise-telling"
#: Seconds that an examination may take: more than a busy machine needs.
LIMIT = 40.0


def judge_two(answer, exam: Examiner) -> None:
    """Call the answer once."""
    exam.case("nothing", "It is two.")
    exam.expect(2, answer())


def judge_three(answer, exam: Examiner) -> None:
    """Call the answer in three cases."""
    for number in (1, 2, 3):
        exam.case(f"case {number}", "It is two.")
        exam.expect(2, answer(number))


TWO = Exercise("Return 2.", hints=("a", "b", "c"), solution=2, judge=judge_two, limit=LIMIT)
EXERCISES = {NAME: TWO, TELLING: replace(TWO, judge=judge_three, tells_cases=True)}
