"""The bound of a queue: how a producer waits for room, and how full a queue is in words."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from imglab.language import tr

if TYPE_CHECKING:
    from imglab.queues.waiting import Waiting

#: The longest pause between an event and the look whether it made room, in seconds. All who wait
#: draw theirs from the same range, so that none of them is first for ever; and where an event
#: follows the other, each of them looks about 40 times a second and not with every event.
LONGEST_PAUSE_S = 0.05


class WaitForRoom:
    """How one call that adds waits for room: whatever makes room is an event of the queue."""

    def __init__(self, queue: Waiting, timeout: float | None) -> None:
        self._queue = queue
        #: Until when to wait, time.monotonic(); None for ever.
        self._until: float | None = None
        if timeout is not None:
            self._until = time.monotonic() + timeout
        #: The last event before the last look; "" before the first one.
        self._mark = ""

    def is_late(self) -> bool:
        """Whether the time is up."""
        return self._until is not None and self._until <= time.monotonic()

    def wait(self) -> None:
        """Wait until it is worth to look again: after an event, or a second.

        The first time that is at once: what happened before the mark is seen by the next look.
        """
        if self._mark:
            self._queue._until_event(self._mark, self._until)
            time.sleep(self._pause())
        self._mark = self._queue._mark()

    def was_found(self) -> None:
        """Begin anew: there was room, and the next time there may be none."""
        self._mark = ""

    def _pause(self) -> float:
        pause = random.uniform(0, LONGEST_PAUSE_S)
        if self._until is None:
            return pause
        left = self._until - time.monotonic()
        return max(0.0, min(pause, left))


def fullness(in_line: int, bound: int | None) -> str:
    """How full a queue is, such as "full: 1,000 of 1,000"; "" where there is no bound."""
    if bound is None:
        return ""
    words = tr("{in_line:,} of {bound:,}", in_line=in_line, bound=bound)
    if in_line >= bound:
        return tr("full: {words}", words=words)
    return words
