"""The catalogues of lessons and pages: PO files beside the Spanish lessons.

An entry names its cell as `msgctxt`, or the heading that it stands below. What is new has an empty
translation. What was changed is fuzzy, with the old English as its previous text.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import guide
import nbformat
import polib
from guide import NOTEBOOKS, ROOT, SOLVED

from translation import cells, pages

FOLDER = NOTEBOOKS / "es" / "po"
CONTROL_ROOM = NOTEBOOKS / "control_room.ipynb"
PAGES = (ROOT / "README.md", NOTEBOOKS / "student_guide.md", guide.GUIDE)
#: The context of what the tables of a guide say that are worked out.
TABLES = "tables"
#: Context and English text.
Key = tuple[str, str]
#: What a text of a context is in Spanish.
Say = Callable[[str, str], str]


def sources() -> list[Path]:
    """All that has a Spanish edition."""
    return [*sorted(SOLVED.glob("[0-9][0-9]_*.ipynb")), CONTROL_ROOM, *PAGES]


def catalogue_of(source: Path) -> Path:
    """Where the translation of a lesson or a page is."""
    return FOLDER / f"{source.stem}.po"


def texts(source: Path) -> list[Key]:
    """What is translated of a lesson or a page, in its order, each once."""
    if source.suffix == ".ipynb":
        return list(dict.fromkeys(_of_cells(source)))
    found = pages.pieces(source.read_text(encoding="utf-8"))
    keys = [(piece.context, piece.text) for piece in found if piece.is_prose]
    if source == guide.GUIDE:
        keys += [(TABLES, text) for text in guide.words()]
    return list(dict.fromkeys(keys))


def _of_cells(notebook: Path) -> Iterator[Key]:
    for cell in nbformat.read(notebook, as_version=4).cells:
        for text in cells.prose(cell):
            yield cell.id, text


def fresh(keys: Iterable[Key], catalogue: Path) -> polib.POFile:
    """The catalogue of these texts as it should be, with the translations there are."""
    known = {}
    if catalogue.exists():
        known = {(entry.msgctxt, entry.msgid): entry for entry in polib.pofile(str(catalogue))}
    left_over = {key: entry for key, entry in known.items() if key not in set(keys)}
    made = polib.POFile(wrapwidth=100)
    made.metadata = {
        "Language": "es",
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
    }
    for key in keys:
        made.append(known.get(key) or _changed(key, left_over))
    return made


def _changed(key: Key, left_over: dict[Key, polib.POEntry]) -> polib.POEntry:
    """An entry for a new text: fuzzy where another one of its cell or section is gone."""
    context, text = key
    candidates = [english for where, english in left_over if where == context]
    entry = polib.POEntry(msgctxt=context, msgid=text)
    nearest = difflib.get_close_matches(text, candidates, n=1, cutoff=0)
    if not nearest:
        return entry
    old = left_over.pop((context, nearest[0]))
    if old.msgstr:
        entry.msgstr = old.msgstr
        entry.previous_msgid = old.previous_msgid or old.msgid
        entry.flags.append("fuzzy")
    return entry


@cache
def translation(source: Path) -> Say:
    """What says a text of this file in Spanish; in English, where that is missing or fuzzy."""
    entries = polib.pofile(str(catalogue_of(source)))
    known = {(each.msgctxt, each.msgid): each.msgstr for each in entries if each.translated()}

    def say(context: str, text: str) -> str:
        return known.get((context, text), text)

    return say
