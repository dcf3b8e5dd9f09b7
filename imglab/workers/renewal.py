"""When a worker is to make room for a new process: after so many tasks, or with so much memory.

Native code leaks, and memory that is in pieces is never given back. A new process has none of it.
"""

from __future__ import annotations

from enum import IntEnum

from imglab.errors import ImglabError
from imglab.language import tr, tr_count
from imglab.memory import in_words, resident


class Cause(IntEnum):
    """Why a worker is to be renewed; the numbers are exit codes, by which its pool knows."""

    TASKS = 81
    MEMORY = 82


class Renewal:
    """Counts a worker's tasks, looks at its memory, and says when it is time to leave."""

    def __init__(self, max_tasks: int | None, max_memory: int | None) -> None:
        self.max_tasks = max_tasks
        self.max_memory = max_memory
        self._ended = 0
        #: Why it is time; None as long as it is not.
        self.cause: Cause | None = None
        #: The same in words, for people.
        self.reason = ""

    def begin(self) -> None:
        """Count from here on."""
        self._ended = 0
        self.cause = None
        self.reason = ""

    def at_most(self, limit: int) -> int:
        """So many tasks, or as many as may still be run: none is claimed to be given back."""
        if self.max_tasks is None:
            return limit
        return max(0, min(limit, self.max_tasks - self._ended))

    def task_ended(self) -> None:
        """Look whether it is time, after a task that ended somehow."""
        self._ended += 1
        if self.max_tasks is not None and self._ended >= self.max_tasks:
            self.cause = Cause.TASKS
            self.reason = tr("it has run {tasks}, as many as it may", tasks=_tasks(self._ended))
        if self.max_memory is None:
            return
        size = resident()
        if size > self.max_memory:
            self.cause = Cause.MEMORY
            self.reason = tr(
                "it has {size} of memory after {tasks}, and may have {most}",
                size=in_words(size),
                tasks=_tasks(self._ended),
                most=in_words(self.max_memory),
            )


def check_first_memory(max_memory: int | None) -> None:
    """Raise ImglabError when a worker has more than it may before its first task."""
    if max_memory is None:
        return
    size = resident()
    if size > max_memory:
        raise ImglabError(
            tr(
                "A worker has {size} of memory before its first task, so it cannot stay "
                "below {most}: give max-memory more, several times as much at best.",
                size=in_words(size),
                most=in_words(max_memory),
            )
        )


def in_short(cause: Cause, max_tasks: int | None, max_memory: int | None) -> str:
    """Why a worker left, as its pool knows it."""
    if cause is Cause.TASKS:
        return tr("it had run {tasks}, as many as it may", tasks=_tasks(max_tasks or 0))
    return tr(
        "it had more memory than the {memory} that it may have", memory=in_words(max_memory or 0)
    )


def _tasks(count: int) -> str:
    return tr_count("1 task", "{count:,} tasks", count)
