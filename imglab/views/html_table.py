"""The HTML of every table that a notebook shows: its colours, its style, its rows and cells.

Text in cells is HTML already: whoever makes it passes what is not ours through `plain`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from imglab.text import shown

# Only signs are coloured, and words never: no colour is read as letters on white and on black (at
# least 4.5 to 1), and no meaning may be in a colour alone.
#: Okabe and Ito's colours, which differ for colour-blind eyes, dark enough on white and light
#: enough on black; a worker is known by its number, too.
COLOURS = ("#2080C8", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#B8860B", "#7B68C8", "#808080")
#: Notes, and what is still to come: the theme's own grey, for no one grey can be read on both white
#: and black (at least 4.5 to 1). Where there is no JupyterLab, the grey that comes nearest to it.
GREY = "var(--jp-ui-font-color2, #757575)"
#: Tasks in line.
WAITING = "#6d87a8"
#: What ended well.
DONE = "#2e9e6b"
#: What ended badly.
BAD = "#c4453c"

#: Arrows, lines, bars and marks: what no word is made of.
_SIGNS = re.compile("[\u2190-\u21ff\u2500-\u27bf]+")

CELL_STYLE = "text-align:left;padding:1px 0;white-space:pre;overflow:hidden;border:none"
#: A text that may be long goes on below, in its own cell; in the middle of a word where it has to.
WRAP_STYLE = "white-space:pre-wrap;overflow-wrap:break-word;vertical-align:top"
#: How high letters are in a table, in pixels.
LETTER_PX = 13
#: How wide a letter of most monospaced fonts is, in em.
LETTER_EM = 0.602
#: Letters across that have room in a browser 1,024 pixels wide, beside JupyterLab's folders.
MOST_LETTERS = 72
_TABLE_STYLE = "border-collapse:collapse;border:none;margin:0;font-family:monospace"


def plain(text: object) -> str:
    """A text that may be anybody's, as HTML in which it is nothing but text."""
    return escape(shown(text))


def tinted(html: str, colour: str) -> str:
    """The same in a colour; nothing for nothing."""
    return f'<span style="color:{colour}">{html}</span>' if html else ""


def tinted_signs(html: str, colour: str) -> str:
    """The same with its signs in a colour; its words keep that of all words."""
    return _SIGNS.sub(lambda found: tinted(found[0], colour), html)


def alarm(html: str) -> str:
    """Words that nobody shall miss: a red dot before them, for red letters are hard to read."""
    return f"{tinted('●', BAD)} {_bold(html)}" if html else ""


def _bold(html: str) -> str:
    return f'<span style="font-weight:bold">{html}</span>'


def letters_wide(count: int) -> str:
    """The style of what is so many letters wide.

    A notebook that nobody trusts drops the unit `ch`, and so there the first width counts.
    """
    return f"width:{count * LETTER_EM:.1f}em;width:{count}ch"


def cell(html: str, style: str = "", *, columns: int = 1) -> str:
    """A cell, with more style if need be; it may reach over several columns."""
    span = f' colspan="{columns}"' if columns > 1 else ""
    more = f";{style}" if style else ""
    return f'<td{span} style="{CELL_STYLE}{more}">{html}</td>'


def row_head(html: str, style: str = "") -> str:
    """The cell that says what its row is about: whoever hears a table hears it with each cell."""
    return _head(html, style, "row")


def column_head(html: str, style: str = "") -> str:
    """The cell that says what its column is about; one without a word heads nothing."""
    if not html:
        return cell(html, style)
    return _head(html, style, "col")


def _head(html: str, style: str, scope: str) -> str:
    more = f";{style}" if style else ""
    return f'<th scope="{scope}" style="{CELL_STYLE};font-weight:normal{more}">{html}</th>'


def row(cells: Iterable[str], style: str = "") -> str:
    """A row of such cells; without a ground of its own, for JupyterLab paints every second one."""
    more = f";{style}" if style else ""
    return f'<tr style="background:transparent{more}">{"".join(cells)}</tr>'


def table(name: str, rows: Iterable[str]) -> str:
    """A table as wide as what is in it; `imglab-` and its name are its class."""
    return _table(name, rows, f"{_TABLE_STYLE};font-size:{LETTER_PX}px")


def full_table(name: str, rows: Iterable[str]) -> str:
    """A table as wide as its place: a column without a width has what the others leave."""
    size = f"font-size:{LETTER_PX}px;width:100%"
    return _table(name, rows, f"table-layout:fixed;{_TABLE_STYLE};{size}")


def fixed_table(
    name: str,
    rows: Iterable[str],
    width: int,
    line_height: float = 1.45,
    letter_px: int = LETTER_PX,
) -> str:
    """A table of so many letters across, whatever is in it: nothing jumps."""
    size = f"font-size:{letter_px}px;line-height:{line_height};{letters_wide(width)}"
    return _table(name, rows, f"table-layout:fixed;{_TABLE_STYLE};{size}")


def _table(name: str, rows: Iterable[str], style: str) -> str:
    return f'<table class="imglab-{name}" style="{style}">{"".join(rows)}</table>'
