"""`python -m hosts`: a queue on several hosts, cut and joined; then many pictures, measured."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from hosts.lab import Lab, why_not
from hosts.measured import measure
from hosts.site import Site
from hosts.story import CHAPTERS, Story
from hosts.submitting import as_a_batch
from hosts.verdict import table

#: Tasks that each chapter has at least.
TASKS = 60
#: Broken promises of each part that are printed.
SENTENCES_SHOWN = 15


def say(text: str) -> None:
    print(text, flush=True)


def say_wrong(wrong: list[str]) -> None:
    for sentence in wrong[:SENTENCES_SHOWN]:
        say(f"  ✗ {sentence}")


def tell(tasks: int) -> bool:
    """Tell the story; whether every promise was kept."""
    with tempfile.TemporaryDirectory(prefix="imglab-hosts-") as folder:
        lab = Lab(Path(folder) / "disk")
        with lab, lab.redis.network(), Site(lab) as site:
            story = Story(site, tasks)
            for chapter in CHAPTERS:
                verdict = chapter(story)
                say(f"{verdict.seconds:6.1f} s  {verdict.chapter}")
                say_wrong(verdict.wrong)
    say("")
    say(table(story.verdicts))
    return not any(verdict.wrong for verdict in story.verdicts)


def count(number: int) -> bool:
    """Measure so many pictures; whether every promise was kept."""
    with tempfile.TemporaryDirectory(prefix="imglab-hosts-") as folder:
        lab = Lab(Path(folder) / "disk")
        with lab, lab.redis.network(), Site(lab) as site:
            figures, wrong = measure(site, number, as_a_batch)
    say("")
    for name, value in figures.items():
        say(f"{name:<48}{value:>12,.2f}")
    say_wrong(wrong)
    return not wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m hosts", description=__doc__)
    parser.add_argument("--tasks", type=int, default=TASKS, help="of each chapter; 0: no story")
    parser.add_argument("--pictures", type=int, default=100_000, help="to measure; 0: none")
    chosen = parser.parse_args()
    reason = why_not()
    if reason:
        print(reason, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # nothing is left behind then, too
    began = time.monotonic()
    is_good = True
    try:
        if chosen.tasks:
            is_good = tell(chosen.tasks)
        if chosen.pictures:
            is_good = count(chosen.pictures) and is_good
    except KeyboardInterrupt:
        say("stopped")
        return 130
    verdict = "every promise was kept" if is_good else "broken"
    say(f"\n{time.monotonic() - began:.0f} s, {verdict}")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
