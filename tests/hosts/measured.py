"""Many small pictures on the hosts, measured: beside a plain loop in the same processes' place."""

from __future__ import annotations

import os
import time
from pathlib import Path
from subprocess import PIPE
from typing import Any

from hosts import pictures
from hosts.site import Hand, Site
from hosts.submitting import Submit

#: Width and height of the pictures, in pixels.
SIZE = (256, 256)
FILTERS = "grayscale"
#: Hosts with a worker each; Redis has a host of its own.
WORKERS = 2
#: Tasks that a worker claims in one round trip.
PREFETCH = 16
#: The share of the pictures that the loop does before, and again after, the queue does all.
SAMPLE = 20
#: Seconds between two looks whether all are done: looking costs Redis something, too.
LOOK_INTERVAL_S = 0.5
#: What the work may take for each picture, in seconds, before something is wrong.
LIMIT_S = 0.1

MANY = Path("many")
SOME = Path("some")


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
    before = _loop(site, hands)
    figures = _run(site, count, submit)
    after = _loop(site, hands)
    rate = figures["pictures a second"]
    figures |= {
        "a plain loop in their place, pictures a second": (before + after) / 2,
        "queue ÷ plain loop": rate / ((before + after) / 2),
        "seconds to make the pictures": made,
    }
    return figures, _wrong(site, count, figures)


def _loop(site: Site, hands: list[Hand]) -> float:
    """Pictures a second of a plain loop on each host, together; the workers idle meanwhile."""
    running = []
    for number, hand in enumerate(hands):
        line = f"python -m hosts.loop {SOME} {number} {len(hands)}"
        running.append(hand.host.start(line, PIPE))
    rates = []
    for process in running:
        said, _ = process.communicate()
        assert process.returncode == 0, said
        rates.append(float(said))
    return sum(rates)


def _run(site: Site, count: int, submit: Submit) -> dict[str, float]:
    """Add all tasks to a queue that is paused, let it go, and wait for the last one."""
    queue = site.queue
    queue.pause()
    used = _memory(site)
    began = time.monotonic()
    submit(site.lab, queue, MANY, FILTERS)
    added = time.monotonic() - began
    waiting = _memory(site)
    busy = _processor(site)
    queue.resume()
    began = time.monotonic()
    while queue.get_stats().unfinished:
        assert time.monotonic() - began < 60 + LIMIT_S * count, queue.get_stats()
        time.sleep(LOOK_INTERVAL_S)
    seconds = time.monotonic() - began
    return {
        "pictures": count,
        "seconds of submit": added,
        "tasks added a second": count / added,
        "seconds of work": seconds,
        "pictures a second": count / seconds,
        "Redis: bytes a waiting picture": (waiting - used) / count,
        "Redis: bytes a finished picture": (_memory(site) - used) / count,
        "Redis: µs of processor a picture": (_processor(site) - busy) / count * 1e6,
    }


def _memory(site: Site) -> int:
    return int(site.queue.server_info("memory")["used_memory"])


def _processor(site: Site) -> float:
    """Seconds of processor that Redis has used so far."""
    used: dict[str, Any] = site.queue.server_info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


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
