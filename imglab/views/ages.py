"""How long each waiting task has waited, a lane for each priority; the age is counted in claims.

A time in seconds differs from run to run. How many claims passed a task by is the same each time,
and says the same: others were served, and this one was not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imglab.language import tr
from imglab.queues import BaseQueue
from imglab.queues.vocabulary import PRIORITIES, Event, Status, meaning, status_after
from imglab.text import short, shown
from imglab.views.html_table import (
    BAD,
    COLOURS,
    GREY,
    cell,
    column_head,
    fixed_table,
    letters_wide,
    plain,
    row,
    row_head,
    tinted,
)
from imglab.views.live_view import Live
from imglab.views.recordings import Replay

#: Ages in a lane; of a longer line, those at its front.
LANE_TASKS = 7
#: Letters of an age.
AGE_LETTERS = 5
#: The latest claims that are shown, each as the first letter of its level.
LAST_CLAIMS = 64
#: Claims that a task waits at most where every 8th claim serves the other two levels in turn.
FAIR_WAIT = 16
#: What stands before an age that no task reaches where levels take turns.
TOO_LONG = "●"
#: What stands below: what the numbers are, and the signs.
LEGEND = (
    tr("a number: how many claims passed a task by  ▶ front of the line"),
    tr(
        "{sign} {claims} claims or more: with turns, the front of a line waits less",
        sign=TOO_LONG,
        claims=FAIR_WAIT,
    ),
)
#: Letters for how many more tasks stand behind those with an age in the lane.
MORE_LETTERS = 10
#: Letters of the four columns: level, lane, claims, longest wait.
COLUMNS = (8, MORE_LETTERS + LANE_TASKS * AGE_LETTERS + 2, 8, 9)


@dataclass(frozen=True)
class Moment:
    """The lines of a queue after some claims."""

    #: How many tasks were claimed so far.
    claims: int
    #: Level → ages of those that wait, in claims; the front of the line first.
    waiting: Mapping[str, Sequence[int]]
    #: Level → how many were claimed.
    served: Mapping[str, int]
    #: Level → the longest wait in claims, of those claimed and of those that wait.
    longest: Mapping[str, int]
    #: The levels of the latest claims, oldest first.
    latest: Sequence[str]

    def __str__(self) -> str:
        lines = [tr("level    claimed  waiting   longest wait, in claims")]
        for level, ages in self.waiting.items():
            note = ""
            if ages and max(ages) == self.longest[level]:
                note = tr("  (it still waits)")
            numbers = f"{self.served[level]:8}{len(ages):9}{self.longest[level]:26}"
            lines.append(f"{shown(level):8}{numbers}{note}")
        if self.latest:
            name = tr("claims")
            lines.append(f"{name:8}{''.join(map(_letter, self.latest))}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return ages_html(self)


class _Lines:
    """The lines as the events tell of them."""

    def __init__(self, levels: Sequence[str]) -> None:
        #: Level → task → how many claims there were when it came; the front first.
        self._came: dict[str, dict[str, int]] = {level: {} for level in levels}
        self._level_of: dict[str, str] = {}
        self._served = dict.fromkeys(levels, 0)
        self._longest = dict.fromkeys(levels, 0)
        self._latest: list[str] = []
        self._claims = 0

    def take(self, event: Mapping[str, Any]) -> bool:
        """Take note of the next event; whether it is a claim."""
        task = event["task"]
        if event["event"] == Event.ADDED:
            self._level_of[task] = event.get("priority", "")
        level = self._level_of.get(task, "")
        if level not in self._came:  # its beginning is no longer kept, or it is of no level here
            return False
        line = self._came[level]
        if status_after(event) == Status.PENDING:
            self._line_up(line, task, is_first=event["event"] == Event.RELEASED)
        elif event["event"] == Event.CLAIMED:
            self._claim(level, self._claims - line.pop(task, self._claims))
            return True
        elif meaning(event) is not None:  # cancelled, set aside: it waits no more
            line.pop(task, None)
        return False

    def _line_up(self, line: dict[str, int], task: str, *, is_first: bool) -> None:
        """Put a task into its line; one that comes back waits anew."""
        others = dict(line)
        if is_first:
            line.clear()
        line[task] = self._claims
        if is_first:
            line.update(others)

    def _claim(self, level: str, wait: int) -> None:
        self._claims += 1
        self._served[level] += 1
        self._longest[level] = max(self._longest[level], wait)
        self._latest.append(level)
        del self._latest[:-LAST_CLAIMS]

    def moment(self) -> Moment:
        """The lines as they are now."""
        waiting = {}
        longest = {}
        for level, line in self._came.items():
            ages = [self._claims - came for came in line.values()]
            waiting[level] = ages
            longest[level] = max([self._longest[level], *ages])
        return Moment(self._claims, waiting, dict(self._served), longest, tuple(self._latest))


def moments(
    events: Iterable[Mapping[str, Any]], levels: Sequence[str] = PRIORITIES
) -> Iterator[Moment]:
    """The lines after each claim of a record, oldest first; the last one is how they are now."""
    lines = _Lines(levels)
    is_new = True
    for event in events:
        is_claim = lines.take(event)
        is_new = not is_claim
        if is_claim:
            yield lines.moment()
    if is_new:
        yield lines.moment()


def last_moment(events: Iterable[Mapping[str, Any]], levels: Sequence[str] = PRIORITIES) -> Moment:
    """The lines as a record leaves them; its text is a table of what each level got."""
    lines = _Lines(levels)
    for event in events:
        lines.take(event)
    return lines.moment()


def ages_html(moment: Moment, title: str = "") -> str:
    """The lines at one moment, as an HTML table that reads as text."""
    levels = list(moment.waiting)
    colours = {level: COLOURS[number % len(COLOURS)] for number, level in enumerate(levels)}
    name = title or tr("ages")
    after = tr("after {count:,} claims", count=moment.claims)
    head = f"<b>{plain(name)}</b>   {plain(after)}"
    rows = [_head_row(head)]
    rows += [_level_row(level, moment, colours[level]) for level in levels]
    letters = [plain(_letter(level)) for level in moment.latest]
    rows.append(
        _wide_row(row_head(plain(tr("claims")), letters_wide(COLUMNS[0])), "".join(letters))
    )
    # The same in colours, for a pattern is seen sooner than read.
    blocks = [tinted("▀", colours[level]) for level in moment.latest]
    rows.append(_wide_row(cell(""), "".join(blocks)))
    rows += [_wide_row(cell(""), tinted(words, GREY)) for words in LEGEND]
    return fixed_table("ages", rows, sum(COLUMNS))


def _level_row(level: str, moment: Moment, colour: str) -> str:
    first, second, third, fourth = COLUMNS
    to_the_right = "text-align:right"
    mark = tinted("■", colour)
    return row(
        [
            row_head(f"{mark} {_name(level)}", letters_wide(first)),
            cell(_lane(moment.waiting[level]), f"{letters_wide(second)};{to_the_right}"),
            cell(f"{moment.served[level]:,}", f"{letters_wide(third)};{to_the_right}"),
            cell(_age(moment.longest[level]), f"{letters_wide(fourth)};{to_the_right}"),
        ]
    )


def _age(age: int, letters: int = 0) -> str:
    """An age with at least so many letters, and with a mark if it is too long."""
    words = f"{age:,}"
    if age < FAIR_WAIT:
        return f"{words:>{letters}}"
    words = f"{TOO_LONG}{words}"
    return f"{words:>{letters}}".replace(TOO_LONG, tinted(TOO_LONG, BAD))


def _lane(ages: Sequence[int]) -> str:
    """The ages with the front of the line on the right, as in the list in Redis."""
    parts = [_age(age, AGE_LETTERS) for age in ages[:LANE_TASKS]]
    more = len(ages) - len(parts)
    if more:
        parts.append(tinted(tr("+{count:,} more", count=more), GREY))
    parts.reverse()
    return "".join(parts) + " ▶"


def _letter(level: str) -> str:
    """What stands for a claim of a level in a row of claims."""
    return shown(level)[:1].upper()


def _name(level: str) -> str:
    return plain(short(shown(level), COLUMNS[0] - len("■ ")))


def _head_row(title: str) -> str:
    first, second, third, fourth = COLUMNS
    return row(
        [
            # The title of the table runs over into the lane, which is empty beside it.
            cell(title, f"{letters_wide(first)};overflow:visible"),
            cell("", letters_wide(second)),
            column_head(tr("claimed"), f"{letters_wide(third)};text-align:right"),
            column_head(tr("longest"), f"{letters_wide(fourth)};text-align:right"),
        ]
    )


def _wide_row(first: str, words: str) -> str:
    others = COLUMNS[1:]
    wide = cell(words, letters_wide(sum(others)), columns=len(others))
    return row([first, wide])


def ages(queue: BaseQueue, title: str = "") -> Live:
    """Show a live view of how long tasks have waited, in claims; stop it, or use `with`.

    It reads the queue's events, so begin with one that was cleared.
    """

    def picture() -> str:
        return ages_html(last_moment(queue.events()), title)

    return Live(picture, of=("ages", queue))


def replay_ages(
    events: Iterable[Mapping[str, Any]], title: str = "", levels: Sequence[str] = PRIORITIES
) -> Replay:
    """Show the lines after each claim of a record, with a slider and a play button.

    It needs no Redis: `list(queue.events())` is a record.
    """
    drawn = [ages_html(moment, title) for moment in moments(events, levels)]
    return Replay(drawn)
