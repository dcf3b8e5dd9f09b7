"""One filter, three ways: one by one, in threads, in processes; and who waits for the GIL."""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from PIL import Image

from imglab.imaging import FilterPipeline, open_image

WAYS = ("one", "threads", "processes")


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
        threads, processes = self.speed_up("threads"), self.speed_up("processes")
        if max(threads, processes) < 1.2:
            return "neither gains"
        return "threads gain as well" if threads >= 0.8 * processes else "only processes gain"

    def __str__(self) -> str:
        gains = "".join(f"{self.speed_up(way):12.1f}×" for way in WAYS[1:])
        return f"{self.filters:16}{self.rates['one']:8.1f} /s{gains}   {self.conclusion}"


def compare(
    filters: Iterable[str], picture: str | Path, *, workers: int = 2, tasks: int = 6
) -> dict[str, Comparison]:
    """Each filter, applied to the same picture in each way: nothing is read or written meanwhile.

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
        ready.wait(60)
        for each in started:
            each.result()
        for text in filters:
            rates, digests = dict.fromkeys(WAYS, 0.0), set[str]()
            # In turn: whatever else the machine does for a moment meets all three.
            for way, pool in 2 * list(zip(WAYS, (None, threads, processes), strict=True)):
                seconds, pictures = _measure(text, str(picture), tasks, pool)
                rates[way] = max(rates[way], tasks / seconds)
                digests.update(pictures)
            found[text] = Comparison(text, rates, len(digests) == 1)
    return found


def _measure(text: str, picture: str, tasks: int, pool: Executor | None) -> tuple[float, list[str]]:
    run: Callable[..., Any] = pool.map if pool else map
    _load(picture)
    began = time.perf_counter()
    digests = list(run(_digest, [text] * tasks, [picture] * tasks))
    return time.perf_counter() - began, digests


def _be_ready(ready: Any, picture: str) -> None:
    _load(picture)
    ready.wait(60)


@lru_cache(1)
def _load(picture: str) -> Image.Image:
    return open_image(picture)


def _digest(text: str, picture: str) -> str:
    """What comes out of the filters, in a few letters: pixels would cost more than the filter."""
    small = FilterPipeline.parse(text).apply(_load(picture)).resize((64, 64))
    return hashlib.sha256(small.tobytes()).hexdigest()


def gil() -> str:
    """Whether this Python has a global interpreter lock, in a word: "on" or "off"."""
    return "on" if getattr(sys, "_is_gil_enabled", lambda: True)() else "off"


def turns(filters: str, picture: str | Path) -> float:
    """The share of its turns that another thread got while the filters worked once, from 0 to 1.

    It asks for one each millisecond; near 0, nobody else could run Python meanwhile.
    """
    pipeline, image = FilterPipeline.parse(filters), open_image(picture)
    given, stop = list[None](), threading.Event()

    def ask() -> None:
        while not stop.is_set():
            time.sleep(0.001)
            given.append(None)

    other = threading.Thread(target=ask)
    other.start()
    before, began = len(given), time.perf_counter()
    pipeline.apply(image)
    got, wanted = len(given) - before, (time.perf_counter() - began) / 0.001
    stop.set()
    other.join()
    return min(1.0, got / wanted)
