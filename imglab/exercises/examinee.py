"""The process in which an answer runs: it has a clock and limits, and one way to report.

The answer may do anything in here: print without end, end the process, close what it finds. The
guard, one process above, sees to it that this ends, and that it is told.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from contextlib import suppress
from typing import NoReturn

import cloudpickle

from imglab.exercises import mistakes
from imglab.exercises.examiner import Examiner, examine
from imglab.exercises.family import begin_session
from imglab.exercises.limits import limit_this_process
from imglab.exercises.papers import Report, Request, case_to_json
from imglab.exercises.place import Place, at_the_limit
from imglab.language import tr

#: Bytes at the end of an error of ours that are told.
ERROR_BYTES = 4000


class NoPipe(Exception):
    """A report could not be written."""


class Reporter:
    """Writes the only report of this process into a pipe, and the cases before it, behind a mark.

    What an answer writes there by accident has no mark. The first report counts, though the clock
    and the judge may end at the same moment.
    """

    def __init__(self, pipe: int, mark: str) -> None:
        self._pipe = pipe
        self._mark = mark
        self._process = os.getpid()
        self._unused = threading.Lock()

    def tell(self, given: str) -> None:
        """Write which case begins, unless the report is given already."""
        if self._unused.locked():
            return
        with suppress(OSError):  # the report will say that the answer closed this pipe
            # So short a line is written as a whole, whatever the clock writes meanwhile.
            os.write(self._pipe, f"{self._mark}{case_to_json(given)}\n".encode())

    def give(self, report: Report) -> None:
        """Write a report; a second one is dropped. A fork of this process ends here."""
        if os.getpid() != self._process:
            os._exit(0)  # the answer made it, and it came back from the answer as well
        if not self._unused.acquire(blocking=False):
            return
        line = f"{self._mark}{report.to_json()}\n".encode()
        try:
            while line:
                written = os.write(self._pipe, line)
                line = line[written:]
        except OSError as error:
            words = tr("the answer closed the pipe of its verdict ({error})", error=error.strerror)
            raise NoPipe(words) from None


def be_examined(request: Request, reporter: int, output: int, *, mark: str, guard: int) -> NoReturn:
    """Be the process in which an answer is examined; it reports, and ends."""
    code = 1
    try:
        begin_session(guard)
        _use_as_output(output)
        limit_this_process(request.limit)
        _examine(request, Reporter(reporter, mark))
        code = 0
    except BaseException:  # noqa: BLE001 - the answer broke what we need: the guard tells it
        os.write(2, traceback.format_exc().encode(errors="replace")[-ERROR_BYTES:])
    finally:
        # Not the interpreter's own end, which would wait for threads of the answer's.
        os._exit(code)


def _use_as_output(output: int) -> None:
    """Let output go into a pipe, and nothing come in: what the guard had there is not ours."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(nothing)
    os.close(output)


def _examine(request: Request, reporter: Reporter) -> None:
    examiner = Examiner(request.url, request.namespace)
    if request.tells_cases:
        examiner.tell = reporter.tell

    def give_up(place: Place | None) -> None:
        got = tr("nothing within {seconds:g} s: it hung", seconds=request.limit)
        reporter.give(
            Report("hung", examiner.given, mistakes.ENDLESS, got=got, place=place),
        )

    sys.path[:] = request.paths
    at_the_limit(request.limit, give_up)

    def unpack() -> object:
        return cloudpickle.loads(request.answer)

    reporter.give(examine(request.lesson, request.name, unpack, examiner))
