"""The Spanish edition of a lesson or a page: the English one, with the texts of its catalogue.

A lesson keeps its code, ids, tags and order; its outputs are those of its own run.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

import guide
import nbformat
from lessons import student_edition

from translation import cells, links, pages
from translation.catalogues import TABLES, translation

#: What stands in place of a solution in the students' edition.
STUB = "# Tu código aquí"


def lesson(source: Path) -> nbformat.NotebookNode:
    """The Spanish edition of a notebook, without outputs."""
    nb = nbformat.read(source, as_version=4)
    in_spanish = translation(source)
    for cell in nb.cells:
        say = partial(in_spanish, cell.id)
        if cell.cell_type == "markdown":
            cell.source = links.in_spanish(say(cell.source), source)
        else:
            cell.source = cells.translated(cell.source, say)
            cell.outputs = []
            cell.execution_count = None
    return nb


def keep_outputs(nb: nbformat.NotebookNode, stored: Path) -> None:
    """Put back what each cell showed when the stored edition ran, for the same code."""
    if not stored.exists():
        return
    shown = {cell.id: cell for cell in nbformat.read(stored, as_version=4).cells}
    for cell in nb.cells:
        old = shown.get(cell.id)
        if cell.cell_type != "code" or not old:
            continue
        if cells.code_of(old.source) == cells.code_of(cell.source):
            cell.outputs = old.outputs
            cell.execution_count = old.execution_count


def students(solved: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The Spanish lesson as students open it."""
    return student_edition(solved, STUB)


def page(source: Path) -> str:
    """The Spanish edition of a page."""
    in_spanish = translation(source)
    text = pages.translated(source.read_text(encoding="utf-8"), in_spanish)
    text = links.in_spanish(text, source)
    if source == guide.GUIDE:
        text = guide.worked_out(text, spanish_tables())
    return text


def spanish_tables() -> guide.Edition:
    """What the tables of the Spanish guide are made of."""
    in_spanish = translation(guide.GUIDE)

    def say(text: str) -> str:
        return links.in_spanish(in_spanish(TABLES, text), guide.GUIDE)

    known = {}
    for number, each in guide.lessons().items():
        name = links.LESSONS[Path(each.name).stem] + ".ipynb"
        head = nbformat.read(links.SPANISH / name, as_version=4).cells[0].source
        title, _, _ = head.removeprefix("# ").partition("\n")
        known[number] = dataclasses.replace(each, name=name, title=title)
    return guide.Edition(links.SPANISH, known, say)
