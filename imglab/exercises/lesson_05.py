"""Lesson 05: how many workers are enough, and what keeps more of them from helping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from imglab.exercises.examiner import Examiner
from imglab.exercises.exercise import Exercise
from imglab.language import tr

Enough = Callable[[Mapping[int, float], int], tuple[int, str]]


def enough(rates, cores):
    first = rates[1]
    counts = sorted(rates)
    for workers, more in zip(counts, counts[1:]):
        if rates[more] - rates[workers] < 0.1 * first:
            if workers == cores:
                return workers, "cores"
            return workers, "something else"
    return counts[-1], "not yet"


class Case(NamedTuple):
    """A curve, and what it means."""

    #: Workers → tasks a second.
    rates: dict[int, float]
    cores: int
    expected: tuple[int, str]
    hint: str


FIRST = Case(
    {1: 10.0, 2: 19.6, 3: 19.9},
    2,
    (2, "cores"),
    tr(
        "Go up the numbers of workers in pairs: 1 and 2, 2 and 3. At the first pair that gains "
        "less than 0.1 × rates[1], stop: the smaller number of that pair is enough."
    ),
)
CASES = (
    Case(
        {1: 10.0, 2: 19.0, 3: 27.0, 4: 34.0},
        8,
        (4, "not yet"),
        tr(
            "Each step gains more than 1.0, a tenth of the first worker's rate. Compare with that, "
            'and not with the rate before; a curve that never stops gives its last number and "not '
            'yet".'
        ),
    ),
    Case(
        {1: 10.0, 2: 19.0, 3: 20.5},
        8,
        (3, "not yet"),
        tr(
            "The third worker adds 1.5, which is more than 1.0: the measure is a tenth of what one "
            "worker does alone, rates[1], at every step."
        ),
    ),
    Case(
        {1: 10.0, 2: 14.0, 3: 14.5, 4: 14.6},
        8,
        (2, "something else"),
        tr(
            'It ends at 2 workers on 8 cores: then it is not the cores that stop it. "something '
            'else" may be a lock, a disk, or Redis.'
        ),
    ),
    Case(
        {1: 10.0, 2: 11.0, 3: 11.5},
        8,
        (2, "something else"),
        tr(
            "The second worker adds 1.0, exactly a tenth of what one does alone. At least a tenth "
            "is worth it; only less than a tenth is not."
        ),
    ),
    Case(
        {1: 10.0, 2: 19.0, 3: 19.95},
        2,
        (2, "cores"),
        tr("The third worker adds 0.95: nearly a tenth of what one does alone, and still less."),
    ),
    Case(
        {1: 10.0, 2: 20.0, 3: 29.0, 4: 36.0, 5: 36.1},
        2,
        (4, "something else"),
        tr(
            "It stops at 4 workers, and there are 2 cores: whatever stops it, it is not their "
            'number. "cores" is right only where the two are equal.'
        ),
    ),
    Case(
        {1: 10.0, 2: 18.0, 3: 17.0, 4: 19.5},
        4,
        (2, "something else"),
        tr(
            "From 2 to 3 workers the rate falls, and a fall, too, is a gain of less than a tenth: "
            "stop at the first such step, whatever comes after it."
        ),
    ),
)


def judge_enough(answer: Enough, exam: Examiner) -> None:
    """Curves that end at the cores, before them, beyond them, not at all, and in a dip."""
    exam.case(f"rates = {FIRST.rates}, cores = {FIRST.cores}", FIRST.hint)
    got = answer(FIRST.rates, FIRST.cores)
    if isinstance(got, tuple) and len(got) == 2 and got[0] == 3:
        exam.expect(
            FIRST.expected,
            got,
            tr(
                "3 has the highest rate, or is the first worker that adds nothing; neither was "
                "asked: the answer is the number before it, after which more did not pay."
            ),
        )
    exam.expect(FIRST.expected, got)
    for case in CASES:
        exam.case(f"rates = {case.rates}, cores = {case.cores}", case.hint)
        exam.expect(case.expected, answer(case.rates, case.cores))


EXERCISES = {
    "05-exercise-enough": Exercise(
        task=tr(
            "Write enough(rates, cores). rates says how many tasks a second so many workers do, "
            "such as {1: 10.0, 2: 19.6, 3: 19.9}. Start with one worker. One more is worth it if "
            "it raises the rate by at least rates[1] / 10; stop at the first that is not. It "
            'returns a pair: how many workers are enough, and why: "cores" if that is the number '
            'of cores, else "something else"; if every step pays, "not yet".'
        ),
        hints=(
            tr(
                "Put the numbers of workers in order, and look at each of them beside the next one."
            ),
            tr(
                "zip(counts, counts[1:]) gives these pairs. The gain of a pair is rates[more] - "
                "rates[workers]; compare it with 0.1 * rates[1]."
            ),
            tr(
                'At the first small gain, return workers and "cores" if workers == cores else '
                '"something else". After the loop, nothing stopped: counts[-1] and "not yet".'
            ),
        ),
        solution=enough,
        judge=judge_enough,
    )
}
