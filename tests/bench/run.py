"""Speed, as ratios to references taken in the same run: `make bench`.

Nothing is asserted here: machines are noisy, and where the kernel puts two processes changes every
rate by a factor of 2 or 3. So each figure stands beside a reference taken in the same minute and
in the same placement. The report goes to .imglab/bench/report/: Markdown, JSON and charts.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import alone
import engines
import peers
import photographs
import scaling
import stores
from helpers.project import ROOT
from helpers.server import redis_queue, running

PARTS = ("peers", "alone", "scaling", "photographs", "stores", "engines")
REPORT = ROOT / ".imglab" / "bench" / "report"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def figures_alone(server, scratch: Path) -> dict[str, float]:
    with redis_queue(server) as queue:
        say("alone: memory, processes, an idle worker")
        found = alone.memory(server) | alone.process(queue, scratch / "output") | alone.idle(queue)
        say("alone: a long queue, recovery")
        found |= alone.long_queue(server, queue.namespace)
        return found | alone.recovery(server, queue.namespace, scratch / "output")


def figures_of_photographs(server, scratch: Path, counts: dict[float, int]) -> dict[str, float]:
    found: dict[str, float] = {}
    with redis_queue(server) as queue:
        for megapixels, count in counts.items():
            say(f"photographs: {count} of {megapixels:g} megapixels")
            pixels, folder = int(megapixels * 1e6), scratch / "output"
            found |= photographs.calls(pixels, folder)
            found |= photographs.queue_or_pool(queue, count, pixels, folder)
            found |= photographs.peak(queue, pixels, folder)
    return found


def listed(figures: dict[str, float]) -> str:
    return "\n".join(f"| {name} | {value:.3g} |" for name, value in figures.items())


def report(found: dict[str, Any]) -> str:
    """All of it as Markdown."""
    parts = []
    if "peers" in found:
        parts += ["## Beside its peers", peers.table(found["peers"]), peers.notes(found["peers"])]
    for part in ("alone", "photographs", "stores"):
        if part in found:
            parts += [f"## {part.capitalize()}", f"| figure | |\n|---|---|\n{listed(found[part])}"]
    if "scaling" in found:
        parts += ["## Scaling", scaling.table(found["scaling"])]
    if "engines" in found:
        parts += ["## Engines", engines.table(found["engines"])]
    return "\n\n".join(["# Speed", *parts])


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be repeated")
    parser.add_argument("--peers", default=",".join(peers.PEERS), help="names, with commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=4, help="the longest a figure may take")
    parser.add_argument("--patience", type=float, default=75, help="seconds to wait after a kill")
    parser.add_argument("--photographs", type=int, default=200, help="of 1 megapixel")
    parser.add_argument("--on-engines", type=int, default=500, help="of 4 megapixels")
    return parser.parse_args()


def main() -> None:
    chosen = options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # nothing is left behind then, too
    os.environ["IMGLAB_ROOT"] = str(ROOT)
    REPORT.mkdir(parents=True, exist_ok=True)
    wanted, found = chosen.only or PARTS, {}
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(running("redis", scratch))
        bench = peers.Bench(server, scratch, chosen.tasks, chosen.seconds, chosen.patience)
        if "peers" in wanted:
            names = [name for name in peers.PEERS if name in chosen.peers.split(",")]
            found["peers"] = peers.compare(bench, names, chosen.rounds, say)
            peers.chart(found["peers"], REPORT / "peers.png")
        if "alone" in wanted:
            found["alone"] = figures_alone(server, scratch)
        if "scaling" in wanted:
            found["scaling"] = scaling.curves(bench, say)
            scaling.chart(found["scaling"], REPORT / "scaling.png")
        if "photographs" in wanted:
            # Of the larger ones fewer, so that each size takes about as long.
            counts = {1.0: chosen.photographs, 4.0: chosen.photographs // 4}
            counts[12.0] = max(6, chosen.photographs // 12)
            found["photographs"] = figures_of_photographs(server, scratch, counts)
        if "stores" in wanted:
            say("stores: S3, a disk, Redis")
            with redis_queue(server) as queue:
                found["stores"] = stores.measured(queue, scratch / "stores")
        if "engines" in wanted:
            # Beside the inputs that are made once: a hard link goes no further than a disk.
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=REPORT)))
            found["engines"] = engines.compare(server, folder, chosen.on_engines, 4, 2, say=say)
    text = report(found)
    (REPORT / "report.md").write_text(text + "\n")
    (REPORT / "report.json").write_text(json.dumps(found, indent=2))
    print(text)


if __name__ == "__main__":
    main()
