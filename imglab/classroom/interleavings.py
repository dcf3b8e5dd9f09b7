"""Races, all of them: every order in which the steps of several workers can happen, and its end.

A step is a function of the state that all share and of the worker's own notes. The state may be a
dict or a real Redis: `start` makes it anew for each order.

    def read(state, mine): mine["task"] = state["pending"][-1:]
    def remove(state, mine): state["taken"] += mine["task"]; state["pending"] = …
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import combinations, pairwise
from math import comb
from typing import Any

from imglab.errors import ImglabError
from imglab.extras import need
from imglab.language import tr
from imglab.views.html_table import (
    BAD,
    DONE,
    GREY,
    WRAP_STYLE,
    cell,
    column_head,
    row,
    table,
    tinted,
)
from imglab.views.live_view import PLAIN_TEXT, show_controls
from imglab.views.messages import REDIS, Conversation, Message

Step = Callable[[Any, dict[str, Any]], None]
#: More orders than anybody waits for.
MOST_ORDERS = 20_000


@dataclass(frozen=True)
class Moment:
    """One step of one order, and what was there after it."""

    worker: str
    step: str
    state: str


@dataclass(frozen=True)
class Order:
    """One order of all steps, and what became of it."""

    moments: tuple[Moment, ...]
    verdict: str

    def __str__(self) -> str:
        steps = [f"{each.worker}: {each.step}" for each in self.moments]
        width = max(map(len, steps)) + 1
        lines = [
            f"{step:{width}} {moment.state}"
            for step, moment in zip(steps, self.moments, strict=True)
        ]
        lines.append(f"→ {self.verdict}")
        return "\n".join(lines)

    @property
    def turns(self) -> int:
        """How many times another worker goes on than the one before."""
        return sum(before.worker != after.worker for before, after in pairwise(self.moments))

    def conversation(self) -> Conversation:
        """The same as a picture: who asks Redis for what, and what is there after it."""
        messages = [
            Message(moment.worker, moment.step, REDIS, remark=moment.state)
            for moment in self.moments
        ]
        tone = "good" if self.verdict == "fine" else "bad"
        messages.append(Message(REDIS, self.verdict, tone=tone))
        return Conversation(tuple(messages))


@dataclass(frozen=True)
class Race:
    """All orders of some workers' steps."""

    orders: tuple[Order, ...]

    def count(self) -> dict[str, int]:
        """How many orders end how, the most frequent end first."""
        return dict(Counter(order.verdict for order in self.orders).most_common())

    def of(self, verdict: str) -> list[Order]:
        """The orders that end so."""
        return [order for order in self.orders if order.verdict == verdict]

    def shortest(self, verdict: str) -> Order:
        """The order with the fewest steps, and then the fewest turns, that ends so.

        ImglabError when none does.
        """
        orders = self.of(verdict)
        if not orders:
            raise ImglabError(
                tr(
                    "No order ends {verdict!r}; the ends are {ends}.",
                    verdict=verdict,
                    ends=", ".join(self.count()),
                )
            )
        return min(orders, key=_length)

    def __str__(self) -> str:
        total = len(self.orders)
        lines = [tr("{total} orders are possible.", total=total)]
        for verdict, number in self.count().items():
            lines.append(
                tr("{number} of {total}: {verdict}", number=number, total=total, verdict=verdict)
            )
        return "\n".join(lines)


def _length(order: Order) -> tuple[int, int]:
    return len(order.moments), order.turns


def explore(
    programs: Mapping[str, Sequence[Step]],
    start: Callable[[], Any],
    judge: Callable[[Any, dict[str, dict[str, Any]]], str],
    *,
    show: Callable[[Any], str] = str,
) -> Race:
    """Run every order of the workers' steps, each from a state of its own, and judge its end.

    `programs` has the steps of each worker, `judge` looks at the state and at each worker's notes
    and says in a word how it ended, `show` puts a state into a line. ImglabError for no steps, and
    for more than 20,000 orders.
    """
    lengths = [len(steps) for steps in programs.values()]
    if not any(lengths):
        raise ImglabError(
            tr("There is no race without steps: give each worker a list of functions.")
        )
    number = 1
    places = sum(lengths)
    for length in lengths:
        number *= comb(places, length)
        places -= length
    if number > MOST_ORDERS:
        raise ImglabError(
            tr(
                "{number:,} orders are too many; {most:,} is the most. Use fewer steps.",
                number=number,
                most=MOST_ORDERS,
            )
        )
    orders = orders_of({name: len(steps) for name, steps in programs.items()})
    return Race(tuple(_played(order, programs, start, judge, show) for order in orders))


