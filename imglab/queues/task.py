"""The words of a queue: a task, its limits, and what a queue says of itself; no behaviour."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from imglab.errors import QueueError, TaskError
from imglab.language import tr
from imglab.queues.vocabulary import NORMAL, PRIORITIES, UNFINISHED, Status
from imglab.text import told

#: The largest payload or result, in bytes of JSON: a task names its picture, it does not carry it.
MAX_JSON = 64 * 1024

#: The longest that anything may take, in seconds: Redis' own limits are beyond.
A_YEAR = 366 * 24 * 3600.0
#: Letters of an error or a progress that are kept.
TEXT_LENGTH = 1000
#: The deepest that lists and dicts may be nested in a payload or a result.
MAX_DEPTH = 100
#: Settings in seconds: the least and the most.
_SECONDS = {
    "lease": (0.1, A_YEAR),
    "backoff": (0.0, A_YEAR),
    "backoff_cap": (0.0, A_YEAR),
    "ttl": (1.0, A_YEAR),
}
#: Settings that count, each from 1 on.
_COUNTS = ("max_attempts", "max_crashes", "keep", "keep_events")
#: The most of them: beyond, Lua's numbers are no longer exact.
MAX_COUNT = 1_000_000_000

#: Made once: json.dumps() with options of one's own makes an encoder for each call.
_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACKETS = re.compile(r"[\[\]{}]")
_NAME = re.compile(r"[\w.:@-]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Task:
    """One unit of work, as its claim or `queue.task(id)` sees it; `task["x"]` reads its payload."""

    id: str
    payload: dict[str, Any]
    priority: str = NORMAL
    #: How many times it has been claimed, this claim included.
    attempt: int = 0
    #: The fencing token of this claim, `attempt:nonce`; empty when nobody holds the task.
    claim: str = field(default="", repr=False)
    #: Who claimed it last.
    worker: str = ""
    #: Where it is: pending, processing, delayed, completed, failed or cancelled.
    status: str = Status.PROCESSING
    #: How many of its workers died or fell silent.
    crashes: int = 0
    #: The last five errors, oldest first: {"error", "at" (ms)}, and "claim" if its holder told.
    errors: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    #: What its worker said last of how far it is.
    progress: str = field(default="", repr=False)

    @property
    def reason(self) -> str:
        """Why its last try did not end well; "" where none failed."""
        return str(self.errors[-1]["error"]) if self.errors else ""

    def __getitem__(self, key: str) -> Any:
        return self.payload[key]


@dataclass(frozen=True, slots=True, repr=False)
class QueueStats:
    """How many tasks are where, at one moment; `stats["pending"]` and `dict(stats)` work, too."""

    pending: int = 0
    processing: int = 0
    delayed: int = 0
    completed: int = 0
    failed: int = 0
    #: Completed and failed since the queue began: their lists are bounded, these are not.
    completed_total: int = 0
    failed_total: int = 0
    #: Few queues have any: they come last, and a table shows them only where there are some.
    cancelled: int = 0
    cancelled_total: int = 0

    def __repr__(self) -> str:
        words = ", ".join(f"{name}={number}" for name, number in self.shown().items())
        return f"{type(self).__name__}({words})"

    def shown(self) -> dict[str, int]:
        """The figures as people read them: those of cancelled tasks only where there are some."""
        figures = dict(self)
        if not self.cancelled and not self.cancelled_total:
            del figures["cancelled"]
            del figures["cancelled_total"]
        return figures

    @property
    def in_line(self) -> int:
        """Tasks that wait for a worker, now or for later: those that a bound counts."""
        return self.pending + self.delayed

    @property
    def unfinished(self) -> int:
        """Tasks that a worker still has to finish."""
        return sum(self[status] for status in UNFINISHED)

    def keys(self) -> list[str]:
        """The names of the figures, for `dict(stats)`."""
        return [each.name for each in fields(self)]

    def __getitem__(self, key: str) -> int:
        return int(getattr(self, key))


# What a refusal calls the thing that it refuses: looked up here, once, and not for each task.
THE_ID = tr("The id")
THE_PAYLOAD = tr("The payload")
THE_RESULT = tr("The result of task {task}")
WORKERS_NAME = tr("The worker's name")


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """Limits of a queue, stored with it and the same for everybody who uses it.

    Lengths of time are in seconds.
    """

    #: How long a claim holds without a heartbeat.
    lease: float = 30.0
    #: Tries that may end in an error, the first included.
    max_attempts: int = 3
    #: How long one try may take, None for as long as it likes; worker processes see to it.
    time_limit: float | None = 300.0
    #: Workers that may die or fall silent over one task.
    max_crashes: int = 3
    #: The longest wait before the second try; it doubles with each further one, up to the cap.
    backoff: float = 0.5
    backoff_cap: float = 60.0
    #: How many completed, how many failed, and how many cancelled tasks are kept.
    keep: int = 10_000
    keep_events: int = 10_000
    #: How long a result is kept.
    ttl: float = 24 * 3600.0
    #: How many tasks may be in line and delayed together, None for any number: to add one more
    #: waits for room, or is refused.
    max_pending: int | None = None

    @property
    def longest_try(self) -> float:
        """The time limit in seconds; infinite where there is none."""
        return math.inf if self.time_limit is None else self.time_limit

    def __post_init__(self) -> None:
        for name, (least, most) in _SECONDS.items():
            _check_number(name, getattr(self, name), least, most)
        for name in _COUNTS:
            _check_count(name, getattr(self, name))
        if self.max_pending is not None:
            _check_count("max_pending", self.max_pending)
        if self.time_limit is not None and self.time_limit != math.inf:
            _check_number("time_limit", self.time_limit, 0.01, A_YEAR)


def _check_number(name: str, value: Any, least: float, most: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:
        raise QueueError(
            tr(
                "{name} must be a number of seconds from {least:g} to {most:,.0f}, not {value}.",
                name=name,
                least=least,
                most=most,
                value=told(value),
            )
        )


def _check_count(name: str, value: Any) -> None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or not 1 <= value <= MAX_COUNT:
        raise QueueError(
            tr(
                "{name} must be a whole number from 1 to {most:,}, not {value}.",
                name=name,
                most=MAX_COUNT,
                value=told(value),
            )
        )


def encode(value: Mapping[str, Any], what: str, task_id: str = "") -> str:
    """The JSON of a payload or a result; TaskError when it is no JSON object or over 64 KiB.

    `what` names it in the error, and `{task}` in there is the id of its task.
    """
    if not isinstance(value, (dict, Mapping)):  # dict first: it is quicker to ask
        raise TaskError(
            tr(
                "{what} must be a dict such as {{'image_path': …}}, not {value}.",
                what=what.format(task=task_id),
                value=told(value),
            )
        )
    try:
        text = _to_json(value if isinstance(value, dict) else dict(value))
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise TaskError(
            tr(
                "{what} cannot be stored as JSON: {error}.",
                what=what.format(task=task_id),
                error=error,
            )
        ) from None
    if _depth(text) > MAX_DEPTH:
        raise TaskError(
            tr(
                "{what} is nested deeper than {most} lists and dicts.",
                what=what.format(task=task_id),
                most=MAX_DEPTH,
            )
        )
    if size > MAX_JSON:
        raise TaskError(
            tr(
                "{what} has {size:,} bytes of JSON; {most:,} is the most. "
                "Put the data into a file and its path into the task.",
                what=what.format(task=task_id),
                size=size,
                most=MAX_JSON,
            )
        )
    return text


def encode_result(task: Task, result: Mapping[str, Any] | None) -> str:
    """The JSON of a task's result; TaskError as for a payload."""
    if result is None:
        result = {}
    return encode(result, THE_RESULT, task.id)


