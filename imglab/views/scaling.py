"""What limits a speed-up: the laws of Amdahl and of Universal Scalability, fitted to figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from imglab.errors import ImglabError
from imglab.extras import need
from imglab.language import tr


@dataclass(frozen=True)
class Law:
    """Throughput of n workers: `rate` × n ÷ (1 + serial × (n − 1) + crosstalk × n × (n − 1)).

    Without crosstalk it is Amdahl's law (1967), with it the Universal Scalability Law of Gunther
    (2007), whose curve falls again.
    """

    #: Of one worker, in tasks a second.
    rate: float
    #: The share of the work that only one can do at a time: workers wait for one another.
    serial: float
    #: What each pair of workers costs: keeping the two in agreement (coherency).
    crosstalk: float = 0.0

    def throughput(self, workers: float) -> float:
        """Tasks a second of so many workers."""
        others = workers - 1
        return self.rate * workers / (1 + others * (self.serial + self.crosstalk * workers))

    @property
    def best(self) -> float:
        """How many workers do the most; infinite when each further one helps."""
        if not self.crosstalk:
            return math.inf
        if self.serial >= 1:  # each further one only waits
            return 1.0
        return math.sqrt((1 - self.serial) / self.crosstalk)


def fit(workers: Sequence[float], rates: Sequence[float], *, crosstalk: bool = True) -> Law:
    """The law that comes closest to the measured rates (tasks a second), by least squares.

    Workers ÷ rate is linear in the law's parts; a part below zero has no meaning and is left out.
    ImglabError with fewer different numbers of workers than the law has parts, or a rate of 0.
    """
    need("lab", "numpy")
    import numpy as np  # noqa: PLC0415 - a worker never needs it

    parts = 3 if crosstalk else 2
    is_enough = len(set(workers)) >= parts and len(workers) == len(rates)
    if not is_enough or min(rates) <= 0:
        raise ImglabError(
            tr("A fit needs rates above 0 for at least {parts} numbers of workers.", parts=parts)
        )
    n = np.asarray(workers, float)
    rate = np.asarray(rates, float)
    columns = [np.ones_like(n), n - 1, n * (n - 1)]
    kept = list(range(parts))
    while True:
        # Relative errors count: each row is divided by what it should give.
        chosen = np.stack([columns[part] for part in kept], axis=1)
        rows = chosen * (rate / n)[:, None]
        found = np.linalg.lstsq(rows, np.ones_like(n), rcond=None)[0]
        # The first part, the work itself, always stays.
        worst = min(range(1, len(kept)), key=found.__getitem__, default=0)
        if worst == 0 or found[worst] >= 0:
            break
        del kept[worst]
    values = dict(zip(kept, found.tolist(), strict=True))
    one = 1 / values[0]
    return Law(rate=one, serial=values.get(1, 0.0) * one, crosstalk=values.get(2, 0.0) * one)
