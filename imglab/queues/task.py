"""The words of a queue: a task, its limits, and what a queue says of itself; no behaviour."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from imglab.errors import TaskError
from imglab.queues.vocabulary import NORMAL, PRIORITIES, UNFINISHED, Status

#: The largest payload or result, in bytes of JSON: a task names its picture, it does not carry it.
MAX_JSON = 64 * 1024

#: Made once: json.dumps() with options of one's own makes an encoder for each call.
_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
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
    #: Where it is: pending, processing, delayed, completed or failed.
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


@dataclass(frozen=True, slots=True)
class QueueStats:
    """How many tasks are where, at one moment; `stats["pending"]` and `dict(stats)` work, too."""

    pending: int = 0
    processing: int = 0
    delayed: int = 0
    completed: int = 0
    failed: int = 0
    #: Completed and failed since the queue began: the two lists above are bounded, these are not.
    completed_total: int = 0
    failed_total: int = 0

    @property
    def unfinished(self) -> int:
        """Tasks that a worker still has to finish."""
        return sum(self[status] for status in UNFINISHED)

    def keys(self) -> list[str]:
        """The names of the figures, for `dict(stats)`."""
        return [each.name for each in fields(self)]

    def __getitem__(self, key: str) -> int:
        return int(getattr(self, key))


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """Limits of a queue, the same for everybody who uses it. Lengths of time are in seconds."""

    #: How long a claim holds without a heartbeat.
    lease: float = 30.0
    #: Tries that may end in an error, the first included.
    max_attempts: int = 3
    #: How long one try may take; worker processes see to it.
    time_limit: float = 300.0
    #: Workers that may die or fall silent over one task.
    max_crashes: int = 3
    #: The longest wait before the second try; it doubles with each further one, up to the cap.
    backoff: float = 0.5
    backoff_cap: float = 60.0
    #: How many completed, and how many failed, tasks are kept.
    keep: int = 10_000
    keep_events: int = 10_000
    #: How long a result is kept.
    ttl: float = 24 * 3600.0


def encode(value: Mapping[str, Any], what: str) -> str:
    """The JSON of a payload or a result; TaskError when it is no JSON object or over 64 KiB."""
    if not isinstance(value, Mapping):
        raise TaskError(f"{what} must be a dict such as {{'image_path': …}}, not {value!r:.80}.")
    try:
        text = _to_json(value if isinstance(value, dict) else dict(value))
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise TaskError(f"{what} cannot be stored as JSON: {error}.") from None
    if size > MAX_JSON:
        raise TaskError(
            f"{what} has {size:,} bytes of JSON; {MAX_JSON:,} is the most. "
            "Put the data into a file and its path into the task."
        )
    return text


def check_name(name: str, what: str) -> str:
    """The name itself; TaskError unless it is 1 to 100 letters, digits or . : @ _ -."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise TaskError(
            f"{what} {name!r:.120} must be 1 to 100 letters, digits or any of . : @ _ -"
        )
    return name


def check_priority(priority: str) -> str:
    """The priority itself; TaskError when there is no such one."""
    if priority not in PRIORITIES:
        raise TaskError(
            f"Priority {priority!r:.80} does not exist; there are {', '.join(PRIORITIES)}."
        )
    return priority


def check_status(status: str) -> Status:
    """The status itself; TaskError when there is no such one."""
    try:
        return Status(status)
    except ValueError:
        names = ", ".join(Status)
        raise TaskError(f"There is no status {status!r:.80}; there are {names}.") from None
