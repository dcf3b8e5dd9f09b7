"""When a worker is to make room for a new process: after so many tasks, or with so much memory.

Native code leaks, and memory that is in pieces is never given back. A new process has none of it.
"""

from __future__ import annotations

from enum import IntEnum

from imglab.errors import ImglabError
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
            self.reason = f"it has run {_tasks(self._ended)}, as many as it may"
        if self.max_memory is None:
            return
        size = resident()
        if size > self.max_memory:
            self.cause = Cause.MEMORY
            self.reason = (
                f"it has {in_words(size)} of memory after {_tasks(self._ended)}, and may have "
                f"{in_words(self.max_memory)}"
            )


def check_first_memory(max_memory: int | None) -> None:
    """Raise ImglabError when a worker has more than it may before its first task."""
    if max_memory is None:
        return
    size = resident()
    if size > max_memory:
        raise ImglabError(
            f"A worker has {in_words(size)} of memory before its first task, so it cannot stay "
            f"below {in_words(max_memory)}: give max-memory more, several times as much at best."
        )


def in_short(cause: Cause, max_tasks: int | None, max_memory: int | None) -> str:
    """Why a worker left, as its pool knows it."""
    if cause is Cause.TASKS:
        return f"it had run {_tasks(max_tasks or 0)}, as many as it may"
    return f"it had more memory than the {in_words(max_memory or 0)} that it may have"


def _tasks(count: int) -> str:
    if count == 1:
        return "1 task"
    return f"{count:,} tasks"
