"""Where a student's code is: the innermost line that is theirs, when it raises or time is over."""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import NamedTuple

#: Code of ours and of Python's: what hangs or raises in there was called from the student's.
_NOT_THEIRS = (
    str(Path(__file__).parents[1].resolve()),
    str(Path(sysconfig.get_path("stdlib")).resolve()),
    str(Path(sysconfig.get_path("purelib")).resolve()),
)
#: The exit code of a process whose time is over.
TOO_LATE = 3


class Place(NamedTuple):
    """Where a student's code was: the file, the line, and the function's name."""

    file: str
    line: int
    function: str


def place_of_error(error: BaseException) -> Place | None:
    """Where an exception was raised, in code that is the student's."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return _innermost(reversed(frames))


def at_the_limit(seconds: float, tell: Callable[[Place | None], None]) -> None:
    """After so many seconds, tell where the main thread is, and end the process."""
    main = threading.main_thread().ident

    def end() -> None:
        # It has to end whatever telling does: the answer may have closed what it is told through.
        try:
            tell(_innermost(_frames_of(main)))
        finally:
            os._exit(TOO_LATE)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def _frames_of(thread: int | None) -> Iterable[FrameType]:
    """The frames of a thread, from the inside out."""
    frame = sys._current_frames().get(thread or 0)
    while frame:
        yield frame
        frame = frame.f_back


def _innermost(frames: Iterable[FrameType]) -> Place | None:
    """The first place that is the student's, from the inside out."""
    for frame in frames:
        code = frame.f_code
        if not code.co_filename.startswith(("<frozen", *_NOT_THEIRS)):
            return Place(code.co_filename, frame.f_lineno, code.co_name)
    return None
