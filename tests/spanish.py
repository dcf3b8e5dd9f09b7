"""The prose of lessons and pages, and its translation: `notebooks/es` is made from it.

Code, ids and tags come from the English lesson. The prose (markdown, comments and docstrings) comes
from a PO file beside the Spanish lessons, whose entries name their cell as `msgctxt`, or the
heading that they stand below.

`python tests/spanish.py` brings the catalogues up to date. What is new is empty in them. What was
changed is fuzzy, with the old English as its previous text: mend the Spanish, take the mark away.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import guide
import nbformat
import polib
import spanish_pages

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"
SOLVED = NOTEBOOKS / "solved"
CATALOGUES = NOTEBOOKS / "es" / "po"
CONTROL_ROOM = NOTEBOOKS / "control_room.ipynb"
PAGES = (ROOT / "README.md", NOTEBOOKS / "student_guide.md", guide.GUIDE)
#: The context of what the tables say that are worked out.
TABLES = "tables"
#: A comment of a line of its own, or behind code; not a mark such as `### BEGIN SOLUTION`.
COMMENT = re.compile(r"(?:^[ ]*|  )# (?P<text>\S.*)$", re.MULTILINE)
#: What a function or a class says of itself.
DOCSTRING = re.compile(r'^ *(?:def|class) [^\n]*:\n +"""(?P<text>.+?)"""', re.MULTILINE | re.DOTALL)
#: Context and English text.
Key = tuple[str, str]


def sources() -> list[Path]:
    """All that has a Spanish edition."""
    return [*sorted(SOLVED.glob("[0-9][0-9]_*.ipynb")), CONTROL_ROOM, *PAGES]


def catalogue_of(source: Path) -> Path:
    """Where its translation is."""
    return CATALOGUES / f"{source.stem}.po"


def texts(source: Path) -> list[Key]:
    """What is translated of a notebook or a page, in its order, each once."""
    if source.suffix == ".ipynb":
        return list(dict.fromkeys(_of_cells(source)))
    found = spanish_pages.pieces(source.read_text(encoding="utf-8"))
    keys = [(piece.context, piece.text) for piece in found if piece.is_prose]
    if source == guide.GUIDE:
        keys += [(TABLES, text) for text in guide.words()]
    return list(dict.fromkeys(keys))


def _of_cells(notebook: Path) -> Iterator[Key]:
    for cell in nbformat.read(notebook, as_version=4).cells:
        for text in prose(cell):
            yield cell.id, text


def prose(cell: nbformat.NotebookNode) -> Iterator[str]:
    """The texts of a cell that are translated, in their order."""
    if cell.cell_type == "markdown":
        yield cell.source
        return
    for pattern in (DOCSTRING, COMMENT):
        for found in pattern.finditer(cell.source):
            yield found["text"]


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


def main() -> None:
    """Write the catalogue of each lesson and page anew."""
    CATALOGUES.mkdir(parents=True, exist_ok=True)
    for source in sources():
        catalogue = catalogue_of(source)
        made = fresh(texts(source), catalogue)
        made.save(str(catalogue))
        print(f"{catalogue.name}: {made.percent_translated()} %")


if __name__ == "__main__":
    main()
