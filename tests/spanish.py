"""The prose of the lessons, and its translation: `notebooks/es` is made from it.

Code, ids and tags come from the English lesson. The prose (markdown, comments and docstrings) comes
from a PO file beside the Spanish lessons, whose entries name their cell as `msgctxt`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import polib

ROOT = Path(__file__).parent.parent
SOLVED = ROOT / "notebooks" / "solved"
SPANISH = ROOT / "notebooks" / "es"
CATALOGUES = SPANISH / "po"
#: A comment of a line of its own, or behind code; not a mark such as `### BEGIN SOLUTION`.
COMMENT = re.compile(r"(?:^[ ]*|  )# (?P<text>\S.*)$", re.MULTILINE)
#: What a function or a class says of itself.
DOCSTRING = re.compile(r'^ *(?:def|class) [^\n]*:\n +"""(?P<text>.+?)"""', re.MULTILINE | re.DOTALL)


def prose(cell: nbformat.NotebookNode) -> Iterator[str]:
    """The texts of a cell that are translated, in their order."""
    if cell.cell_type == "markdown":
        yield cell.source
        return
    for pattern in (DOCSTRING, COMMENT):
        for found in pattern.finditer(cell.source):
            yield found["text"]


def fresh(notebook: Path, catalogue: Path) -> polib.POFile:
    """The catalogue of a notebook as it should be: its texts, with the translations there are."""
    known = polib.pofile(str(catalogue)) if catalogue.exists() else polib.POFile()
    translations = {(entry.msgctxt, entry.msgid): entry.msgstr for entry in known}
    made = polib.POFile(wrapwidth=100)
    made.metadata = {
        "Language": "es",
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
    }
    for cell in nbformat.read(notebook, as_version=4).cells:
        for text in dict.fromkeys(prose(cell)):
            said = translations.get((cell.id, text), "")
            made.append(polib.POEntry(msgctxt=cell.id, msgid=text, msgstr=said))
    return made


def main() -> None:
    """Write the catalogue of each lesson anew: new and changed texts are empty in it."""
    CATALOGUES.mkdir(parents=True, exist_ok=True)
    guide = ROOT / "notebooks" / "control_room.ipynb"
    for notebook in (*sorted(SOLVED.glob("[0-9][0-9]_*.ipynb")), guide):
        catalogue = CATALOGUES / f"{notebook.stem}.po"
        made = fresh(notebook, catalogue)
        made.save(str(catalogue))
        print(f"{catalogue.name}: {made.percent_translated()} %")


if __name__ == "__main__":
    main()
