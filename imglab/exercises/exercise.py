"""Exercises in a notebook: `check` an answer, get a `hint`, see a `solution`; nobody is stuck.

What is asked, and who judges it, stands beside this file, one file a lesson. Nothing here raises
for a student's mistake: a verdict is a text.
"""

from __future__ import annotations

import secrets
import sys
import textwrap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from imglab import server
from imglab.console import magics
from imglab.errors import ImglabError
from imglab.exercises import examination
from imglab.exercises.answer import CannotTravel, has_dots, packed, shown, source
from imglab.exercises.examiner import Examiner
from imglab.exercises.papers import Report, Request
from imglab.queues import RedisTaskQueue

#: Exercises that passed in this notebook.
_passed = set[str]()
#: Exercise → how many hints were given.
_hinted = dict[str, int]()
#: Exercise → the source of the last answer.
_sources = dict[str, str]()
#: Letters of a line of a verdict.
VERDICT_WIDTH = 96


@dataclass(frozen=True)
class Exercise:
    """One exercise: its hints, its solution, and its judge."""

    #: From a nudge to nearly everything.
    hints: tuple[str, str, str]
    #: A function, a class, a value; or files, {path below output/: text}, handed in as paths.
    solution: Any
    judge: Callable[[Any, Examiner], None]
    #: Whether the judge needs a Redis.
    redis: bool = False
    #: Seconds the whole examination may take.
    limit: float = 10.0
    #: The solution as text, where it cannot be read from the code of `solution`.
    text: str = ""

    def source(self) -> str:
        """The solution as a person reads it."""
        return self.text or source(self.solution)


@dataclass(frozen=True)
class Verdict:
    """What the examiner says, as a notebook shows it."""

    exercise: str
    #: passed, not started, wrong, raised or hung.
    state: str
    lines: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        if self.state == "passed":
            return f"PASSED {self.exercise}: {self.lines['passed']} of {self.lines['passed']}"
        head = f"Not yet: {self.exercise}"
        if self.state == "not started":
            return f"{head} is not started. Put your code in place of the dots (...)."
        body = [
            textwrap.fill(f"{word:10}{text}", VERDICT_WIDTH, subsequent_indent=" " * 10)
            for word, text in self.lines.items()
            if text
        ]
        return "\n".join([head, *body])


def check(name: str, answer: object) -> Verdict:
    """Examine an answer; return the verdict: passed, or the first case that fails, and what helps.

    It runs in a process of its own with a time limit. ImglabError for an exercise that is none.
    """
    exercise = _exercise(name)
    code = source(answer)
    _sources[name] = code
    if answer is ... or has_dots(code):
        return Verdict(name, "not started")
    try:
        carried = packed(answer)
    except CannotTravel as error:
        advice = "Take what the answer needs as a parameter: it runs in another process."
        return Verdict(name, "wrong", {"got": str(error), "hint": advice})
    report = _examine(name, exercise, carried)
    if report.state == "passed":
        _passed.add(name)
        return Verdict(name, "passed", {"passed": str(report.passed)})
    _passed.discard(name)
    got = report.got
    if report.place:
        got += f", in {shown(answer, report.place)}"
    # Of an answer that broke its own examination nobody knows the case, and so its hint.
    first = exercise.hints[0]
    lines = {
        "given": report.given,
        "expected": report.expected,
        "got": got,
        "hint": report.hint or first,
    }
    return Verdict(name, report.state, lines)


def hint(name: str) -> None:
    """Print the next of three hints; after the third, how to see a solution."""
    hints = _exercise(name).hints
    number = _hinted.get(name, 0)
    _hinted[name] = number + 1
    if number < len(hints):
        print(f"Hint {number + 1} of {len(hints)}: {hints[number]}")  # noqa: T201
    else:
        print(f'That was the last hint; solution("{name}") shows one way to do it.')  # noqa: T201


def solution(name: str) -> None:
    """Print one way to do it, below the student's own, if `check` has seen one."""
    theirs = _sources.get(name, "")
    if theirs:
        print("Yours:\n\n" + textwrap.indent(theirs.rstrip(), "    "))  # noqa: T201
    print("\nOne way:\n\n" + textwrap.indent(_exercise(name).source().rstrip(), "    "))  # noqa: T201


def use(name: str, answer: Any) -> Any:
    """Return the student's answer if it has passed; else our own, and say so.

    Files of ours take the place of the student's, which the cell that saved them brings back.
    """
    if name in _passed:
        return answer
    print(f"{name} has not passed yet, so what follows uses our solution.")  # noqa: T201
    ours = _exercise(name).solution
    are_files = isinstance(ours, dict) and all(str(path).startswith("output/") for path in ours)
    if not are_files:
        return ours
    for path, text in ours.items():
        # The dots: `check` must not take it for the student's own.
        magics.save(path, f"{text}\n...  # not yours: run the cell of the exercise again\n")
    return answer


def _module(name: str) -> str:
    return f"imglab.exercises.lesson_{name[:2]}"


def _exercise(name: str) -> Exercise:
    with suppress(ImportError, KeyError):
        exercise: Exercise = import_module(_module(name)).EXERCISES[name]
        return exercise
    raise ImglabError(f"There is no exercise {name!r:.60}: copy its name from the lesson.")


def _examine(name: str, exercise: Exercise, carried: bytes) -> Report:
    url = ""
    if exercise.redis:
        url = server.ensure().url
    namespace = f"exercise-{secrets.token_hex(6)}:"
    request = Request(
        paths=sys.path,
        lesson=_module(name),
        name=name,
        url=url,
        namespace=namespace,
        limit=exercise.limit,
        answer=carried,
    )
    try:
        return examination.examine(request)
    finally:
        if url:
            _tidy(url, namespace)


def _tidy(url: str, namespace: str) -> None:
    """Remove what an examination left in Redis, however it ended."""
    with (
        suppress(ImglabError),  # the answer may have stopped Redis: the verdict counts
        RedisTaskQueue(url=url, namespace=namespace) as queue,
    ):
        queue.delete_namespace()
