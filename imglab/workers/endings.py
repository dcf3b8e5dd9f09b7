"""Every way in which a task can end its try, but for ending well: one table, in one place.

| what the task raised | what becomes of it |
|---|---|
| ImagingError, TaskError: the picture, the filters, the result | failed, no use in more tries |
| Cancelled: somebody took it back while it ran | cancelled, and never run again |
| NotOurs: its lease is lost, or it was given back | nothing: another claim counts |
| NoPhotographs: this host has none of them | given back, and the worker leaves |
| KeyboardInterrupt: a person wants us to leave | given back, and the worker leaves |
| the same in a process, where only a filter can have raised it | failed, and tried again |
| ResourceExhausted: the disk or the memory is full | failed, and tried again |
| StoreUnavailable: a store of pictures is away | failed, and tried again |
| anything else, SystemExit and CancelledError of asyncio included | failed, and tried again |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from imglab.errors import (
    ImagingError,
    NoPhotographs,
    ResourceExhausted,
    StoreUnavailable,
    TaskError,
)
from imglab.language import tr
from imglab.workers.in_hand import Cancelled, NotOurs

#: What is told of a task that somebody cancelled too late to keep it from running.
CANCELLED = "cancelled while it ran"


class Fate(Enum):
    """What becomes of a task whose try did not end well."""

    FAILED = auto()
    CANCELLED = auto()
    GIVEN_BACK = auto()
    NOT_OURS = auto()


@dataclass(frozen=True)
class Ending:
    """How a try ended: the task's fate, why, and whether another try may help."""

    fate: Fate
    reason: str = ""
    retry: bool = False
    #: Whether the reason is for a person to find in the log with its traceback.
    is_surprise: bool = False


def ending_of(problem: BaseException) -> Ending:
    """What an exception means for the task that raised it; see the table above."""
    match problem:
        case NotOurs():
            return Ending(Fate.NOT_OURS)
        case Cancelled():
            return Ending(Fate.CANCELLED, CANCELLED)
        case KeyboardInterrupt() | NoPhotographs():
            return Ending(Fate.GIVEN_BACK)
        case ImagingError() | TaskError():
            return Ending(Fate.FAILED, _words(problem))
        case ResourceExhausted() | StoreUnavailable():
            return Ending(Fate.FAILED, _words(problem), retry=True)
    reason = f"{type(problem).__name__}: {_words(problem)}"
    return Ending(Fate.FAILED, reason, retry=True, is_surprise=True)


def interrupt_of_a_filter() -> Exception:
    """What stands for a KeyboardInterrupt where only a filter can have raised it."""
    return RuntimeError(tr("a filter raised KeyboardInterrupt"))


def _words(problem: BaseException) -> str:
    """An exception's own text; it may be anybody's class, and fail to give one."""
    try:
        return str(problem)
    except BaseException as error:  # noqa: BLE001 - even SystemExit: the text is all we asked for
        return tr("(its text cannot be had: {kind})", kind=type(error).__name__)
