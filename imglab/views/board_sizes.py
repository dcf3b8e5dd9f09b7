"""How large a board is, and how much there is room for on it: beside other things, and alone."""

from __future__ import annotations

from dataclasses import dataclass

from imglab.language import tr
from imglab.queues.vocabulary import PRIORITIES
from imglab.views.html_table import LETTER_PX, MOST_LETTERS
from imglab.views.place_words import PLACE_WORDS

#: Workers with a row of their own; the others are counted.
WORKER_ROWS = 8


@dataclass(frozen=True)
class Size:
    """How large a board is, and how much there is room for; widths are in letters."""

    letter_px: int
    line_height: float
    #: The three columns: name, picture, number.
    columns: tuple[int, int, int]
    #: Squares in a row; with more tasks, each stands for several.
    squares: int
    #: The words about a claim beside its task, such as its try.
    notes: int
    #: The bar that shows how much of a lease is left.
    lease: int
    #: Events in words, below.
    sentences: int
    #: Workers and events together: with many workers there are fewer sentences.
    rows: int

    @property
    def width(self) -> int:
        """All columns together."""
        return sum(self.columns)


#: Letters of a row's name; the longest of them has room in each language.
NAME_LETTERS = max(16, *(len(PLACE_WORDS[each]) + 1 for each in PRIORITIES))
#: Letters of the last column: so many tasks left have room.
NUMBER_LETTERS = len(tr("{count:,} left", count=1000))
#: Letters of the words about a claim, at the least: those of its try.
NOTE_LETTERS = max(5, len(tr("try {attempt}", attempt=2)))
#: A board beside other things.
NORMAL_SIZE = Size(
    letter_px=LETTER_PX,
    line_height=1.45,
    columns=(NAME_LETTERS, MOST_LETTERS - NAME_LETTERS - NUMBER_LETTERS, NUMBER_LETTERS),
    squares=40,
    notes=9,
    lease=10,
    sentences=4,
    rows=WORKER_ROWS + 1 + 4,
)
#: A board that is read from the last row of a class, and is no wider than a small projector.
BIG_SIZE = Size(
    letter_px=20,
    line_height=1.25,
    columns=(NAME_LETTERS, 36, NUMBER_LETTERS - 1),
    squares=30,
    notes=NOTE_LETTERS,
    lease=8,
    sentences=3,
    rows=WORKER_ROWS,
)
