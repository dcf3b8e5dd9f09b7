"""A queue under load: what was measured at one arrival rate, and what theory says of the wait."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class LoadPoint:
    """One run, in which tasks came at one rate."""

    #: Tasks that came a second.
    rate: float
    #: Milliseconds from the claim of a task to its completion, on average.
    service: float
    #: Milliseconds that each task waited for its claim, in the order of their coming.
    waits: Sequence[float]
    #: Tasks that were still in line when the last one came.
    backlog: int = 0

    @property
    def utilisation(self) -> float:
        """The work that came in a second, in seconds; above 1 it is more than one worker can do."""
        return self.rate * self.service / 1000

    @property
    def mean(self) -> float:
        """Milliseconds that a task waited on average."""
        return statistics.fmean(self.waits)

    def within(self, share: float) -> float:
        """Milliseconds within which this share of the tasks was claimed, such as 0.95 of them."""
        rank = math.ceil(share * len(self.waits))
        return sorted(self.waits)[max(rank, 1) - 1]


def wait_in_theory(service: float, utilisation: float) -> float:
    """The mean wait, in the unit of `service`; infinite where the worker has no time left.

    It is the formula of Pollaczek and Khinchine for arrivals at random, one worker and a constant
    service time (M/D/1), after a long time.
    """
    if utilisation >= 1:
        return math.inf
    return service * utilisation / (2 * (1 - utilisation))
