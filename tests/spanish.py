"""`make spanish`: write the Spanish edition, and what is still to be translated.

It brings the catalogues in notebooks/es/po up to date (in Poedit, Weblate or an editor, translate
what is empty in them, mend what is fuzzy, and call it again), makes the Spanish lessons and pages
from them, and runs the lessons.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nbformat
from lessons import classroom, execute, keep_measured
from translation import catalogues, editions, links


def update_catalogues() -> None:
    """Write each catalogue anew, and say how much of it is translated."""
    for source in catalogues.sources():
        catalogue = catalogues.catalogue_of(source)
        made = catalogues.fresh(catalogues.texts(source), catalogue)
        made.save(str(catalogue))
        print(f"{catalogue.name}: {made.percent_translated()} % of {len(made)}", flush=True)


def write_lesson(source: Path, *, is_run: bool) -> None:
    """Write the solved lesson and the students' one; with a run of it, or the outputs it has."""
    target = links.EDITIONS[source]
    student = links.EDITIONS[source.parent.parent / source.name]
    nb = editions.lesson(source)
    editions.keep_outputs(nb, target)
    if is_run:
        stored = nb
        with classroom() as env:
            nb = execute(stored, env, target.parent)
        if student.exists():
            keep_measured(nb, stored, nbformat.read(student, as_version=4), editions.students)
    nbformat.write(nb, target)
    nbformat.write(editions.students(nb), student)


def main() -> None:
    """Write all, or the lessons of these numbers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write-only", action="store_true", help="run nothing, keep the outputs")
    parser.add_argument("lessons", nargs="*", help="numbers of those to run; all without any")
    arguments = parser.parse_args()
    update_catalogues()
    links.EDITIONS[links.SOLVED].mkdir(exist_ok=True)
    for source in sorted(links.SOLVED.glob("[0-9][0-9]_*.ipynb")):
        is_wanted = not arguments.lessons or source.name[:2] in arguments.lessons
        print(source.name, flush=True)
        write_lesson(source, is_run=is_wanted and not arguments.write_only)
    nbformat.write(editions.lesson(links.CONTROL_ROOM), links.EDITIONS[links.CONTROL_ROOM])
    # The instructor's guide says where a cell is in a lesson: so the pages come last.
    for source, target in links.PAGES.items():
        target.write_text(editions.page(source), encoding="utf-8")


if __name__ == "__main__":
    main()
