"""A log as lines of JSON, for programs that collect logs."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from imglab.workers.about import about_record


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time, level, message; worker, task, error where there are any.

    The time is UTC, in milliseconds. Whatever a text holds, the line is ASCII and stays one line.
    """

    def __init__(self, worker: str = "") -> None:
        super().__init__()
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line of JSON."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "message": _message(record),
        }
        if self._worker:
            line["worker"] = self._worker
        line.update(about_record(record))
        error = getattr(record, "error", "")
        if record.exc_info:
            error = self.formatException(record.exc_info)
        if error:
            line["error"] = error
        return json.dumps({name: _whole(text) for name, text in line.items()})


def _message(record: logging.LogRecord) -> str:
    """The message; the words without their values where somebody's do not fit together."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a filter logs what it likes
        return str(record.msg)


def _whole(text: object) -> str:
    r"""The text; half a pair, which many readers of JSON refuse, is written as \ud800."""
    return str(text).encode(errors="backslashreplace").decode()
