"""`python -m torture`: torture a queue, a seed after the other; exit code 1 if a promise broke."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path

from torture import campaign
from torture.report import Report, as_table

#: How many broken promises of each kind are printed; --json has all of them.
SENTENCES_SHOWN = 15


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def tortured(seed: int, tasks: int, workers: int) -> Report:
    say(f"seed {seed}: {tasks} tasks, {workers} workers")
    with tempfile.TemporaryDirectory(prefix="imglab-torture-") as folder:
        report = campaign.run(Path(folder) / "project", seed, tasks=tasks, workers=workers)
    for kind, sentences in report.wrong.items():
        for sentence in sentences[:SENTENCES_SHOWN]:
            say(f"  ✗ {kind}: {sentence!a}")
        if len(sentences) > SENTENCES_SHOWN:
            say(f"  … and {len(sentences) - SENTENCES_SHOWN} more")
    verdict = "every promise was kept" if report.is_good else "broken"
    say(f"seed {seed}: {report.seconds:.0f} s, {verdict}")
    say(as_table([report]))  # who stops it later has these figures all the same
    return report


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000, help="planned tasks of each seed")
    parser.add_argument("--workers", type=int, default=8, help="worker processes")
    parser.add_argument("--seed", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # nothing is left behind then, too
    try:
        reports = [tortured(seed, chosen.tasks, chosen.workers) for seed in chosen.seed]
    except KeyboardInterrupt:
        say("stopped")
        return 130
    if chosen.json:
        print(json.dumps([report.as_dict() for report in reports], indent=2))
    else:
        print(as_table(reports))
    return 0 if all(report.is_good for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
