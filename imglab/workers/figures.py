"""What a worker has done since it began, as plain numbers, for whoever watches it."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

from imglab.workers.endings import Fate

#: The ends of the ranges in which times are counted, in seconds.
BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
#: How a try may end: well, or as the table in endings.py says.
COMPLETED = "completed"
LOST = Fate.NOT_OURS.name.lower()
ENDINGS = (COMPLETED, *(fate.name.lower() for fate in Fate))


class Histogram:
    """How many times were how long. One thread counts, and any may look."""

    def __init__(self) -> None:
        #: For each range, and for all above the last.
        self._counts = [0] * (len(BOUNDS_S) + 1)
        #: The sum of all times, in seconds.
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """Count one time; a clock that was set back makes none negative."""
        seconds = max(0.0, seconds)
        self.sum += seconds
        self._counts[bisect_left(BOUNDS_S, seconds)] += 1

    def up_to(self) -> list[int]:
        """For each range how many times were no longer than its end; at last, how many in all."""
        return list(accumulate(self._counts))


class Figures:
    """The figures of one worker; its main thread writes them, any other may read."""

    def __init__(self) -> None:
        #: How many tries ended how.
        self.endings = dict.fromkeys(ENDINGS, 0)
        #: How long they ran.
        self.runs = Histogram()
        #: Why Redis does not do what this worker asks; "" while it does.
        self.trouble = ""

    def ended_badly(self, fate: Fate) -> None:
        """Count a try that did not end well."""
        self.endings[fate.name.lower()] += 1

    def completed(self, recorded: int, lost: int) -> None:
        """Count tries that ended well, and those of them that came too late to count."""
        self.endings[COMPLETED] += recorded
        if lost:
            self.endings[LOST] += lost
