"""The pages for readers in pieces: the README and both guides.

A piece is a heading, a paragraph, an item of a list, or a row of a table. Its context in a
catalogue is the anchor of the heading that it stands below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from helpers.pages import anchor

#: Between such marks stands what follows from the lessons; it is worked out in each language.
WORKED_OUT = re.compile(
    r"^(?P<begin><!-- (?:agenda|cells) [^\n]*-->\n).*?(?=^<!-- end of)", re.DOTALL | re.MULTILINE
)
#: How a line begins that begins a piece of its own: a heading, a row of a table, an item of a list.
BEGINNING = re.compile(r"#+ |\||- |\d+\. ")
#: A line that is the same in every language: nothing, a mark, the line below a table's head.
NO_PROSE = re.compile(r"\s*|<!--.*-->|[|-]+")
FENCE = re.compile(r" *```")


@dataclass
class Piece:
    """Lines of a page that are translated together, or not at all."""

    #: The anchor of the heading above it, or its own.
    context: str
    text: str
    is_prose: bool


def pieces(page: str) -> Iterator[Piece]:
    """The pieces of a page, in their order; their lines are all lines of the page."""
    context = ""
    for text in _texts(WORKED_OUT.sub(r"\g<begin>", page)):
        if text.startswith("#"):
            context = anchor(text.lstrip("# "))
        is_prose = not NO_PROSE.fullmatch(text)
        if FENCE.match(text):
            # A program is the same in every language, what it says of itself is not.
            is_prose = "  # " in text
        yield Piece(context, text, is_prose)


def _texts(page: str) -> Iterator[str]:
    """The texts of the pieces: some lines each, blocks of code as a whole."""
    lines: list[str] = []
    is_code = False
    for line in page.splitlines():
        is_fence = bool(FENCE.match(line))
        alone = NO_PROSE.fullmatch(line) or BEGINNING.match(line) or is_fence
        ended = bool(lines) and bool(NO_PROSE.fullmatch(lines[-1]) or FENCE.match(lines[-1]))
        if lines and not is_code and (alone or ended):
            yield "\n".join(lines)
            lines = []
        lines.append(line)
        is_code = is_code is not is_fence
    yield "\n".join(lines)


def translated(page: str, say: Callable[[str, str], str]) -> str:
    """The page with what `say` makes of context and text, and nothing between its marks."""
    lines = []
    for piece in pieces(page):
        text = piece.text
        if piece.is_prose:
            text = say(piece.context, text)
        lines.append(text)
    return "\n".join(lines) + "\n"
