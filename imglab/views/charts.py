"""Charts of a queue's work: numbers and axes in, artists out; each has its numbers as text, too.

`Runs.of(queue.events())` makes the numbers, `figure()` the axes; `show(figure, alt, numbers)` puts
the picture into a notebook, with words for those who cannot see it. Colours are Okabe and Ito's.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from imglab.errors import ImglabError
from imglab.language import tr
from imglab.queues.vocabulary import PLACES, PRIORITIES, Event, Status
from imglab.text import shown
from imglab.views.figures import INK, as_label, figure, legend_beside, show, spread
from imglab.views.frames import frames
from imglab.views.html_table import COLOURS
from imglab.views.place_words import PLACE_WORDS
from imglab.views.runs import Run, Runs
from imglab.views.scaling import Law, fit
from imglab.views.waits import waits, waits_text

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = [
    "INK",
    "as_label",
    "bars",
    "bars_text",
    "depth",
    "depth_text",
    "figure",
    "latency",
    "latency_text",
    "show",
    "speed_up",
    "speed_up_text",
    "throughput",
    "throughput_text",
    "timeline",
    "timeline_text",
    "waits",
    "waits_text",
]

#: Seconds between two points of the curve of `depth`, where it changes.
DEPTH_STEP = 0.05
#: Below this share of the whole time a bar could not be seen.
SHORTEST_BAR = 1 / 500


# Who did what when


def timeline(ax: Axes, runs: Runs) -> list[Artist]:
    """Draw a row for each worker, a bar for each try; above it, thin and grey, the waiting."""
    artists = list[Any]()
    for row, worker in enumerate(runs.workers):
        mine = runs.by(worker)
        shortest = runs.seconds * SHORTEST_BAR
        spans = [(run.claimed, max(run.ran, shortest)) for run in mine]
        colour = COLOURS[row % len(COLOURS)]
        artists.append(ax.broken_barh(spans, (row - 0.2, 0.6), color=colour, edgecolor="white"))
        waits = [(run.added, run.waited) for run in mine]
        artists.append(ax.broken_barh(waits, (row - 0.38, 0.1), color=INK, alpha=0.6))
        for run in filter(_went_wrong, mine):
            ax.annotate("✕", (run.ended, row + 0.1), ha="center", va="center")
    ax.set_yticks(range(len(runs.workers)), [as_label(worker) for worker in runs.workers])
    ax.set_ylim(len(runs.workers) - 0.4, -0.6)
    ax.set_xlabel(tr("seconds since the first event"))
    return artists


def timeline_text(runs: Runs) -> str:
    """Who did how many tasks, and how long they waited and ran."""
    head = tr(
        "{tries} tries in {seconds:.1f} s by {workers} workers.",
        tries=len(runs.runs),
        seconds=runs.seconds,
        workers=len(runs.workers),
    )
    lines = [head]
    for worker in runs.workers:
        mine = runs.by(worker)
        busy = sum(run.ran for run in mine)
        share = busy / runs.seconds if runs.seconds else 0.0
        line = tr(
            "{worker}: {tries} tries, busy for {busy:.1f} s ({share:.0%})",
            worker=shown(worker),
            tries=len(mine),
            busy=busy,
            share=share,
        )
        bad = sum(map(_went_wrong, mine))
        if bad:
            line += tr(", {bad} not completed", bad=bad)
        lines.append(line)
    return "\n".join(lines)


def _went_wrong(run: Run) -> bool:
    """Whether a try ended, but not well."""
    return run.outcome not in (Event.COMPLETED, "")


# Rates and depth


def throughput(ax: Axes, runs: Runs, every: float = 1.0) -> list[Artist]:
    """Draw the tasks completed a second, in steps of `every` seconds."""
    rates = _rates(runs, every)
    times = [number * every for number in range(len(rates) + 1)]
    ax.set_xlabel(tr("seconds since the first event"))
    ax.set_ylabel(tr("tasks a second"))
    ax.set_ylim(0, 1.15 * (max(rates) or 1))  # nothing completed yet: no height at all
    # The last step has an end, too.
    steps = [*rates, rates[-1]]
    return list(ax.step(times, steps, where="post", color=COLOURS[0]))


def throughput_text(runs: Runs, every: float = 1.0) -> str:
    """The mean and the highest rate."""
    rates = _rates(runs, every)
    done = len(runs.completed)
    mean = done / runs.seconds if runs.seconds else 0.0
    return tr(
        "{done} tasks completed in {seconds:.1f} s: {mean:.1f} a second, "
        "{best:.1f} in the best {every:g} s.",
        done=done,
        seconds=runs.seconds,
        mean=mean,
        best=max(rates),
        every=every,
    )


def _rates(runs: Runs, every: float) -> list[float]:
    """Tasks completed a second in each stretch of `every` seconds."""
    counts = [0] * (int(runs.seconds / every) + 1)
    for run in runs.completed:
        counts[int(run.ended / every)] += 1
    return [count / every for count in counts]


def depth(ax: Axes, events: Iterable[dict[str, Any]]) -> list[Artist]:
    """Draw how many tasks were in each place over time; pending is one place for all lines."""
    depths = _depths(events)
    ax.set_xlabel(tr("seconds since the first event"))
    ax.set_ylabel(tr("tasks"))
    artists = list[Any]()
    for (place, counts), colour in zip(depths.counts.items(), COLOURS, strict=False):
        if any(counts):
            artists += ax.step(
                depths.times, counts, where="post", label=PLACE_WORDS[place], color=colour
            )
    legend_beside(ax)
    return artists


def depth_text(events: Iterable[dict[str, Any]]) -> str:
    """The most there were at one moment, and how many at the end."""
    return "\n".join(
        tr(
            "{place}: at most {highest}, {last} at the end",
            place=PLACE_WORDS[place],
            highest=max(counts),
            last=counts[-1],
        )
        for place, counts in _depths(events).counts.items()
        if any(counts)
    )


class _Depths(NamedTuple):
    """How many tasks were where at which moment."""

    #: Seconds since the first event.
    times: list[float]
    #: Place → how many tasks, at each of these times.
    counts: dict[str, list[int]]


def _depths(events: Iterable[dict[str, Any]]) -> _Depths:
    film = list(frames(events, DEPTH_STEP, idle=False))
    if not film:
        raise ImglabError(tr("There is nothing to draw: the record has no events."))
    counts: dict[str, list[int]] = {Status.PENDING: []}
    for frame in film:
        counts[Status.PENDING].append(sum(frame.counts[line] for line in PRIORITIES))
    for place in PLACES[len(PRIORITIES) :]:
        counts[place] = [frame.counts[place] for frame in film]
    times = [(frame.at - film[0].at) / 1000 for frame in film]
    return _Depths(times, counts)


# Latency


def latency(ax: Axes, runs: Runs) -> list[Artist]:
    """Draw for each share of the tasks within how many seconds they were done, waiting apart."""
    artists = list[Any]()
    for (name, values), colour in zip(_latencies(runs).items(), COLOURS, strict=False):
        shares = [100 * rank / len(values) for rank in range(1, len(values) + 1)]
        artists += ax.step(values, shares, where="post", label=name, color=colour)
    ax.set_xlabel(tr("seconds"))
    ax.set_ylabel(tr("% of the tasks"))
    ax.set_ylim(0, 102)
    legend_beside(ax)
    return artists


def latency_text(runs: Runs) -> str:
    """The median, and the 90th and 100th percentile."""
    lines = []
    for name, values in _latencies(runs).items():
        rank = max(1, round(0.9 * len(values)))
        lines.append(
            tr(
                "{name}: half within {half:.2f} s, "
                "90 % within {most:.2f} s, all within {longest:.2f} s",
                name=name,
                half=statistics.median(values),
                most=values[rank - 1],
                longest=values[-1],
            )
        )
    return "\n".join(lines)


def _latencies(runs: Runs) -> dict[str, list[float]]:
    """Seconds of all completed tasks, the shortest first."""
    done = runs.completed
    if not done:
        raise ImglabError(tr("There is nothing to draw: in this record no task was completed."))
    return {
        tr("waiting"): sorted(run.waited for run in done),
        tr("running"): sorted(run.ran for run in done),
        tr("both"): sorted(run.ended - run.added for run in done),
    }


# Speed-up


def speed_up(ax: Axes, rates: Mapping[int, float], cores: int) -> list[Artist]:
    """Draw speed-up against workers: measured, ideal, the machine's cores, the laws that fit.

    The ideal ends at the cores. The laws know of no cores, so they are fitted to what was measured
    up to there.
    """
    gains = _gains(rates)
    xs = spread(1, max(rates))
    fewest = min(rates)  # the measured are so many times as fast as these, and so is the rest
    ideal = [min(x, cores) / min(fewest, cores) for x in xs]
    artists = list[Any](ax.plot(xs, ideal, "--", color=INK, label=tr("ideal")))
    for each in _laws(rates, cores):
        first = each.law.throughput(fewest)
        curve = [each.law.throughput(x) / first for x in xs]
        artists += ax.plot(xs, curve, color=each.colour, label=each.label)
    artists += ax.plot(
        list(gains), list(gains.values()), "o", color=COLOURS[1], label=tr("measured"), zorder=3
    )
    artists.append(
        ax.axvline(cores, color=INK, linestyle=":", label=tr("{cores} cores", cores=cores))
    )
    ax.set_xlabel("workers")  # so they are called in each language
    ax.set_ylabel(tr("speed-up"))
    ax.set_ylim(0, 1.3 * max(gains.values()))
    legend_beside(ax)
    return artists


def speed_up_text(rates: Mapping[int, float], cores: int) -> str:
    """Rate, speed-up and efficiency for each number of workers, and what the laws say."""
    lines = [tr("workers  tasks/s  speed-up  efficiency")]
    fewest = min(rates)
    for workers, gain in _gains(rates).items():
        efficiency = gain / workers * fewest
        lines.append(f"{workers:7}  {rates[workers]:7.1f}  {gain:7.2f}×  {efficiency:9.0%}")
    for label, _, law in _laws(rates, cores):
        line = tr(
            "{label}, up to {cores} workers: {serial:.1%} one at a time",
            label=label,
            cores=cores,
            serial=law.serial,
        )
        line += tr(", crosstalk {crosstalk:.2%}", crosstalk=law.crosstalk)
        if law.best < math.inf:
            line += tr(", at its best with {workers:.1f} workers", workers=law.best)
        lines.append(line)
    lines.append(tr("cores: {cores}", cores=cores))
    return "\n".join(lines)


def _gains(rates: Mapping[int, float]) -> dict[int, float]:
    """How many times as fast as the fewest workers each number of them is."""
    first = rates[min(rates)]
    return {workers: rate / first for workers, rate in rates.items()}


class _Fitted(NamedTuple):
    """A law that was fitted to measured rates, and how to draw it."""

    label: str
    colour: str
    law: Law


def _laws(rates: Mapping[int, float], cores: int) -> list[_Fitted]:
    """The laws that the measurements up to the cores are enough for."""
    workers = [number for number in rates if number <= cores]
    measured = [rates[number] for number in workers]
    found = []
    if len(workers) >= 2:
        law = fit(workers, measured, crosstalk=False)
        found.append(_Fitted(tr("Amdahl"), COLOURS[2], law))
    if len(workers) >= 3:
        law = fit(workers, measured)
        found.append(_Fitted(tr("Universal Scalability"), COLOURS[0], law))
    return found


def bars(ax: Axes, values: Mapping[str, float], unit: str) -> list[Artist]:
    """Draw one bar for each name, with its number."""
    places = range(len(values))
    drawn = ax.barh(places, list(values.values()), color=COLOURS[0], alpha=0.75)
    ax.set_yticks(places, [as_label(name) for name in values])
    ax.bar_label(drawn, fmt="%.3g", padding=3)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set_xlabel(as_label(unit))
    ax.grid(visible=False, axis="y")
    return list(drawn)


def bars_text(values: Mapping[str, float], unit: str) -> str:
    """The same, one line for each name."""
    names = [shown(name) for name in values]
    width = max(map(len, names), default=0)
    pairs = zip(names, values.values(), strict=True)
    return "\n".join(f"{name:{width}}  {value:.3g} {shown(unit)}" for name, value in pairs)
