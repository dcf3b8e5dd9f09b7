"""Exercises in a notebook: `check` an answer, get a `hint`, see a `solution`; nobody is stuck.

What is asked, and who judges it, stands beside this file, one file a lesson. Nothing here raises
for a student's mistake: a verdict is a text.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import textwrap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from imglab import console, queues, server
from imglab.errors import ImglabError
from imglab.exercises import examination, mistakes, progress
from imglab.exercises.answer import CannotTravel, is_not_started, origin, packed, shown, source
from imglab.exercises.examiner import Examiner
from imglab.exercises.papers import Report, Request
from imglab.exercises.verdict import Verdict
from imglab.exercises.words import told
from imglab.language import tr
from imglab.text import wrapped

#: Exercises that passed in this notebook, each with the mark of the answer that did.
_passed = set[tuple[str, str]]()
#: Exercise → how many hints were given.
_hinted = dict[str, int]()
#: Exercise → the source of the last answer.
_sources = dict[str, str]()
#: Exercise → its last verdict, as text.
_verdicts = dict[str, str]()
#: The names of the four above: what a notebook forgets when it is restarted.
EXERCISE_STATE = ("_passed", "_hinted", "_sources", "_verdicts")


@dataclass(frozen=True)
class Exercise:
    """One exercise: its task, its hints, its solution, and its judge."""

    #: What is to be written, in a sentence or two: for a tutor who does not see the lesson.
    task: str
    #: From a nudge to nearly everything.
    hints: tuple[str, str, str]
    #: A function, a class, a value; or files, {path below output/: text}, handed in as paths.
    solution: Any
    judge: Callable[[Any, Examiner], None]
    #: Whether the judge needs a Redis.
    redis: bool = False
    #: Seconds the whole examination may take.
    limit: float = 10.0
    #: Whether each case is said as it begins: where a right answer, too, takes many seconds.
    tells_cases: bool = False
    #: The solution as text, where it cannot be read from the code of `solution`.
    text: str = ""

    def source(self) -> str:
        """The solution as a person reads it."""
        return self.text or source(self.solution)


def check(name: str, answer: object) -> Verdict:
    """Examine an answer; return the verdict: passed, or the first case that fails, and what helps.

    It runs in a process of its own with a time limit. ImglabError for an exercise that is none.
    """
    exercise = find(name)
    code = source(answer)
    _sources[name] = code
    verdict = _verdict(name, exercise, answer, code)
    _verdicts[name] = repr(verdict)
    mark = _mark_of(answer, code)
    _passed.discard((name, mark))
    if verdict.state == "passed":
        _passed.add((name, mark))
    progress.write_down("checked", name, verdict.state, code=mark)
    return verdict


def _verdict(name: str, exercise: Exercise, answer: object, code: str) -> Verdict:
    if answer is ... or is_not_started(code):
        return Verdict(name, "not started")
    checked = origin(answer)
    if callable(exercise.solution) and not callable(answer):
        lines = {"expected": tr("a function"), "got": told(answer), "hint": mistakes.ONLY_CALLED}
        return Verdict(name, "wrong", checked, lines)
    try:
        carried = packed(answer)
    except CannotTravel as error:
        advice = tr("Take what the answer needs as a parameter: it runs in another process.")
        return Verdict(name, "wrong", checked, {"got": str(error), "hint": advice})
    report = _examine(name, exercise, carried)
    if report.state == "passed":
        # Not for a file: the moment when it was saved would be another in each run of a lesson.
        checked = checked if callable(answer) else ""
        return Verdict(name, "passed", checked, {"passed": str(report.passed)})
    got = report.got
    if report.place:
        got = tr("{got}, in {place}", got=got, place=shown(answer, report.place))
    # Of an answer that broke its own examination nobody knows the case, and so its hint.
    first = exercise.hints[0]
    lines = {
        "given": report.given,
        "expected": report.expected,
        "got": got,
        "hint": report.hint or first,
    }
    return Verdict(name, report.state, checked, lines)


def task_of(name: str) -> str:
    """What an exercise asks for. ImglabError for an exercise that is none."""
    return find(name).task


def last_answer(name: str) -> str:
    """The code of the answer that was checked last; "" before the first check."""
    return _sources.get(name, "")


def last_verdict(name: str) -> str:
    """What the last check said; "" before the first one."""
    return _verdicts.get(name, "")


def has_passed(name: str, answer: object) -> bool:
    """Whether this very answer passed: in this notebook, or in an earlier run of it."""
    mark = _mark_of(answer, source(answer))
    return (name, mark) in _passed or mark in progress.passed_codes(name)


def _mark_of(answer: object, code: str) -> str:
    """What an answer is known by: its code; one without any is known in this notebook alone."""
    if not code:
        return f"{os.getpid()}-{id(answer)}"
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()[:16]


def hint(name: str) -> None:
    """Print the next of three hints; after the third, how to see a solution."""
    hints = find(name).hints
    number = _hinted.get(name, 0)
    _hinted[name] = number + 1
    progress.write_down("hinted", name)
    if number < len(hints):
        words = tr(
            "Hint {number} of {count}: {hint}",
            number=number + 1,
            count=len(hints),
            hint=hints[number],
        )
    else:
        words = tr('That was the last hint; solution("{name}") shows one way to do it.', name=name)
    print(wrapped(words))  # noqa: T201


def solution(name: str) -> None:
    """Print one way to do it, below the student's own, if `check` has seen one."""
    exercise = find(name)
    theirs = _sources.get(name, "")
    if theirs:
        print(tr("Yours:") + "\n\n" + textwrap.indent(theirs.rstrip(), "    "))  # noqa: T201
    ours = textwrap.indent(exercise.source().rstrip(), "    ")
    print("\n" + tr("One way:") + "\n\n" + ours)  # noqa: T201


