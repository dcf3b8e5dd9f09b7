"""The symptom board: of each room what somebody complains of, and where its tasks are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from imglab.language import tr
from imglab.queues.vocabulary import FINISHED, UNFINISHED, Status
from imglab.views.html_table import (
    BAD,
    DONE,
    GREY,
    cell,
    fixed_table,
    letters_wide,
    plain,
    row,
    row_head,
    tinted,
)
from imglab.views.live_view import Live

#: Seconds from one picture to the next.
EVERY_S = 0.25
#: The places that are counted: no room has a cancelled task of its own.
PLACES = tuple(place for place in (*UNFINISHED, *FINISHED) if place != Status.CANCELLED)
#: The letters of the room's number, and of the symptom.
NUMBER_LETTERS = 7
SYMPTOM_LETTERS = 58


@dataclass(frozen=True)
class Row:
    """One room, as it is shown."""

    number: int
    #: "" while the room is not open.
    symptom: str = ""
    #: Place → how many tasks are there.
    tasks: Mapping[str, int] = field(default_factory=dict)
    is_well: bool = False


class SymptomBoard(Live):
    """Of each room a line of complaint, and a line of figures."""

    def __init__(self, title: str, rows: Callable[[], list[Row]]) -> None:
        self.title = title
        self._rows = rows
        super().__init__(self._draw, "<symptom board>", every=EVERY_S)

    def _draw(self) -> str:
        return symptoms_html(self.title, self._rows())


def symptoms_html(title: str, rows: list[Row]) -> str:
    """The table of all rooms."""
    lines = [_line(f"<b>{plain(title)}</b>", "")]
    for each in rows:
        lines += _lines_of(each)
    return fixed_table("symptoms", lines, NUMBER_LETTERS + SYMPTOM_LETTERS)


def _lines_of(each: Row) -> list[str]:
    number = tr("room {number}", number=each.number)
    if not each.symptom:
        return [_line(number, tinted("…", GREY)), _line("", "&nbsp;")]
    mark = tinted("●", BAD)
    words = each.symptom
    if each.is_well:
        mark = tinted("✓", DONE)
        words = tr("All photographs came.")
    figures = "  ".join(f"{place} {each.tasks.get(place, 0)}" for place in PLACES)
    return [_line(number, f"{mark} {plain(words)}"), _line("", tinted(plain(figures), GREY))]


def _line(first: str, second: str) -> str:
    # The first row settles the columns.
    style = f"{letters_wide(NUMBER_LETTERS)};overflow:visible"
    head = cell(first, style)
    if first and second:  # neither the title nor a line that goes on with the one above
        head = row_head(first, style)
    return row([head, cell(second, letters_wide(SYMPTOM_LETTERS))])
