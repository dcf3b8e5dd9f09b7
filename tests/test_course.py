"""Every row of the course is kept: by a lesson, and by a test that can fail."""

from __future__ import annotations

import course
import pytest

#: Row → the files that have a test of it.
TESTS = course.tests_of_rows()

every_row = pytest.mark.parametrize("row", course.ROWS)


def test_the_table_says_what_lessons_and_tests_say():
    text = course.DESIGN.read_text(encoding="utf-8")
    assert course.with_table(text) == text, "run python tests/course.py"


@every_row
def test_a_row_is_covered_by_a_lesson_or_by_what_teachers_have(row):
    names = [begin for begin, rows in course.COVERS.items() if row in rows]
    assert names
    assert all(course.path_of(name).is_file() for name in names)


@every_row
def test_a_row_has_a_test(row):
    assert TESTS.get(row), f"name a test test_s{row}_…"


def test_nobody_covers_or_tests_a_row_that_the_course_has_not():
    covered = {row for rows in course.COVERS.values() for row in rows}
    assert covered | set(TESTS) <= set(course.ROWS)


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ("def test_s9_s17_two_programs():\n    assert work()", {9, 17}),
        ("def test_s05_the_calls():\n    assert work()", {5}),
        ("def test_s1_a_mistake():\n    with pytest.raises(OSError):\n        work()", {1}),
        ("def test_s1_nothing_is_said():\n    work()", set()),
        ("@pytest.mark.skip('later')\ndef test_s1_later():\n    assert work()", set()),
        ("def test_another_thing_s1_is_not():\n    assert work()", set()),
        ("def helper_s1_of_a_test():\n    assert work()", set()),
    ],
)
def test_the_rows_of_a_test_are_in_its_name_and_it_asserts_something(source, rows):
    assert course.rows_in(source) == rows
