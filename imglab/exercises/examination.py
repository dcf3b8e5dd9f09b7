"""An examination as the notebook sees it: a process that gets a request and prints a report.

Whatever happens in there, here it is a report: never an exception, never more than some kilobytes.
"""

from __future__ import annotations

import selectors
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO

import cloudpickle

from imglab.exercises.guard import NATIVE_GRACE_S
from imglab.exercises.papers import REPORT_BYTES, Report, Request, read_case, read_report
from imglab.exercises.words import plain
from imglab.language import tr

#: Seconds the guard may take to start and to end what it watches, on a busy machine.
GUARD_GRACE_S = 30.0
#: Bytes that are read at most: the report, and warnings of Python's in front of it.
MOST_BYTES = 2 * REPORT_BYTES


def examine(request: Request, tell: Callable[[str], None]) -> Report:
    """Examine an answer in a process of its own; return how it ended.

    `tell` is called with each case as it begins, where the request asks for it.

    When the notebook interrupts this, or dies, the examination ends too.
    """
    guard = subprocess.Popen(
        [sys.executable, "-m", "imglab.exercises"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # A notebook's stop button sends its signal to a whole group: the guard must outlive it.
        start_new_session=True,
    )
    assert guard.stdin is not None
    assert guard.stdout is not None
    limit = time.monotonic() + request.limit + NATIVE_GRACE_S + GUARD_GRACE_S
    try:
        with suppress(BrokenPipeError):  # it could not even start: then its last words tell
            guard.stdin.write(cloudpickle.dumps(request))
            guard.stdin.flush()
        printed = _read(guard.stdout, limit, tell)
    finally:
        _end(guard)
    return _report_in(printed)


def _read(pipe: IO[bytes], limit: float, tell: Callable[[str], None]) -> bytes:
    """What a pipe brings until its end, until that moment, or until it is too much."""
    found = bytearray()
    told = 0
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(found) < MOST_BYTES and selector.select(max(0.0, limit - time.monotonic())):
            data = pipe.read1(MOST_BYTES)  # type: ignore[attr-defined]
            if not data:
                break
            found += data
            told = _tell_cases(found, told, tell)
    return bytes(found)


def _tell_cases(found: bytearray, told: int, tell: Callable[[str], None]) -> int:
    """Tell the cases in the whole lines that have come since; return how many bytes that is now."""
    whole = found.rfind(b"\n") + 1
    for line in found[told:whole].splitlines():
        case = read_case(bytes(line))
        if case is not None:
            tell(case)
    return max(told, whole)


def _end(guard: subprocess.Popen[bytes]) -> None:
    """Close what the guard listens to, so that it ends the examination; kill it if it is deaf."""
    for pipe in (guard.stdin, guard.stdout):
        with suppress(BrokenPipeError):
            if pipe:
                pipe.close()
    try:
        guard.wait(GUARD_GRACE_S)
    except subprocess.TimeoutExpired:
        guard.kill()
        guard.wait()


def _report_in(printed: bytes) -> Report:
    """The report in what the guard printed: its last line."""
    lines = printed.strip().splitlines()
    if not lines:
        return Report("wrong", got=tr("the examination ended without a word"))
    report = read_report(lines[-1])
    if report is None:
        last = plain(lines[-1].decode(errors="replace"))
        report = Report(
            "wrong", got=tr("the examination ended without a verdict: {line}", line=last)
        )
    return report
