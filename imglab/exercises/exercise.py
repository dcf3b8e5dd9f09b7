"""Exercises in a notebook: `check` an answer, get a `hint`, see a `solution`; nobody is stuck.

What is asked, and who judges it, stands beside this file, one file a lesson. Nothing here raises
for a student's mistake: a verdict is a text.
"""

from __future__ import annotations

import ast
import inspect
import json
import linecache
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import cloudpickle

from imglab import server
from imglab.console import magics
from imglab.errors import ImglabError
from imglab.exercises.examiner import Examiner, Place, Request
from imglab.project import project_root
from imglab.queues import RedisTaskQueue

#: Exercises that passed in this notebook.
_passed = set[str]()
#: Exercise → how many hints were given.
_hinted = dict[str, int]()
#: Exercise → the source of the last answer.
_sources = dict[str, str]()
#: Letters of a line of a verdict.
VERDICT_WIDTH = 96
#: Seconds after the limit, for native code, in which no thread of its own gets on.
NATIVE_GRACE = 3.0


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
        return self.text or _source(self.solution)


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
    source = _source(answer)
    _sources[name] = source
    if answer is ... or _has_dots(source):
        return Verdict(name, "not started")
    try:
        carried = cloudpickle.dumps(answer)
    except Exception as error:  # noqa: BLE001 - pickle raises what it likes; it means one thing
        return _cannot_travel(name, answer, error)
    said = _examine(name, exercise, carried)
    if said["state"] == "passed":
        _passed.add(name)
        return Verdict(name, "passed", {"passed": str(said["passed"])})
    _passed.discard(name)
    got = said.get("got", f"nothing within {exercise.limit:g} s: it hung")
    if said.get("place"):
        place = Place(*said["place"])
        got += f", in {_shown(answer, place)}"
    lines = {"given": said["given"], "expected": said.get("expected", ""), "got": got}
    return Verdict(name, said["state"], lines | {"hint": said["hint"]})


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


def _source(answer: object) -> str:
    """The code of an answer, as far as Python knows it; a file's text for the path of one."""
    if isinstance(answer, tuple) and answer:
        return "\n".join(map(_source, answer))
    if isinstance(answer, str | Path):
        with suppress(OSError):
            return (project_root() / answer).read_text()
    if not inspect.isroutine(answer) and not isinstance(answer, type):
        return repr(answer)
    with suppress(OSError, TypeError):
        return textwrap.dedent(inspect.getsource(answer))
    return ""


def _shown(answer: object, place: Place) -> str:
    """A line of an answer, as its author knows it."""
    file, number, function = place
    line = linecache.getline(file, number).strip()
    # Code that travelled has no file any more: here we still know where it came from.
    candidates: list[Any] = [answer, getattr(answer, "__globals__", {}).get(function)]
    for each in candidates:
        with suppress(OSError, TypeError):
            lines, first = inspect.getsourcelines(each)
            is_inside = first <= number < first + len(lines)
            if not line and function == each.__name__ and is_inside:
                line = lines[number - first].strip()
    return f"line {number} of {function}(): {line}" if line else f"{function}()"


def _has_dots(source: str) -> bool:
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return False
    dots = ("...", "Ellipsis")  # in code, and in the repr of a list with a hole
    words = [node for node in nodes if isinstance(node, ast.Constant | ast.Name)]
    return any(ast.unparse(word) in dots for word in words)


def _cannot_travel(name: str, answer: object, error: Exception) -> Verdict:
    """Which name of the notebook an answer uses that another process cannot have."""
    used = inspect.getclosurevars(answer).globals if inspect.isfunction(answer) else {}
    guilty = []
    for each, value in used.items():
        try:
            cloudpickle.dumps(value)
        except Exception:  # noqa: BLE001 - see check()
            guilty.append(each)
    words = f"it uses {', '.join(guilty) or 'something'} of this notebook ({error})"
    advice = "Take what the answer needs as a parameter: it runs in another process."
    return Verdict(name, "wrong", {"got": words, "hint": advice})


def _examine(name: str, exercise: Exercise, carried: bytes) -> dict[str, Any]:
    url = server.ensure().url if exercise.redis else ""
    namespace = f"exercise-{os.getpid()}:"
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
        done = subprocess.run(
            [sys.executable, "-m", "imglab.exercises"],
            input=cloudpickle.dumps(request),
            capture_output=True,
            timeout=exercise.limit + NATIVE_GRACE,
            check=False,
        )
        said: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        said = {"state": "hung", "given": "your answer", "hint": "It hangs in native code."}
    except ValueError:  # it ended before it could say anything
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        last = lines[-1] if lines else ""
        got = f"the process ended with code {done.returncode}: {last}"
        said = {"state": "wrong", "given": "your answer", "got": got, "hint": exercise.hints[0]}
    finally:
        if url:
            _tidy(url, namespace)
    return said


def _tidy(url: str, namespace: str) -> None:
    """Remove what an examination left in Redis, however it ended."""
    with RedisTaskQueue(url=url, namespace=namespace) as queue:
        queue.delete_namespace()
