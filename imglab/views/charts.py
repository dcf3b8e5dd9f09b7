"""Charts of a queue's work: numbers and axes in, artists out; each has its numbers as text, too.

`Runs.of(queue.events())` makes the numbers, `figure()` the axes; `show(figure, alt, numbers)` puts
the picture into a notebook, with words for those who cannot see it. Colours are Okabe and Ito's.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from imglab.errors import ImglabError
from imglab.views.board_table import COLOURS, GREY
from imglab.views.frames import frames
from imglab.views.runs import Runs
from imglab.views.scaling import fit

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#808080"


def figure(width: float = 7.5, height: float = 2.8, columns: int = 1) -> Figure:
    """An empty figure in the style of the lessons; `figure.axes` are its axes."""
    from matplotlib import rc_context  # noqa: PLC0415 - only where something is drawn
    from matplotlib.figure import Figure  # noqa: PLC0415

    style: dict[Any, Any] = {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": INK,
        "axes.grid": True,
        "grid.alpha": 0.25,
        "axes.axisbelow": True,
        "font.size": 10,
    }
    with rc_context(style):
        made = Figure(figsize=(width, height), layout="constrained", facecolor="white")
        made.subplots(1, columns)
    return made


def show(picture: Figure, alt: str, numbers: str = "") -> None:
    """Put a figure into the notebook: with a sentence for it, and its numbers to unfold."""
    from IPython.display import display  # noqa: PLC0415

    buffer = BytesIO()
    picture.savefig(buffer, format="png", dpi=110)
    display(  # type: ignore[no-untyped-call]
        {"image/png": buffer.getvalue(), "text/plain": "<chart>"},
        raw=True,
        metadata={"image/png": {"alt": alt}},
    )
    if numbers:
        folded = f"<summary>The numbers</summary><pre>{escape(numbers)}</pre>"
        display(  # type: ignore[no-untyped-call]
            {
                "text/html": f'<details class="imglab-numbers">{folded}</details>',
                "text/plain": "<numbers of the chart>",
            },
            raw=True,
        )


def _legend(ax: Axes) -> None:
    """Beside the axes, where it hides nothing."""
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)


# Who did what when


def timeline(ax: Axes, runs: Runs) -> list[Artist]:
    """A row for each worker, a bar for each try; above each row, thin and grey, the waiting."""
    artists = list[Any]()
    for row, worker in enumerate(runs.workers):
        mine = [run for run in runs.runs if run.worker == worker]
        spans = [(run.claimed, max(run.ran, runs.seconds / 500)) for run in mine]
        artists.append(
            ax.broken_barh(
                spans, (row - 0.2, 0.6), color=COLOURS[row % len(COLOURS)], edgecolor="white"
            )
        )
        waits = [(run.added, run.waited) for run in mine]
        artists.append(ax.broken_barh(waits, (row - 0.38, 0.1), color=GREY, alpha=0.6))
        for run in mine:
            if run.outcome not in ("completed", ""):
                ax.annotate("✕", (run.ended, row + 0.1), ha="center", va="center")
    ax.set_yticks(range(len(runs.workers)), runs.workers)
    ax.set_ylim(len(runs.workers) - 0.4, -0.6)
    ax.set_xlabel("seconds since the first event")
    return artists


def timeline_text(runs: Runs) -> str:
    """Who did how many tasks, and how long they waited and ran."""
    lines = [f"{len(runs.runs)} tries in {runs.seconds:.1f} s by {len(runs.workers)} workers."]
    for worker in runs.workers:
        mine = [run for run in runs.runs if run.worker == worker]
        busy = sum(run.ran for run in mine)
        share = busy / runs.seconds if runs.seconds else 0.0
        bad = sum(run.outcome not in ("completed", "") for run in mine)
        lines.append(
            f"{worker}: {len(mine)} tries, busy for {busy:.1f} s ({share:.0%})"
            + (f", {bad} not completed" if bad else "")
        )
    return "\n".join(lines)


# Rates and depth


def throughput(ax: Axes, runs: Runs, every: float = 1.0) -> list[Artist]:
    """Tasks completed a second, in steps of `every` seconds."""
    times, rates = _rates(runs, every)
    ax.set_xlabel("seconds since the first event")
    ax.set_ylabel("tasks a second")
    ax.set_ylim(0, 1.15 * (max(rates) or 1))  # nothing completed yet: no height at all
    return list(ax.step(times, rates, where="post", color=COLOURS[0]))


def throughput_text(runs: Runs, every: float = 1.0) -> str:
    """The mean and the highest rate."""
    _, rates = _rates(runs, every)
    done = len(runs.completed)
    mean = done / runs.seconds if runs.seconds else 0.0
    return (
        f"{done} tasks completed in {runs.seconds:.1f} s: {mean:.1f} a second, "
        f"{max(rates):.1f} in the best {every:g} s."
    )


def _rates(runs: Runs, every: float) -> tuple[list[float], list[float]]:
    counts = [0] * (int(runs.seconds / every) + 1)
    for run in runs.completed:
        counts[int(run.ended / every)] += 1
    return [n * every for n in range(len(counts) + 1)], [n / every for n in (*counts, counts[-1])]


def depth(ax: Axes, events: Iterable[dict[str, Any]]) -> list[Artist]:
    """How many tasks were where, over time: pending, processing, delayed, completed and failed."""
    times, counts = _depths(events)
    ax.set_xlabel("seconds since the first event")
    ax.set_ylabel("tasks")
    artists = [
        ax.step(times, values, where="post", label=place, color=colour)[0]
        for (place, values), colour in zip(counts.items(), COLOURS, strict=False)
        if any(values)
    ]
    _legend(ax)
    return list(artists)


def depth_text(events: Iterable[dict[str, Any]]) -> str:
    """The most there were at one moment, and how many at the end."""
    _, counts = _depths(events)
    return "\n".join(
        f"{place}: at most {max(values)}, {values[-1]} at the end"
        for place, values in counts.items()
        if any(values)
    )


def _depths(events: Iterable[dict[str, Any]]) -> tuple[list[float], dict[str, list[int]]]:
    film = list(frames(events, 0.05))
    if not film:
        raise ImglabError("There is nothing to draw: the record has no events.")
    counts = {"pending": [sum(f.counts[p] for p in ("high", "normal", "low")) for f in film]}
    for place in ("processing", "delayed", "completed", "failed"):
        counts[place] = [frame.counts[place] for frame in film]
    return [(frame.at - film[0].at) / 1000 for frame in film], counts


# Latency


def latency(ax: Axes, runs: Runs) -> list[Artist]:
    """For each share of the tasks, within how many seconds they were done, waiting apart."""
    artists = list[Any]()
    for number, (name, values) in enumerate(_latencies(runs).items()):
        shares = [100 * (n + 1) / len(values) for n in range(len(values))]
        artists += ax.step(values, shares, where="post", label=name, color=COLOURS[number])
    ax.set_xlabel("seconds")
    ax.set_ylabel("% of the tasks")
    ax.set_ylim(0, 102)
    _legend(ax)
    return artists


def latency_text(runs: Runs) -> str:
    """The median, and the 90th and 100th percentile."""
    return "\n".join(
        f"{name}: half within {statistics.median(values):.2f} s, "
        f"90 % within {values[max(0, round(0.9 * len(values)) - 1)]:.2f} s, "
        f"all within {values[-1]:.2f} s"
        for name, values in _latencies(runs).items()
    )


def _latencies(runs: Runs) -> dict[str, list[float]]:
    done = runs.completed
    if not done:
        raise ImglabError("There is nothing to draw: in this record no task was completed.")
    return {
        "waiting": sorted(run.waited for run in done),
        "running": sorted(run.ran for run in done),
        "both": sorted(run.ended - run.added for run in done),
    }


# Speed-up


def speed_up(ax: Axes, rates: Mapping[int, float], cores: int) -> list[Artist]:
    """Speed-up against workers: measured, ideal, the machine's cores, and the laws that fit."""
    workers, measured = list(rates), [rates[n] / rates[min(rates)] for n in rates]
    steps = [1 + each * (max(workers) - 1) / 60 for each in range(61)]
    artists = list[Any](ax.plot(steps, steps, "--", color=GREY, label="ideal"))
    for label, colour, law in _laws(rates):
        curve = [law.throughput(n) / law.throughput(1) for n in steps]
        artists += ax.plot(steps, curve, color=colour, label=label)
    artists += ax.plot(workers, measured, "o", color=COLOURS[1], label="measured", zorder=3)
    artists.append(ax.axvline(cores, color=INK, linestyle=":", label=f"{cores} cores"))
    ax.set_xlabel("workers")
    ax.set_ylabel("speed-up")
    ax.set_ylim(0, 1.3 * max(measured))
    _legend(ax)
    return artists