def use(name: str, answer: Any) -> Any:
    """Return the student's answer if it has passed; else our own, and say so.

    Files of ours go into a folder of their own, which Python then searches first: the student's
    files stay as they are. For files, what comes back is the path, or the paths, to work with.
    """
    ours = find(name).solution
    if has_passed(name, answer):
        return answer
    words = tr("{name} has not passed yet, so what follows uses our solution.", name=name)
    print(wrapped(words))  # noqa: T201
    if not _are_files(ours):
        return ours
    paths = [_save_ours(path, text) for path, text in ours.items()]
    return paths[0] if len(paths) == 1 else tuple(paths)


def _are_files(solution: Any) -> bool:
    return isinstance(solution, dict) and all(str(path).startswith("output/") for path in solution)


def _save_ours(path: str, text: str) -> str:
    """Write a file of ours beside the student's folder, and return its path."""
    folder, _, file = path.rpartition("/")
    ours = f"{folder}/ours/{file}"
    console.save(ours, text)
    return ours


def _module(name: str) -> str:
    return f"imglab.exercises.lesson_{name[:2]}"


def find(name: str) -> Exercise:
    """One exercise. ImglabError for a name that none has."""
    if not isinstance(name, str):
        raise ImglabError(
            tr(
                "The name of the exercise comes first, in quotes, such as {example}; this is "
                "{value}.",
                example='"05-exercise-enough"',
                value=told(name),
            )
        )
    with suppress(ImportError, KeyError):
        exercise: Exercise = import_module(_module(name)).EXERCISES[name]
        return exercise
    raise ImglabError(
        tr("There is no exercise {name!r:.60}: copy its name from the lesson.", name=name)
    )


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
        tells_cases=exercise.tells_cases,
    )
    try:
        return examination.examine(request, _say_case)
    finally:
        if url:
            _tidy(url, namespace)


def _say_case(given: str) -> None:
    words = wrapped(tr("Trying: {case} …", case=given), indent="    ")
    print(words, flush=True)  # noqa: T201 - a notebook shows it at once


def _tidy(url: str, namespace: str) -> None:
    """Remove what an examination left in Redis, however it ended."""
    with (
        suppress(ImglabError),  # the answer may have stopped Redis: the verdict counts
        queues.RedisTaskQueue(url=url, namespace=namespace) as queue,
    ):
        queue.delete_namespace()
