"""One filter, three ways: one by one, in threads, in processes; and who waits for the GIL."""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from PIL import Image

from imglab.imaging import FilterPipeline, open_image
from imglab.language import tr

WAYS = ("one", "threads", "processes")
#: Each way is measured so often, and the best counts.
ROUNDS = 2
#: Seconds in which the processes have to be there.
START_TIMEOUT = 60.0
#: The side, in pixels, of the small picture that stands for a result when results are compared.
DIGEST_SIDE = 64
#: Seconds between two questions of the thread that asks for turns.
ASK_EVERY = 0.001


@dataclass(frozen=True)
class Comparison:
    """One filter: pictures a second in each of the three ways, and whether all ways agree."""

    filters: str
    rates: dict[str, float]
    agree: bool

    def speed_up(self, way: str) -> float:
        """How many times as fast a way is as one picture after the other."""
        return self.rates[way] / self.rates["one"]

    @property
    def conclusion(self) -> str:
        """What these figures say; a tenth more or less is noise."""
        threads = self.speed_up("threads")
        processes = self.speed_up("processes")
        if max(threads, processes) < 1.2:
            return tr("neither gains")
        if threads >= 0.8 * processes:
            return tr("threads gain as well")
        return tr("only processes gain")

    def __str__(self) -> str:
        gains = "".join(f"{self.speed_up(way):12.1f}×" for way in WAYS[1:])
        return f"{self.filters:16}{self.rates['one']:8.1f} /s{gains}   {self.conclusion}"


def compare(
    filters: Iterable[str], picture: str | Path, *, workers: int = 2, tasks: int = 6
) -> dict[str, Comparison]:
    """Apply each filter to the same picture in each way; nothing is read or written meanwhile.

    The processes are warm before the clock starts, and the better of two rounds counts.
    FilterError for a filter that is none.
    """
    context = get_context("spawn")  # a fork of a notebook's kernel, which has threads, may hang
    ready = context.Barrier(workers + 1)
    found = {}
    with (
        ThreadPoolExecutor(workers) as threads,
        ProcessPoolExecutor(
            workers, mp_context=context, initializer=_be_ready, initargs=(ready, str(picture))
        ) as processes,
    ):
        started = [processes.submit(_digest, "", str(picture)) for _ in range(workers)]
        ready.wait(START_TIMEOUT)
        for each in started:
            each.result()
        pools = {"one": None, "threads": threads, "processes": processes}
        for text in filters:
            found[text] = _compare_one(text, str(picture), tasks, pools)
    return found


def _compare_one(
    text: str, picture: str, tasks: int, pools: Mapping[str, Executor | None]
) -> Comparison:
    rates = dict.fromkeys(WAYS, 0.0)
    digests = set[str]()
    for _ in range(ROUNDS):
        # In turn: whatever else the machine does for a moment meets all three.
        for way, pool in pools.items():
            seconds, pictures = _measure(text, picture, tasks, pool)
            rates[way] = max(rates[way], tasks / seconds)
            digests.update(pictures)
    return Comparison(text, rates, agree=len(digests) == 1)


def _measure(text: str, picture: str, tasks: int, pool: Executor | None) -> tuple[float, list[str]]:
    """The seconds that so many tasks took, and what came out of each."""
    apply_all: Callable[..., Any] = pool.map if pool else map
    _load(picture)
    began = time.perf_counter()
    digests = list(apply_all(_digest, [text] * tasks, [picture] * tasks))
    return time.perf_counter() - began, digests


def _be_ready(ready: Any, picture: str) -> None:
    """Load the picture in a new process, and wait until all of them have it."""
    _load(picture)
    ready.wait(START_TIMEOUT)


@lru_cache(1)
def _load(picture: str) -> Image.Image:
    return open_image(picture)


def _digest(text: str, picture: str) -> str:
    """What comes out of the filters, in a few letters: pixels would cost more than the filter."""
    result = FilterPipeline.parse(text).apply(_load(picture))
    small = result.resize((DIGEST_SIDE, DIGEST_SIDE))
    return hashlib.sha256(small.tobytes()).hexdigest()


def gil() -> str:
    """Whether this Python has a global interpreter lock, in a word: "on" or "off"."""
    if not hasattr(sys, "_is_gil_enabled"):  # before 3.13, every Python had one
        return "on"
    return "on" if sys._is_gil_enabled() else "off"


def turns(filters: str, picture: str | Path) -> float:
    """How often another thread could run during one pass of the filters.

    As a share of the times it asked, from 0 to 1: it asks each millisecond; near 0, nobody else
    could run Python meanwhile.
    """
    pipeline = FilterPipeline.parse(filters)
    image = open_image(picture)
    other = _Asker()
    other.start()
    before = other.turns
    began = time.perf_counter()
    pipeline.apply(image)
    got = other.turns - before
    wanted = (time.perf_counter() - began) / ASK_EVERY
    other.stop()
    return min(1.0, got / wanted)


class _Asker(threading.Thread):
    """Asks for a turn each millisecond, and counts those it gets."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        #: The turns so far; nobody else changes it.
        self.turns = 0
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            time.sleep(ASK_EVERY)
            self.turns += 1

    def stop(self) -> None:
        self._stopping.set()
        self.join()
