"""A producer that goes on: so many tasks each second, until somebody stops it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from imglab.errors import ImglabError

#: Seconds between two lots.
EVERY = 1.0


class Producer:
    """A thread that calls `add` each second until `stop`. Without Redis it tries again."""

    def __init__(self, add: Callable[[], object]) -> None:
        self._add = add
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="producer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Add no more; what is being added still comes."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(EVERY):
            with suppress(ImglabError):  # Redis is away, or full: a producer asks again
                self._add()
