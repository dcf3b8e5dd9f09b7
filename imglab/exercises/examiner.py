"""The examiner: runs a student's answer in a process of its own, with a limit, and tells the case.

`exercise.check` starts it; what it is given and what it says are plain data on its two pipes.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import cloudpickle

from imglab.queues import QueueSettings, RedisTaskQueue

#: Code of ours and of Python's: what hangs or raises in there was called from the student's.
_NOT_THEIRS = (
    str(Path(__file__).parents[1].resolve()),
    str(Path(sysconfig.get_path("stdlib")).resolve()),
    str(Path(sysconfig.get_path("purelib")).resolve()),
)
#: What a watched program says when its time is over, in front of the place.
_HUNG = "imglab-hung-at "
#: The exit code of a process whose time is over.
_TOO_LATE = 3


class Place(NamedTuple):
    """Where a student's code was: the file, the line, and the function's name."""

    file: str
    line: int
    function: str


class Request(NamedTuple):
    """What `exercise.check` gives to the examiner."""

    #: Where Python looks for modules in the notebook.
    paths: list[str]
    #: The module of the lesson, and the name of its exercise.
    lesson: str
    name: str
    #: The Redis for the judge, and what its keys begin with; empty when it needs none.
    url: str
    namespace: str
    #: Seconds the whole examination may take.
    limit: float
    #: The answer, as cloudpickle packs it: it is unpacked when the clock runs.
    answer: bytes


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
        self.given = "your answer"
        #: What helps whoever fails in it.
        self.hint = ""
        #: How many comparisons went well.
        self.passed = 0

    def case(self, given: str, hint: str) -> None:
        """Begin the next case: what it is in words, and the hint for who fails or hangs in it."""
        self.given = given
        self.hint = hint

    def expect(self, expected: object, got: object, hint: str = "") -> None:
        """Compare; a wrong answer ends the examination, with this hint or that of the case."""
        if got != expected or type(got) is not type(expected):
            raise Wrong(repr(expected), repr(got), hint or self.hint)
        self.passed += 1

    def require(self, is_so: object, expected: str, got: str, hint: str = "") -> None:
        """Compare what words say better than values; a wrong answer ends the examination."""
        if not is_so:
            raise Wrong(expected, got, hint or self.hint)
        self.passed += 1

    def queue(self, settings: QueueSettings | None = None) -> RedisTaskQueue:
        """An empty queue in Redis under names of its own, whose keys are gone afterwards."""
        return RedisTaskQueue(url=self.url, namespace=self.namespace, settings=settings)

    def start(self, program: Path, *arguments: str, seconds: float) -> subprocess.Popen[str]:
        """Run a student's program under watch, with IMGLAB_REDIS_URL set; see `ended`."""
        words = [sys.executable, "-m", "imglab.exercises", str(seconds), str(program), *arguments]
        return subprocess.Popen(
            words,
            env={**os.environ, "IMGLAB_REDIS_URL": self.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self, process: subprocess.Popen[str]) -> str:
        """Wait for a program, and return what it printed.

        Wrong when it hung, with the line where it did, and when it raised.
        """
        printed, errors = process.communicate()
        last = ""
        if errors.strip():
            last = errors.strip().splitlines()[-1]
        if last.startswith(_HUNG):
            file, number = last.removeprefix(_HUNG).rsplit(":", 1)
            line = Path(file).read_text().splitlines()[int(number) - 1].strip()
            got = f"it still ran, in line {number} of {Path(file).name}: {line}"
            raise Wrong("the program ends by itself", got, self.hint)
        if process.returncode:
            raise Wrong("the program ends without an error", last, self.hint)
        return printed


def examine(lesson: str, name: str, answer: Any, examiner: Examiner) -> dict[str, Any]:
    """Let the judge look at an answer; return the verdict as plain data.

    It says how the examination ended, in which case, and what helps.
    """
    exercise = import_module(lesson).EXERCISES[name]
    verdict: dict[str, Any] = {"state": "passed"}
    try:
        exercise.judge(answer, examiner)
    except Wrong as wrong:
        verdict = {"state": "wrong", "expected": wrong.expected, "got": wrong.got}
        examiner.hint = wrong.hint
    except Exception as error:  # noqa: BLE001 - whatever an answer raises, its author wants to know
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        got = f"{type(error).__name__}: {error}"
        verdict = {"state": "raised", "got": got, "place": _place(frames[::-1])}
    return verdict | {"given": examiner.given, "hint": examiner.hint, "passed": examiner.passed}


def _place(frames: list[FrameType]) -> Place | None:
    """The first place that is the student's, from the inside out."""
    for frame in frames:
        code = frame.f_code
        if not code.co_filename.startswith(("<frozen", *_NOT_THEIRS)):
            return Place(code.co_filename, frame.f_lineno, code.co_name)
    return None


def _at_the_limit(seconds: float, tell: Callable[[Place | None], None]) -> None:
    """After so many seconds, say where the main thread is, and end the process."""
    main = threading.main_thread().ident

    def end() -> None:
        frame = sys._current_frames().get(main or 0)
        frames = list[FrameType]()
        while frame:
            frames.append(frame)
            frame = frame.f_back
        tell(_place(frames))
        os._exit(_TOO_LATE)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def main() -> None:
    """Examine what comes on standard input; with arguments, watch a program instead."""
    if sys.argv[1:]:
        _watch(seconds=float(sys.argv[1]), program=str(Path(sys.argv[2]).resolve()))
    else:
        _examine_input()


def _watch(seconds: float, program: str) -> None:
    """Run a program as Python would; when its time is over, say where it is."""
    sys.argv[:] = sys.argv[2:]

    def say(place: Place | None) -> None:
        file, line, _ = place or Place(program, 1, "")
        os.write(2, f"\n{_HUNG}{file}:{line}\n".encode())

    _at_the_limit(seconds, say)
    runpy.run_path(program, run_name="__main__")


def _examine_input() -> None:
    # The verdict has a pipe of its own: what an answer prints must not get into it.
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def give(verdict: dict[str, Any]) -> None:
        pipe.write(json.dumps(verdict))
        pipe.flush()

    def give_up(place: Place | None) -> None:
        give({"state": "hung", "place": place, "given": examiner.given, "hint": examiner.hint})

    request: Request = cloudpickle.load(sys.stdin.buffer)
    sys.path[:] = request.paths
    examiner = Examiner(request.url, request.namespace)
    _at_the_limit(request.limit, give_up)
    answer = cloudpickle.loads(request.answer)
    give(examine(request.lesson, request.name, answer, examiner))
