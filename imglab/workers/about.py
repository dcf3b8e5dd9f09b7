"""What a line of a log is about: a task, and the trace that its producer is part of.

A producer that is watched puts a `traceparent` (https://www.w3.org/TR/trace-context/) into its
payload: the same text stands in all that is logged of the task, and in its result. A worker makes
none up: it would belong to no trace.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from imglab.queues import Task

#: The field of a payload and of a result.
TRACEPARENT = "traceparent"
#: Version, trace, span, flags; version ff, and a trace or a span of zeros, are none.
_SHAPE = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
)

#: The worker of this thread and the task that it runs, so that a filter's own lines tell it, too.
_at_work: ContextVar[tuple[str, Task] | None] = ContextVar("at_work", default=None)


def traceparent_of(payload: Mapping[str, Any]) -> str:
    """The traceparent of a payload; "" where there is none, or none of the right shape."""
    value = payload.get(TRACEPARENT)
    if isinstance(value, str) and _SHAPE.fullmatch(value):
        return value
    return ""


def with_trace(result: dict[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    """A result that has its payload's traceparent, if there is one."""
    traceparent = traceparent_of(payload)
    if not traceparent or not isinstance(result, Mapping):  # then it is refused for what it is
        return result
    return {**result, TRACEPARENT: traceparent}


def about(worker: str, task: Task) -> dict[str, str]:
    """What a record of the log says of its task; for `logger.info(…, extra=about(…))`."""
    found = {"worker": worker, "task": task.id}
    traceparent = traceparent_of(task.payload)
    if traceparent:
        found[TRACEPARENT] = traceparent
    return found


class AtWork:
    """All that this thread logs meanwhile is about this task: `with AtWork(worker, task): …`.

    It costs every task a microsecond, so what a line needs is worked out when there is one.
    """

    def __init__(self, worker: str, task: Task) -> None:
        self._pair = (worker, task)

    def __enter__(self) -> None:
        self._before = _at_work.set(self._pair)

    def __exit__(self, *_: object) -> None:
        _at_work.reset(self._before)


def about_record(record: logging.LogRecord) -> dict[str, str]:
    """The worker, the task and the traceparent that a record is about, as far as they are known.

    Call it in the thread that logs.
    """
    found: dict[str, str] = {}
    pair = _at_work.get()
    if pair is not None:
        found = about(*pair)
    for name in ("worker", "task", TRACEPARENT):
        value = getattr(record, name, None)
        if isinstance(value, str):
            found[name] = value
    return found
