"""What every queue brings for whoever waits: how long to bear an absence, and the next event."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Waiting(ABC):
    """The part of a queue that waits."""

    #: Seconds for which a producer asks again while Redis is away, where a call has no timeout.
    patience: float = 5.0

    @abstractmethod
    def _mark(self) -> str:
        """A point in the queue's history, for `_until_event`."""

    @abstractmethod
    def _until_event(self, mark: str, until: float | None, task_id: str = "") -> bool:
        """Wait for an event after `mark`, or for the end of one task: not longer than a second.

        False at `until`, a time.monotonic().
        """
