"""What a worker process prints: harmless lines, in a file that never grows beyond its bound."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from imglab.errors import ImglabError, SettingsWarning
from imglab.language import tr
from imglab.text import shown, shown_lines, shown_output, told
from imglab.workers.about import TRACEPARENT, about_record
from imglab.workers.json_lines import JsonFormatter

#: Names the file that a pool made the stdout and stderr of its worker.
LOG_VARIABLE = "IMGLAB_WORKER_LOG"
#: The most bytes in a log; then it becomes NAME.log.1, in place of the one that was there.
MAX_LOG_BYTES = 1_000_000
#: The most bytes at the end of a log that are read to show its last lines.
MAX_TAIL_BYTES = 256_000
#: The ways to write a record.
TEXT = "text"
JSON = "json"


class HarmlessFormatter(logging.Formatter):
    """A line for each record, whatever a task put into it; a traceback stands below, indented."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        text = super().format(record)
        if record.exc_info or record.stack_info:
            return shown_lines(text)
        return shown(text)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The record's own line; the trace that it belongs to stands at its end."""
        line = super().formatMessage(record)
        traceparent = about_record(record).get(TRACEPARENT)
        if traceparent:
            line += f" {TRACEPARENT}={traceparent}"
        return line


class _ShortLog(RotatingFileHandler):
    """Writes to the file that is this process's stdout and stderr, and keeps it within its bound.

    What a filter prints, or a C library, counts as well: all of it goes on in the new file.
    """

    def doRollover(self) -> None:  # noqa: N802 - logging's name
        """Begin a new file, for the log and for what is printed."""
        super().doRollover()
        if self.stream is not None:
            for number in (1, 2):
                os.dup2(self.stream.fileno(), number)

    def keep_short(self) -> None:
        """Begin a new file if this one is full of what was printed past the log."""
        self.acquire()
        try:
            if os.fstat(1).st_size > self.maxBytes:
                self.doRollover()
        finally:
            self.release()


def checked_format(log_format: str) -> str:
    """The format itself; ImglabError when there is no such one."""
    if log_format not in (TEXT, JSON):
        raise ImglabError(
            tr(
                "A log is written as {plain} or as {machine}, not as {log_format}.",
                plain=TEXT,
                machine=JSON,
                log_format=told(log_format),
            )
        )
    return log_format


def log_to_terminal(log_format: str = TEXT, worker: str = "") -> None:
    """Print each record of this process on stdout; go on working when nobody reads it any more."""
    logging.raiseExceptions = False  # `imglab worker | head`: no traceback for each line
    handler = logging.StreamHandler(sys.stdout)
    _log_to(handler, _formatter(log_format, worker, "%(message)s"))


def log_to_own_file(log_format: str = TEXT, worker: str = "") -> None:
    """Log into the file that LOG_VARIABLE names; to stdout where there is none."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a filter prints must not fail its task
            stream.reconfigure(errors="backslashreplace")
    handler: logging.Handler = logging.StreamHandler(sys.stdout)
    if path := os.environ.get(LOG_VARIABLE):
        handler = _ShortLog(
            path,
            maxBytes=MAX_LOG_BYTES,
            backupCount=1,
            encoding="utf-8",
            errors="backslashreplace",
        )
    _log_to(handler, _formatter(log_format, worker, "%(asctime)s %(message)s"))


def keep_short() -> None:
    """Let a log that is full begin anew; call it now and then."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _ShortLog):
            with suppress(OSError):  # a full disk, a folder that is gone: the next call tries again
                handler.keep_short()


def last_lines(log: Path, lines: int) -> str:
    """The last lines of a log, and of the one before it where this one has just begun.

    Nothing where there is no log. It reads a bounded part, whatever the size of the file.
    """
    if lines < 1:
        return ""
    data = b""
    for path in (log, log.with_name(f"{log.name}.1")):
        if data.count(b"\n") > lines:
            break
        with suppress(OSError):
            data = _tail(path, MAX_TAIL_BYTES - len(data)) + data
    text = shown_output(data.decode("utf-8", "replace"))
    return "\n".join(text.splitlines()[-lines:])


def _tail(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - limit))
        return file.read(limit)


def _formatter(log_format: str, worker: str, form: str) -> logging.Formatter:
    if checked_format(log_format) == JSON:
        return JsonFormatter(worker)
    return HarmlessFormatter(form)


def _log_to(handler: logging.Handler, formatter: logging.Formatter) -> None:
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    warnings.showwarning = _log_warning
    warnings.simplefilter("always", SettingsWarning)


def _log_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Log a warning as its sentence; what kind it is matters only where it is none of ours."""
    words = str(message)
    if category is not SettingsWarning:
        words = f"{category.__name__}: {words}"
    logging.getLogger(__name__).warning("%s", words)
