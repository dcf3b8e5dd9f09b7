"""The Spanish lessons: what they print is true, and their students' edition runs, as in English.

`make strict-es` runs all of it three times in a row.
"""

from __future__ import annotations

import os
import re

import nbformat
import pytest
from helpers.notebooks import nbval, text
from helpers.rooms import empty_room, unhurried
from lessons import execute
from translation import links
from translation.state import said_by_us

NAMES = sorted(path.name for path in (links.SPANISH / "solved").glob("*.ipynb"))

every_lesson = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def room():
    """A classroom, and the certainty that everybody has left it."""
    with empty_room() as env:
        yield env


@every_lesson
@unhurried
def test_solved_spanish_lesson_prints_again_what_is_stored(name, room):
    run = nbval("-p", "nbval_strict", "-x", links.SPANISH / "solved" / name, env=room)
    assert run.returncode == 0, f"\n{run.stdout}{run.stderr}"


@every_lesson
@unhurried
@pytest.mark.skipif(
    "IMGLAB_UNSOLVED" not in os.environ,
    reason="it has the code of the English one: make strict-es, and one lesson in the browser",
)
def test_spanish_student_lesson_runs_unsolved_from_top_to_bottom(name, room):
    lesson = nbformat.read(links.SPANISH / name, as_version=4)
    done = execute(lesson, room, links.SPANISH)
    cells = [cell for cell in done.cells if cell.cell_type == "code"]
    assert not [each for cell in cells for each in cell.outputs if "ename" in each]
    checks = [cell for cell in cells if re.match(r"\d\d-check-(?!prepare)", cell.id)]
    assert checks
    not_yet, _, _ = said_by_us()["Not yet: {exercise}"].partition("{")
    # Some say before what they try.
    assert all(not_yet in text(cell) for cell in checks)
