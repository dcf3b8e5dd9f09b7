"""How the rate changes with the workers, the length of the queue and the size of the tasks."""

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from peers import Bench, busy_rate, read_stamps

from imglab.views.scaling import fit

WORKERS = (1, 2, 3, 4, 6, 8)
PENDING = (10, 100, 1_000, 10_000, 100_000)
SIZES = (0, 1, 2, 5, 10, 20, 50)
#: Milliseconds of the tasks in the second curve over the workers.
WORK = 5


def rate(bench: Bench, workers: int, ms: float, waiting: int = 0) -> float:
    """Tasks a second of so many worker processes, each task so many ms of computing."""
    expected = min(20_000, 3 * workers * bench.seconds * 1000 / max(ms, 0.15))
    bench.fill("imglab", max(waiting, math.ceil(expected)))
    paths = [bench.new_stamps() for _ in range(workers)]
    with ExitStack() as stack:
        crew = [
            stack.enter_context(bench.worker("imglab", path, BENCH_MS=str(ms))) for path in paths
        ]
        bench.until_stamps("imglab", crew, paths, 20_000_000)
    return busy_rate([read_stamps(path) for path in paths])[0]


def curves(bench: Bench, say) -> dict[str, Any]:
    """The three curves, with the laws that fit the first."""
    found: dict[str, Any] = {"workers": {}, "pending": {}, "size": {}}
    for ms in (0, WORK):
        say(f"scaling: 1 to {max(WORKERS)} workers, tasks of {ms} ms")
        rates = [rate(bench, n, ms) for n in WORKERS]
        law, amdahl = fit(WORKERS, rates), fit(WORKERS, rates, crosstalk=False)
        found["workers"][f"{ms} ms"] = {
            "rates": dict(zip(map(str, WORKERS), rates, strict=True)),
            "usl": {"rate": law.rate, "serial": law.serial, "crosstalk": law.crosstalk},
            "amdahl": {"rate": amdahl.rate, "serial": amdahl.serial},
            "best": law.best if math.isfinite(law.best) else None,
        }
    say("scaling: the length of the queue")
    found["pending"] = {str(n): _short(bench, n) for n in PENDING}
    say("scaling: the size of the tasks")
    found["size"] = {str(ms): rate(bench, 2, ms) for ms in SIZES}
    return found


def _short(bench: Bench, pending: int) -> float:
    """The rate of one worker that finds so many tasks: only few of them are done."""
    bench.fill("imglab", pending)
    path = bench.new_stamps()
    with bench.worker("imglab", path) as worker:
        bench.until_stamps("imglab", [worker], [path], min(pending, 5_000))
    return busy_rate([read_stamps(path)])[0]


def table(found: dict[str, Any]) -> str:
    """Markdown, and in a sentence what limits the rate."""
    lines = []
    for kind, curve in found["workers"].items():
        numbers = curve["rates"]
        lines += [
            f"| workers, tasks of {kind} | {' | '.join(numbers)} |",
            f"|{' --- |' * (len(numbers) + 1)}",
            f"| tasks a second | {' | '.join(f'{each:,.0f}' for each in numbers.values())} |",
            "",
            f"Universal Scalability Law: serial {curve['usl']['serial']:.3f}, crosstalk "
            f"{curve['usl']['crosstalk']:.4f}, most at {curve['best'] or math.inf:.1f} workers; "
            f"Amdahl alone: serial {curve['amdahl']['serial']:.3f}.",
            "",
        ]
    for title, unit in (
        ("pending", "tasks pending, one worker"),
        ("size", "ms a task, two workers"),
    ):
        numbers = found[title]
        lines += [
            f"| {unit} | {' | '.join(numbers)} |",
            f"|{' --- |' * (len(numbers) + 1)}",
            f"| tasks a second | {' | '.join(f'{each:,.0f}' for each in numbers.values())} |",
            "",
        ]
    return "\n".join(lines)


def chart(found: dict[str, Any], path: Path) -> None:
    """The rates of 1 to 8 workers with the curve of the law."""
    from matplotlib.figure import Figure

    from imglab.views.scaling import Law

    figure = Figure(figsize=(8, 3.6), layout="constrained")
    for axes, (kind, curve) in zip(figure.subplots(1, 2), found["workers"].items(), strict=True):
        numbers = [int(n) for n in curve["rates"]]
        law = Law(**curve["usl"])
        steps = [1 + each * (max(numbers) - 1) / 100 for each in range(101)]
        axes.plot(steps, [law.throughput(n) for n in steps], color="#0072B2", label="fitted law")
        axes.plot(steps, [law.rate * n for n in steps], "--", color="#888888", label="ideal")
        axes.plot(numbers, curve["rates"].values(), "o", color="#D55E00", label="measured")
        axes.set_ylim(0, 1.6 * max(curve["rates"].values()))
        axes.set_title(f"tasks of {kind}")
        axes.set_xlabel("worker processes")
        axes.set_ylabel("tasks a second")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
