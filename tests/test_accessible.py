"""Lessons, guide, README and views for whoever hears them, magnifies them, or sees no colours.

The browser tests run axe-core on what the lessons show, in both themes.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import nbformat
import pytest
from helpers import accessible
from helpers.accessible import OUTPUT_RULES, TEXT_RULES, page, page_of, page_of_text
from helpers.notebooks import as_in_a_notebook
from helpers.project import ROOT

from imglab.classroom.fault_room.board import Row, symptoms_html
from imglab.classroom.interleavings import explore, order_html
from imglab.views.ages import ages_html, last_moment
from imglab.views.board_table import Film, board_html
from imglab.views.frames import frames
from imglab.views.key_space import keys
from imglab.views.messages import conversation
from imglab.views.monitor import monitor
from imglab.views.recordings import recorded
from imglab.views.swimlanes import lanes_html
from imglab.views.waits import load_table
from imglab.views.who import who

FOLDER = ROOT / "notebooks"
SPANISH = FOLDER / "es"
SOLVED = [*sorted((FOLDER / "solved").glob("*.ipynb")), *sorted(SPANISH.glob("solved/*.ipynb"))]
NOTEBOOKS = [*sorted(FOLDER.glob("*.ipynb")), *sorted(SPANISH.glob("*.ipynb")), *SOLVED]
PAGES = [
    *sorted(FOLDER.glob("*.md")),
    *sorted(SPANISH.glob("*.md")),
    ROOT / "README.md",
    ROOT / "imglab" / "USING.md",
]
DOCUMENTS = [*NOTEBOOKS, *PAGES]


def name(path):
    """What stands for a file in the name of a test."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_a_text_can_be_heard_and_ones_way_found_in_it(path):
    shown = page_of(path)
    for rule in TEXT_RULES:
        assert list(rule(shown)) == []


def outputs(path):
    """Everything that a notebook keeps of a run, with the id of its cell."""
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            yield cell.id, output


@pytest.mark.parametrize("path", SOLVED, ids=name)
def test_what_a_lesson_shows_can_be_heard_and_needs_no_colour(path):
    for cell_id, output in outputs(path):
        shown = page(output.get("data", {}).get("text/html", ""))
        for rule in OUTPUT_RULES:
            assert list(rule(shown)) == [], cell_id


@pytest.mark.parametrize("path", SOLVED, ids=name)
def test_each_stored_picture_has_words_that_are_no_file_name(path):
    for cell_id, output in outputs(path):
        for kind in output.get("data", {}):
            if kind.startswith("image/"):
                alt = output.metadata.get(kind, {}).get("alt", "")
                assert list(accessible.bad_alt(alt)) == [], cell_id


def snapshot():
    """A look of a student's monitor, with a worker that is silent."""
    depth = dict.fromkeys(("pending", "processing", "completed", "failed"), 1)
    return {"at": 0, "depth": depth, "busy": {"ann": "cat"}, "silent": ["bob"]}


def drawn_views(queue):
    """The HTML of every kind of view that moves, after a short life of a queue."""
    record = recorded("many_workers")
    *_, last = frames(record)
    film = Film()
    film.add(last)
    yield board_html(replace(last, silent={"worker-1": "silent"}), film, "board", "Redis is away")
    yield board_html(last, film, "calm", calm=True)
    yield ages_html(last_moment([*record, *([record[0]] * 20)]), "ages")
    yield conversation(record)._repr_html_()
    queue.add_tasks([{}] * 3)
    queue.mark_completed(queue.get_task("ann"))
    queue.get_task("ann")
    yield lanes_html(queue)
    yield keys(queue)._repr_html_()
    race = explore({"ann": [look], "bob": [look]}, list, lambda *_: "taken twice")
    yield order_html(race.orders[0], 2)
    yield symptoms_html("rooms", [Row(1, "No photograph comes.", {}, is_well=False)])
    for view in (monitor(snapshot), load_table(queue, 5.0, 3), who(queue)):
        yield view._draw()
        view.stop()


def look(*_):
    """A step of a race that changes nothing."""


def test_each_view_says_what_its_rows_or_columns_are_and_has_colours_for_signs_only(
    queue, monkeypatch
):
    handle = SimpleNamespace(update=lambda _bundle, raw: raw)
    as_in_a_notebook(monkeypatch, lambda *_, **__: handle)
    for html in drawn_views(queue):
        for rule in OUTPUT_RULES:
            assert list(rule(page(html))) == [], html


BAD_TEXTS = [
    ("## First\n\n# Second", accessible.headings_in_order, "does not begin"),
    ("# One\n\n# Two", accessible.headings_in_order, "2 headings of level 1"),
    ("# One\n\n### Three", accessible.headings_in_order, "left out before 'Three'"),
    ("no heading", accessible.headings_in_order, "does not begin"),
    ("# One\n\n##\n", accessible.headings_with_words, "is empty"),
    ("# One\n\n## A\n\n## a", accessible.headings_with_words, "2 headings are called 'a'"),
    ("# One\n\n## One", accessible.headings_with_words, "2 headings are called 'one'"),
    ("![](cat.png)", accessible.pictures_in_words, "no words"),
    ('<img src="cat.png">', accessible.pictures_in_words, "no words"),
    ("![cat.png](cat.png)", accessible.pictures_in_words, "name of a file"),
    (f"![{'very ' * 50}long](cat.png)", accessible.pictures_in_words, "254 letters"),
    ("[here](a.ipynb)", accessible.links_say_where_they_lead, "too little"),
    ("<https://a.org>", accessible.links_say_where_they_lead, "its address"),
    ("[](a.ipynb)", accessible.links_say_where_they_lead, "no words"),
    ("| | b |\n|---|---|\n| c | d |", accessible.tables_with_heads, "a head is empty"),
    ("<table><tr><td>1</td></tr></table>", accessible.tables_with_heads, "no heads"),
    ('<b style="color:#c00">red</b>', accessible.no_word_in_a_colour, "words are in a colour"),
]


@pytest.mark.parametrize(("text", "rule", "complaint"), BAD_TEXTS)
def test_a_rule_finds_what_it_is_for(text, rule, complaint):
    (found,) = rule(page_of_text(text))
    assert complaint in found
