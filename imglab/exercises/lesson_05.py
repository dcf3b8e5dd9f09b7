"""Lesson 05: how many workers are enough, and what keeps more of them from helping."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from imglab.exercises.examiner import Examiner
from imglab.exercises.exercise import Exercise

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


def judge_enough(answer: Enough, exam: Examiner) -> None:
    """Curves that end at the cores, before them, not at all, and in a dip."""
    two = {1: 10.0, 2: 19.6, 3: 19.9}
    exam.case(
        f"rates = {two}, cores = 2",
        "Go up the numbers of workers in pairs: 1 and 2, 2 and 3. At the first pair that gains "
        "less than 0.1 × rates[1], stop: the smaller number of that pair is enough.",
    )
    got = answer(two, 2)
    if isinstance(got, tuple) and len(got) == 2 and got[0] == 3:
        exam.expect(
            (2, "cores"),
            got,
            "3 has the highest rate, or is the first worker that adds nothing; neither was asked: "
            "the answer is the number before it, after which more did not pay.",
        )
    exam.expect((2, "cores"), got)
    growing = {1: 10.0, 2: 19.0, 3: 27.0, 4: 34.0}
    exam.case(
        f"rates = {growing}, cores = 8",
        "Each step gains more than 1.0, a tenth of the first worker's rate. Compare with that, and "
        'not with the rate before; a curve that never stops gives its last number and "not yet".',
    )
    exam.expect((4, "not yet"), answer(growing, 8))
    slow = {1: 10.0, 2: 19.0, 3: 20.5}
    exam.case(
        f"rates = {slow}, cores = 8",
        "The third worker adds 1.5, which is more than 1.0: the measure is a tenth of what one "
        "worker does alone, rates[1], at every step.",
    )
    exam.expect((3, "not yet"), answer(slow, 8))
    flat = {1: 10.0, 2: 14.0, 3: 14.5, 4: 14.6}
    exam.case(
        f"rates = {flat}, cores = 8",
        'It ends at 2 workers on 8 cores: then it is not the cores that stop it. "something else" '
        "may be a lock, a disk, or Redis.",
    )
    exam.expect((2, "something else"), answer(flat, 8))
    exact = {1: 10.0, 2: 11.0, 3: 11.5}
    exam.case(
        f"rates = {exact}, cores = 8",
        "The second worker adds 1.0, exactly a tenth of what one does alone. At least a tenth is "
        "worth it; only less than a tenth is not.",
    )
    exam.expect((2, "something else"), answer(exact, 8))
    beyond = {1: 10.0, 2: 20.0, 3: 29.0, 4: 36.0, 5: 36.1}
    exam.case(
        f"rates = {beyond}, cores = 2",
        "It stops at 4 workers, and there are 2 cores: whatever stops it, it is not their number. "
        '"cores" is right only where the two are equal.',
    )
    exam.expect((4, "something else"), answer(beyond, 2))
    dip = {1: 10.0, 2: 18.0, 3: 17.0, 4: 19.5}
    exam.case(
        f"rates = {dip}, cores = 4",
        "From 2 to 3 workers the rate falls, and a fall, too, is a gain of less than a tenth: stop "
        "at the first such step, whatever comes after it.",
    )
    exam.expect((2, "something else"), answer(dip, 4))


EXERCISES = {
    "05-exercise-enough": Exercise(
        task=(
            "Write enough(rates, cores). rates says how many tasks a second so many workers "
            "do, such as {1: 10.0, 2: 19.6, 3: 19.9}. Start with one worker. One more is "
            "worth it if it raises the rate by at least rates[1] / 10; stop at the first "
            "that is not. It gives back a pair: how many workers are enough, and why: "
            '"cores" if that is the number of cores, else "something else"; if every step '
            'pays, "not yet".'
        ),
        hints=(
            "Put the numbers of workers in order, and look at each of them beside the next one.",
            "zip(counts, counts[1:]) gives these pairs. The gain of a pair is "
            "rates[more] - rates[workers]; compare it with 0.1 * rates[1].",
            'At the first small gain, return workers and "cores" if workers == cores else '
            '"something else". After the loop, nothing stopped: counts[-1] and "not yet".',
        ),
        solution=enough,
        judge=judge_enough,
    )
}
