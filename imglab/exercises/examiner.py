"""The examiner: what a judge calls while it looks at an answer, and how that becomes a report.

It runs where the answer runs, in the process of `examinee.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from imglab import queues
from imglab.exercises import mistakes
from imglab.exercises.limits import OUT_OF_MEMORY, lift_memory_limit
from imglab.exercises.papers import Report
from imglab.exercises.place import place_of_error
from imglab.exercises.program import Program
from imglab.exercises.same import is_same
from imglab.exercises.words import plain, told, told_error
from imglab.language import tr


class Wrong(Exception):
    """An answer is not what was expected."""

    def __init__(self, expected: str, got: str, hint: str) -> None:
        super().__init__(expected, got, hint)
        self.expected = expected
        self.got = got
        self.hint = hint


class Examiner:
    """What a judge calls: says which case comes, compares, and lends a queue of its own."""

    def __init__(self, url: str = "", namespace: str = "") -> None:
        self.url = url
        self.namespace = namespace
        #: The case that is examined, in words.
        self.given = tr("your answer")
        #: What helps whoever fails in it.
        self.hint = ""
        #: How many comparisons went well.
        self.passed = 0
        #: Called with each case that begins.
        self.tell: Callable[[str], None] = _tell_nobody

    def case(self, given: str, hint: str) -> None:
        """Begin the next case: what it is in words, and the hint for who fails or hangs in it."""
        self.given = given
        self.hint = hint
        self.tell(given)

    def expect(self, expected: object, got: object, hint: str = "") -> None:
        """Compare; a wrong answer ends the examination, with this hint or that of the case."""
        if type(got) is not type(expected) or not is_same(expected, got):
            everybodys = mistakes.of_value(expected, got)
            raise Wrong(told(expected), told(got), everybodys or hint or self.hint)
        self.passed += 1

    def require(self, is_so: object, expected: str, got: str, hint: str = "") -> None:
        """Compare what words say better than values; a wrong answer ends the examination."""
        if not is_so:
            raise Wrong(expected, got, hint or self.hint)
        self.passed += 1

    def queue(self, settings: queues.QueueSettings | None = None) -> queues.RedisTaskQueue:
        """An empty queue in Redis under names of its own, whose keys are gone afterwards."""
        return queues.RedisTaskQueue(url=self.url, namespace=self.namespace, settings=settings)

    def start(self, program: Path, *arguments: str, seconds: float) -> Program:
        """Run a student's program under watch, with IMGLAB_REDIS_URL set; see `ended`."""
        return Program(program, *arguments, seconds=seconds, url=self.url)

    def ended(self, program: Program) -> str:
        """Wait for a program, and return what it printed.

        Wrong when it hung, with the line where it did, and when it raised.
        """
        code = program.wait()
        if program.hung_in:
            got = tr("it still ran, in {place}", place=program.hung_in)
            raise Wrong(tr("the program ends by itself"), got, self.hint)
        if code:
            raise Wrong(tr("the program ends without an error"), program.last_words, self.hint)
        return program.printed


def _tell_nobody(given: str) -> None:
    pass


def examine(lesson: str, name: str, unpack: Callable[[], Any], examiner: Examiner) -> Report:
    """Unpack an answer and let the judge look at it; return how it ended.

    The report says in which case, and what helps.
    """
    exercise = import_module(lesson).EXERCISES[name]
    state = "passed"
    expected = ""
    got = ""
    place = None
    try:
        exercise.judge(unpack(), examiner)
    except Wrong as wrong:
        state = "wrong"
        expected = wrong.expected
        got = wrong.got
        examiner.hint = wrong.hint
    except BaseException as error:  # noqa: BLE001 - an answer raises anything, SystemExit too
        state = "raised"
        got = _told_raised(error)
        examiner.hint = mistakes.of_error(error) or examiner.hint
        place = place_of_error(error)
    return Report(
        state,
        given=plain(examiner.given),
        hint=plain(examiner.hint),
        expected=plain(expected),
        got=plain(got),
        place=place,
        passed=examiner.passed,
    )


def _told_raised(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        lift_memory_limit()
        return f"{type(error).__name__}: {OUT_OF_MEMORY}"
    return told_error(error)