def decode(text: str) -> dict[str, Any]:
    """The dict that `encode` wrote; TaskError when somebody else wrote something else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # brackets nested without end are no mistake of syntax
        value = None
    if not isinstance(value, dict):
        raise TaskError(tr("This is not a JSON object: {words!r:.80}", words=text))
    return value


def as_utf8(text: object, length: int) -> str:
    r"""The text, at most so many letters of it; what UTF-8 cannot hold is written as \udcff."""
    return str(text)[:length].encode(errors="backslashreplace").decode()


def check_name(name: str, what: str) -> str:
    """The name itself; TaskError unless it is 1 to 100 letters, digits or . : @ _ -."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise TaskError(
            tr(
                "{what} {name} must be 1 to 100 letters, digits or any of . : @ _ -",
                what=what,
                name=told(name),
            )
        )
    return name


def check_priority(priority: str) -> str:
    """The priority itself; TaskError when there is no such one."""
    if priority not in PRIORITIES:
        raise TaskError(
            tr(
                "Priority {priority} does not exist; there are {names}.",
                priority=told(priority),
                names=", ".join(PRIORITIES),
            )
        )
    return priority


def check_status(status: str) -> Status:
    """The status itself; TaskError when there is no such one."""
    try:
        return Status(status)
    except ValueError:
        names = ", ".join(Status)
        raise TaskError(
            tr("There is no status {status}; there are {names}.", status=told(status), names=names)
        ) from None


def _depth(text: str) -> int:
    """How deep the brackets of a JSON text are nested at the most."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 1  # so few cannot be deep
    depth = 0
    deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest
