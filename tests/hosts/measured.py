"""Many small pictures on the hosts, measured: beside a plain loop in the same processes' place."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from subprocess import PIPE
from typing import Any

import psutil

from hosts import pictures
from hosts.site import Hand, Site
from hosts.submitting import Submit
from imglab.queues import RedisTaskQueue

#: Width and height of the pictures, in pixels.
SIZE = (256, 256)
FILTERS = "grayscale"
#: Hosts with a worker each; Redis has a host of its own.
WORKERS = 2
#: Tasks that a worker claims in one round trip.
PREFETCH = 16
#: The share of the pictures that the loop does before the queue, half-way, and after it.
SAMPLE = 20
#: Seconds between two looks whether all are done: looking costs Redis something, too.
LOOK_INTERVAL_S = 0.5
#: What the work may take for each picture, in seconds, before something is wrong.
LIMIT_S = 0.1

MANY = Path("many")
SOME = Path("some")


@dataclass
class Loops:
    """A plain loop in the workers' place, which idle meanwhile: what it did each time it ran."""

    site: Site
    hands: list[Hand]
    #: Pictures a second on all hosts together.
    rates: list[float] = field(default_factory=list)
    #: Microseconds of processor a picture.
    costs: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Let it do its pictures once, on each host its share."""
        running = []
        for number, hand in enumerate(self.hands):
            line = f"python -m hosts.loop {SOME} {number} {len(self.hands)}"
            running.append(hand.host.start(line, PIPE))
        rate = 0.0
        for process in running:
            said, _ = process.communicate()
            assert process.returncode == 0, said
            own_rate, cost = map(float, said.split())
            rate += own_rate
            self.costs.append(cost)
        self.rates.append(rate)


def measure(site: Site, count: int, submit: Submit) -> tuple[dict[str, float], list[str]]:
    """What a run costs, by name, and what was wrong with it."""
    cores = os.cpu_count() or 1
    began = time.monotonic()
    pictures.make(site.lab.images / MANY, count, SIZE, cores)
    pictures.make(site.lab.images / SOME, max(WORKERS, count // SAMPLE), SIZE, cores)
    made = time.monotonic() - began
    site.set(f"--keep {count} --lease 30")
    hands = [site.hire("--prefetch", str(PREFETCH)) for _ in range(WORKERS)]
    names = {hand.name for hand in hands}
    assert len(names) == WORKERS
    loops = Loops(site, hands)
    loops.run()
    figures = _run(site, count, submit, loops)
    loops.run()
    rate = mean(loops.rates)
    figures |= {
        "a plain loop in their place, pictures a second": rate,
        "queue ÷ plain loop": figures["pictures a second"] / rate,
        "loop: µs of processor a picture": mean(loops.costs),
        "seconds to make the pictures": made,
    }
    return figures, _wrong(site, count, figures)


def _run(site: Site, count: int, submit: Submit, loops: Loops) -> dict[str, float]:
    """Add all tasks to a queue that is paused, and let it go, with a pause for the loop half-way.

    So what warms up, fills up or slows down meanwhile does so for both.
    """
    queue = site.queue
    queue.pause()
    used = _memory(site)
    began = time.monotonic()
    submit(site.lab, queue, MANY, FILTERS)
    added = time.monotonic() - began
    waiting = _memory(site)
    redis_before = _redis_processor(site)
    workers_before = _workers_processor(loops.hands)
    seconds = _work(queue, count // 2)
    loops.run()
    seconds += _work(queue, 0)
    workers_used = _workers_processor(loops.hands) - workers_before
    return {
        "pictures": count,
        "seconds of submit": added,
        "tasks added a second": count / added,
        "seconds of work": seconds,
        "pictures a second": count / seconds,
        "Redis: bytes a waiting picture": (waiting - used) / count,
        "Redis: bytes a finished picture": (_memory(site) - used) / count,
        "Redis: µs of processor a picture": (_redis_processor(site) - redis_before) / count * 1e6,
        "worker: µs of processor a picture": workers_used / count * 1e6,
    }


def _work(queue: RedisTaskQueue, left: int) -> float:
    """Let the workers go on until so few tasks are left, and pause them; the seconds it took."""
    limit = 60 + LIMIT_S * queue.get_stats().unfinished
    queue.resume()
    began = time.monotonic()
    while queue.get_stats().unfinished > left:
        assert time.monotonic() - began < limit, queue.get_stats()
        time.sleep(LOOK_INTERVAL_S)
    queue.pause()
    while queue.get_stats().processing:
        time.sleep(LOOK_INTERVAL_S / 10)
    return time.monotonic() - began


def _memory(site: Site) -> int:
    return int(site.queue.server_info("memory")["used_memory"])


def _redis_processor(site: Site) -> float:
    """Seconds of processor that Redis has used so far."""
    used: dict[str, Any] = site.queue.server_info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


def _workers_processor(hands: list[Hand]) -> float:
    """Seconds of processor that the workers and their helpers have used so far."""
    used = 0.0
    for hand in hands:
        terminal = psutil.Process(hand.process.pid)
        for each in (terminal, *terminal.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                used += times.user + times.system
    return used


def _wrong(site: Site, count: int, figures: dict[str, float]) -> list[str]:
    """The promises that the run broke; adds to the figures how often a task ran."""
    _, standings = site.queue.standings()
    figures["runs of each task"] = sum(each.attempts for each in standings) / count
    wrong = [f"{each.id} is {each.place}." for each in standings if each.place != "completed"]
    if len(standings) != count:
        wrong.append(f"{count} tasks were added, and {len(standings)} are there.")
    results = [site.queue.result(each.id) for each in standings]
    paths = {result["output_path"] for result in results if result}
    made = sum((site.lab.folder / path).is_file() for path in paths)
    if made != count:
        wrong.append(f"{made} pictures were made.")
    wrong += site.queue.check()
    return wrong
