"""The guard: a process between the notebook and an answer, which never runs a line of the answer.

It starts the process in which the answer runs, hears its report, and ends it with all that came
from it. It leaves when the notebook does: its standard input is open as long as somebody waits.
"""

from __future__ import annotations

import os
import secrets
import selectors
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import cloudpickle

from imglab.exercises.examinee import be_examined
from imglab.exercises.family import Family, adopt_orphans, processes_below
from imglab.exercises.papers import (
    MOST_CASES,
    REPORT_BYTES,
    Report,
    Request,
    case_to_json,
    read_case,
    read_report,
)
from imglab.exercises.words import plain
from imglab.language import tr

#: Seconds after the limit, for native code, in which no thread of the answer's process gets on.
NATIVE_GRACE_S = 3.0
#: Seconds between two looks at the processes of an answer.
LOOK_INTERVAL_S = 0.05
#: Seconds between two times that they are counted, which costs more.
COUNT_INTERVAL_S = 0.3
#: Processes that an answer may have at once.
MOST_PROCESSES = 100
#: Bytes that are read at once: as many as a pipe holds.
PAGE_BYTES = 65_536
#: Bytes at the end of what an answer printed that are kept.
OUTPUT_BYTES = 16_384


def main() -> None:
    """Examine what comes on standard input; print each case as it begins, and the report."""
    request: Request = cloudpickle.load(sys.stdin.buffer)
    report = guard(request)
    _print(report.to_json())


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def guard(request: Request) -> Report:
    """Run an examination in a process of its own; return what it reported, or how it ended."""
    mark = secrets.token_hex(8)
    adopt_orphans()
    report_end, report_start = os.pipe()
    output_end, output_start = os.pipe()
    own = os.getpid()
    first = os.fork()
    if first == 0:
        os.close(report_end)
        os.close(output_end)
        be_examined(request, report_start, output_start, mark=mark, guard=own)
    os.close(report_start)
    os.close(output_start)
    watch = _Watch(Family(first), request, mark)
    watch.listen_to(report_end, output_end)
    try:
        return watch.until_it_ends()
    finally:
        watch.family.end()


class _Watch:
    """One examination from the outside."""

    def __init__(self, family: Family, request: Request, mark: str) -> None:
        self.family = family
        self._limit = request.limit
        self._mark = mark.encode()
        self._late_at = time.monotonic() + request.limit + NATIVE_GRACE_S
        self._count_at = time.monotonic() + COUNT_INTERVAL_S
        self._is_notebook_gone = False
        self._cases_told = 0
        #: What came out of the pipe of the report, and the end of what was printed.
        self._reported = bytearray()
        self._printed = bytearray()
        self._pipes = selectors.DefaultSelector()

    def listen_to(self, report: int, output: int) -> None:
        """Name the pipes of the examination; the notebook's is standard input."""
        self._pipes.register(0, selectors.EVENT_READ, self._hear_notebook)
        self._pipes.register(report, selectors.EVENT_READ, self._hear_report)
        self._pipes.register(output, selectors.EVENT_READ, self._hear_output)

    def until_it_ends(self) -> Report:
        """Wait for the report, or for another end; return what there is to say."""
        while True:
            self._listen(LOOK_INTERVAL_S)
            report = self._report()
            if report is None:
                report = self._other_end()
            if report is not None:
                return report

    def _listen(self, seconds: float) -> None:
        """Read once from each pipe that has something, and wait for one if need be."""
        for pipe, _ in self._pipes.select(seconds):
            hear: Callable[[bytes], None] = pipe.data
            data = os.read(pipe.fd, PAGE_BYTES)
            if not data:
                self._pipes.unregister(pipe.fd)
            hear(data)

    def _hear_notebook(self, data: bytes) -> None:
        self._is_notebook_gone = not data

    def _hear_report(self, data: bytes) -> None:
        self._reported += data
        del self._reported[: -2 * REPORT_BYTES]

    def _hear_output(self, data: bytes) -> None:
        self._printed += data
        del self._printed[:-OUTPUT_BYTES]

    def _report(self) -> Report | None:
        """The report, as soon as all of it has come; cases that come before it are told."""
        line = self._next_line()
        while line is not None:
            case = read_case(line)
            if case is None:
                return self._read_report(line)
            self._tell(case)
            line = self._next_line()
        return None

    def _next_line(self) -> bytes | None:
        """Take the next whole line that has the mark."""
        _, _, behind = self._reported.partition(self._mark)
        line, end, rest = behind.partition(b"\n")
        if not end:
            return None
        self._reported = rest
        return bytes(line)

    def _tell(self, case: str) -> None:
        """Tell the notebook which case begins: the first ones, for an answer may call it often."""
        self._cases_told += 1
        if self._cases_told <= MOST_CASES:
            with suppress(BrokenPipeError):  # it is gone, as its other pipe will say
                _print(case_to_json(case))

    def _read_report(self, line: bytes) -> Report:
        report = read_report(line)
        if report is None:
            got = tr("a verdict that cannot be read: the answer changed how it is told")
            report = Report("wrong", got=got)
        return report

    def _other_end(self) -> Report | None:
        """How the examination ended without a report; None while it goes on."""
        self.family.note_deaths()
        if self.family.code is not None:
            self._listen(0)  # what it wrote last
            report = self._report()
            if report is None:
                report = self._without_report(self.family.code)
            return report
        if self._is_notebook_gone:
            return Report("wrong", got=tr("nobody waits for it any more"))
        if time.monotonic() > self._late_at:
            hint = tr("It hangs in native code, where Python cannot look, or it is stopped.")
            return Report(
                "hung",
                hint=hint,
                got=tr("nothing within {seconds:g} s: it hung", seconds=self._limit),
            )
        if self._is_crowded():
            got = tr("more than {count} processes at once", count=MOST_PROCESSES)
            return Report(
                "wrong", got=got, hint=tr("Does a process that it starts start the next?")
            )
        return None

    def _is_crowded(self) -> bool:
        """Whether there are too many processes; it is looked at now and then."""
        if time.monotonic() < self._count_at:
            return False
        self._count_at = time.monotonic() + COUNT_INTERVAL_S
        return len(processes_below(os.getpid())) > MOST_PROCESSES

    def _without_report(self, code: int) -> Report:
        """What there is to say of a process that ended before it said anything."""
        how = tr("the process ended with code {code}", code=code)
        if code < 0:
            how = tr("the process was ended by {signal}", signal=_signal_name(-code))
        lines = self._printed.decode(errors="replace").strip().splitlines()
        if lines:
            how = f"{how}: {plain(lines[-1])}"
        return Report("wrong", got=how)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # Linux has some without a name
        return tr("signal {number}", number=number)