def speed_up_text(rates: Mapping[int, float], cores: int) -> str:
    """Rate, speed-up and efficiency for each number of workers, and what the laws say."""
    lines = ["workers  tasks/s  speed-up  efficiency"]
    for n, rate in rates.items():
        gain = rate / rates[min(rates)]
        lines.append(f"{n:7}  {rate:7.1f}  {gain:7.2f}×  {gain / n * min(rates):9.0%}")
    for label, _, law in _laws(rates):
        best = "" if law.best == float("inf") else f", at its best with {law.best:.1f} workers"
        lines.append(
            f"{label}: {law.serial:.1%} one at a time, crosstalk {law.crosstalk:.2%}{best}"
        )
    lines.append(f"cores: {cores}")
    return "\n".join(lines)


def _laws(rates: Mapping[int, float]) -> list[tuple[str, str, Any]]:
    found = []
    if len(rates) >= 2:
        law = fit(list(rates), list(rates.values()), crosstalk=False)
        found.append(("Amdahl", COLOURS[2], law))
    if len(rates) >= 3:
        law = fit(list(rates), list(rates.values()))
        found.append(("Universal Scalability", COLOURS[0], law))
    return found


def bars(ax: Axes, values: Mapping[str, float], unit: str) -> list[Artist]:
    """One bar for each name, with its number."""
    drawn = ax.barh(list(values), list(values.values()), color=COLOURS[0], alpha=0.75)
    ax.bar_label(drawn, fmt="%.3g", padding=3)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set_xlabel(unit)
    ax.grid(visible=False, axis="y")
    return list(drawn)


def bars_text(values: Mapping[str, float], unit: str) -> str:
    """The same, one line for each name."""
    width = max(map(len, values), default=0)
    return "\n".join(f"{name:{width}}  {value:.3g} {unit}" for name, value in values.items())
