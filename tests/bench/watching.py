"""The processes of a way of working: their memory, and a death among them at half time."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

import psutil

#: Seconds between two looks at memory and results.
LOOK_S = 0.05
#: Processes that hold no photograph: Python's own, and what renews for a worker of ours.
HELPERS = ("resource_tracker", "standby_wait")
#: Looks for a process at work before any will do.
LOOKS = 10


class Watch(threading.Thread):
    """Looks at the processes of a way: the sum of their memory, and whom to kill at half time."""

    def __init__(self, redis: int, results: Callable[[], int], kill_at_half_of: int) -> None:
        super().__init__(daemon=True)
        self.results = results
        #: How many results there are to be; 0 for nobody to be killed.
        self.total = kill_at_half_of
        self.peak = 0
        self.killed = ""
        self.looks = 0
        self.is_over = threading.Event()
        self.redis = redis

    def run(self) -> None:
        while not self.is_over.wait(LOOK_S):
            children = self._children()
            sizes = []
            for each in children:
                with suppress(psutil.Error):
                    sizes.append(each.memory_info().rss)
            self.peak = max(self.peak, sum(sizes))
            if self.total and not self.killed and self.results() * 2 >= self.total:
                self._kill_one(children)

    def _children(self) -> list[psutil.Process]:
        everybody = psutil.Process().children(recursive=True)
        return [each for each in everybody if each.pid != self.redis]

    def _kill_one(self, children: list[psutil.Process]) -> None:
        """Kill the youngest process that has no other below it and is at work: it has a photograph.

        In Dask's the main thread sleeps meanwhile: there it is the youngest, after some looks.
        """
        self.looks += 1
        workers = []
        for each in children:
            with suppress(psutil.Error):
                words = " ".join(each.cmdline())
                if words and not any(helper in words for helper in HELPERS):
                    workers.append((each, words))
        parents = set()
        for each, _ in workers:
            with suppress(psutil.Error):
                parents.add(each.ppid())
        youngest = []
        for each, words in workers:
            with suppress(psutil.Error):
                is_busy = each.status() == psutil.STATUS_RUNNING or self.looks > LOOKS
                if is_busy and each.pid not in parents:
                    youngest.append((each.create_time(), each.pid, words))
        if youngest:
            _, pid, self.killed = max(youngest)
            os.kill(pid, signal.SIGKILL)