def orders_of(lengths: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    """Every way to put the workers' turns in a row, each worker's own order kept."""
    (name, count), *others = lengths.items()
    if not others:
        yield (name,) * count
        return
    total = sum(lengths.values())
    # Each choice of places for the first worker leaves the others the free ones, in each order.
    for rest in orders_of(dict(others)):
        for places in combinations(range(total), count):
            turns = iter(rest)
            yield tuple(name if place in places else next(turns) for place in range(total))


def _played(
    order: Sequence[str],
    programs: Mapping[str, Sequence[Step]],
    start: Callable[[], Any],
    judge: Callable[[Any, dict[str, dict[str, Any]]], str],
    show: Callable[[Any], str],
) -> Order:
    """One order, from the first step to its end."""
    state = start()
    notes: dict[str, dict[str, Any]] = {name: {} for name in programs}
    todo = {name: iter(steps) for name, steps in programs.items()}
    moments = []
    for worker in order:
        step = next(todo[worker])
        step(state, notes[worker])
        moments.append(Moment(worker, step.__name__.replace("_", " "), show(state)))
    return Order(tuple(moments), judge(state, copy.deepcopy(notes)))


def order_html(order: Order, done: int) -> str:
    """An order as a table of text: the steps so far, the next one, and those to come."""
    workers = list(dict.fromkeys(each.worker for each in order.moments))
    bold = "font-weight:bold"
    heads = [column_head(escape(worker), f"width:10em;{bold}") for worker in workers]
    heads.append(column_head(tr("what is there now"), f"width:24em;{bold}"))
    rows = [row(heads)]
    for number, moment in enumerate(order.moments):
        is_done = number < done
        texts = [moment.step if worker == moment.worker else "" for worker in workers]
        texts.append(moment.state if is_done else "")
        colour = "inherit" if is_done else GREY
        cells = [cell(escape(text), f"{WRAP_STYLE};color:{colour}") for text in texts]
        is_latest = number == done - 1
        rows.append(row(cells, bold if is_latest else ""))
    if done >= len(order.moments):
        colour = DONE if order.verdict == "fine" else BAD
        words = f"<b>{tinted('→', colour)} {escape(order.verdict)}</b>"
        rows.append(row([cell(words, columns=len(workers) + 1)]))
    return table("race", rows)


class Explorer:
    """A race in a notebook: choose an end, one of its orders, and go through it step by step."""

    def __init__(self, race: Race) -> None:
        need("lab", "IPython", "ipywidgets")
        import ipywidgets as widgets  # noqa: PLC0415 - only where there is a notebook
        from IPython.display import display  # noqa: PLC0415

        self.race = race
        total = len(race.orders)
        ends = [
            (
                tr("{verdict} ({number} of {total})", verdict=verdict, number=number, total=total),
                verdict,
            )
            for verdict, number in race.count().items()
        ]
        self.verdict = widgets.Dropdown(options=ends, description=tr("ends"))
        self.number = widgets.BoundedIntText(1, min=1, description=tr("order"))
        # It begins at the end of an order, as the picture does that stays in the file.
        _, verdict = ends[0]
        last = len(race.of(verdict)[0].moments)
        self.step = widgets.IntSlider(last, min=0, max=last, description=tr("step"))
        for each in (self.verdict, self.number, self.step):
            each.observe(self._show, "value")
        show_controls(widgets.HBox([self.verdict, self.number, self.step]))
        self._handle = display(  # type: ignore[no-untyped-call]
            self._bundle(), raw=True, display_id=True
        )

    def order(self) -> Order:
        """The order that is shown."""
        orders = self.race.of(self.verdict.value)
        self.number.max = len(orders)
        number = min(int(self.number.value), len(orders))
        return orders[number - 1]

    def _bundle(self) -> dict[str, str]:
        order = self.order()
        self.step.max = len(order.moments)
        return {"text/html": order_html(order, self.step.value), "text/plain": PLAIN_TEXT}

    def _show(self, _: object) -> None:
        self._handle.update(self._bundle(), raw=True)
