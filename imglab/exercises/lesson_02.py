"""Lesson 02: which way for which filter, judged by measured rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from imglab.exercises.examiner import Examiner
from imglab.exercises.exercise import Exercise
from imglab.language import tr

Choose = Callable[[Mapping[str, float]], str]


def choose(rates):
    best = max(rates.values())
    for way in ("one", "threads", "processes"):
        if rates[way] >= 0.9 * best:
            return way


class Case(NamedTuple):
    """A filter, and what its figures mean."""

    #: Way → pictures a second.
    rates: dict[str, float]
    #: The cheapest way that is good enough.
    way: str
    hint: str


CASES = (
    Case(
        {"one": 10.0, "threads": 9.0, "processes": 17.0},
        "processes",
        tr("Rates are pictures a second: more is better, and 17 is far above the other two."),
    ),
    Case(
        {"one": 10.0, "threads": 19.0, "processes": 19.5},
        "threads",
        tr(
            "Threads reach 19.0 of 19.5, more than 90 %, and cost less than processes: take the "
            "cheapest way that is good enough, which need not be the fastest."
        ),
    ),
    Case(
        {"one": 500.0, "threads": 520.0, "processes": 210.0},
        "one",
        tr(
            "One by one reaches 500 of 520, more than 90 % of the best: then nothing else is worth "
            'its price. "one" is an answer, too, and the cheapest.'
        ),
    ),
    Case(
        {"one": 10.0, "threads": 15.0, "processes": 19.5},
        "processes",
        tr(
            "Threads beat one by one here, but reach only 15.0 of 19.5. Compare each way with the "
            "best of the three."
        ),
    ),
    Case(
        {"one": 10.0, "threads": 20.0, "processes": 11.0},
        "threads",
        tr(
            "Here threads are the best of the three, and processes are not. Compare each way with "
            "the largest rate, whichever way has it."
        ),
    ),
    Case(
        {"one": 17.0, "threads": 20.0, "processes": 19.0},
        "threads",
        tr("17 is 85 % of 20: near, and not near enough. Good enough begins at 90 %."),
    ),
    Case(
        {"one": 18.0, "threads": 20.0, "processes": 20.0},
        "one",
        tr("18 is 90 % of 20, exactly: at least 90 % means >=, not >."),
    ),
)


def judge_choice(answer: Choose, exam: Examiner) -> None:
    """A filter for each way, and some just at the limit."""
    for case in CASES:
        exam.case(f"rates = {case.rates}", case.hint)
        exam.expect(case.way, answer(case.rates))


EXERCISES = {
    "02-exercise-choose": Exercise(
        task=tr(
            'Write choose(rates). rates has three numbers, pictures a second, such as {"one": '
            '10.0, "threads": 19.0, "processes": 19.5}. It returns the cheapest way that reaches '
            'at least 90 % of the best of the three. "one" is the cheapest, then "threads", then '
            '"processes".'
        ),
        hints=(
            tr("What is the best rate of the three? Everything is compared with it."),
            tr(
                'Go through ("one", "threads", "processes"), from the cheapest to the most '
                "expensive: the first of them that is good enough is the answer."
            ),
            tr("Good enough means rates[way] >= 0.9 * max(rates.values())."),
        ),
        solution=choose,
        judge=judge_choice,
    )
}
