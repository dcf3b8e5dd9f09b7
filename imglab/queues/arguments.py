"""What a caller gave, as the queue needs it: what was meant, or a TaskError that says it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta
from numbers import Integral, Real
from typing import Any

from imglab.errors import NoSuchTask, QueueError, TaskError
from imglab.language import tr
from imglab.queues.task import MAX_COUNT, Task
from imglab.text import is_utf8, told

#: What counts as a number, and as a whole one. Python's own come first, being quicker to ask for.
NUMBERS = (int, float, Real)
WHOLE_NUMBERS = (int, Integral)
#: The longest delay, in seconds: some thirty years.
MAX_DELAY_S = 1e9
#: What a refusal calls it; looked up once, and not with each call.
A_TIMEOUT = tr("A timeout")
#: Where Redis listens when nobody says where.
DEFAULT_PORT = 6379
#: The last port there is.
MAX_PORT = 65_535


def as_seconds(value: Any, what: str) -> float:
    """A length of time in seconds, given as a number or a timedelta."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    is_number = isinstance(value, NUMBERS) and not isinstance(value, bool)
    if not is_number or math.isnan(value):
        raise TaskError(
            tr("{what} is a number of seconds, not {value}.", what=what, value=told(value))
        )
    return float(value)


def as_delay(value: Any, what: str = tr("A delay")) -> float:
    """A length of time to wait, in seconds; none where there is None."""
    if value is None:
        return 0.0
    seconds = as_seconds(value, what)
    if not 0 <= seconds < MAX_DELAY_S:
        raise TaskError(
            tr(
                "{what} is a number of seconds from 0 on, not {value}.",
                what=what,
                value=told(value),
            )
        )
    return seconds


def as_timeout(value: Any) -> float | None:
    """How long to wait, in seconds; None is for ever."""
    if value is None:
        return None
    return as_seconds(value, A_TIMEOUT)


def as_count(value: Any, what: str, least: int) -> int:
    """A whole number, not below the least one."""
    is_whole = isinstance(value, WHOLE_NUMBERS) and not isinstance(value, bool)
    if not is_whole or value < least:
        raise TaskError(
            tr(
                "{what} must be a whole number from {least} on, not {value}.",
                what=what,
                least=least,
                value=told(value),
            )
        )
    return int(value)


def as_tries(value: Any) -> int | None:
    """How many tries a task may have, None for as many as its queue gives."""
    if value is None:
        return None
    tries = as_count(value, "max_attempts", 1)
    if tries > MAX_COUNT:
        raise TaskError(
            tr(
                "{name} must be a whole number from 1 to {most:,}, not {value}.",
                name="max_attempts",
                most=MAX_COUNT,
                value=told(value),
            )
        )
    return tries


def as_id(value: Any) -> str:
    """The id of a task, given by itself or by its Task; NoSuchTask for what cannot be one."""
    if isinstance(value, Task):
        return value.id
    if not isinstance(value, str) or not is_utf8(value):
        raise NoSuchTask(
            tr("There is no task {value}: the id of a task is a text.", value=told(value))
        )
    return value


def as_ids(value: Any) -> list[str]:
    """The ids of tasks, given as some of them, or as a single one."""
    if isinstance(value, str | Task):
        return [as_id(value)]
    if not isinstance(value, Iterable) or isinstance(value, bytes):
        raise TaskError(tr("Ids of tasks are a list of texts, not {value}.", value=told(value)))
    return [as_id(each) for each in value]


def as_names(value: Any, what: str) -> tuple[str, ...]:
    """Some texts, given as a list of them, or as a single one."""
    if isinstance(value, str):
        return (value,)
    names: tuple[Any, ...] = (value,)
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        names = tuple(value)
    if not all(isinstance(each, str) for each in names):
        raise QueueError(
            tr("{what} is a list of texts, not {value}.", what=what, value=told(value))
        )
    return names


def as_port(value: Any) -> int | None:
    """The number of a port, which may be given as a text; None where there is none."""
    if value is None:
        return None
    port = value
    if isinstance(value, str) and value.isdecimal():
        port = int(value[:6])
    is_whole = isinstance(port, WHOLE_NUMBERS) and not isinstance(port, bool)
    if not is_whole or not 1 <= port <= MAX_PORT:
        raise QueueError(
            tr(
                "A port is a whole number from 1 to {last}, not {value}.",
                last=MAX_PORT,
                value=told(value),
            )
        )
    return int(port)


def as_text(value: Any, what: str) -> str:
    """A text that Redis can store, "" for None; QueueError for anything else."""
    if value is None:
        return ""
    if not isinstance(value, str) or not is_utf8(value):
        raise QueueError(tr("{what} is a text, not {value}.", what=what, value=told(value)))
    return value
