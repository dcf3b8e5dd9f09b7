"""Every lesson in JupyterLab, in a real Chromium: it shows what is stored, and runs without error.

Without a browser, test_lessons.py runs the students' edition.
"""

from __future__ import annotations

from pathlib import PurePosixPath

import browser
import nbformat
import pytest
from helpers.rooms import room_with_lessons
from lessons import SOLVED
from translation.state import said_by_us

from imglab.queues.own_password import read_password

#: Below notebooks/: all in English, and one in Spanish, whose words are longer.
IN_SPANISH = "es/05_muchos_workers.ipynb"
NAMES = [*sorted(path.name for path in SOLVED.glob("[0-9][0-9]_*.ipynb")), IN_SPANISH]
#: Views that move by themselves, and all of them.
MOVING = ", ".join(
    f"table.imglab-{name}"
    for name in ("live", "lanes", "bench", "monitor", "ages", "waits", "symptoms")
)
#: What a check says, as it stands in the package.
NOT_YET = "Not yet: {exercise}"
PASSED = "PASSED {exercise}: {count} of {count}"
VIEWS = 'table[class^="imglab-"]'
#: Lessons that start no Redis, so that there may be no password yet.
WITHOUT_REDIS = ("01", "02")
#: Pixels of a small screen, or of a projector.
SMALL = 1024
pytestmark = [browser.needed, pytest.mark.timeout(600)]


def solved(name: str) -> str:
    """Where the solved lesson is, below notebooks/."""
    path = PurePosixPath(name)
    return str(path.parent / "solved" / path.name)


def said(name: str, text: str) -> str:
    """How a message of ours begins in a lesson."""
    if name == IN_SPANISH:
        text = said_by_us()[text]
    return text.partition("{")[0]


def stored_views(name: str) -> int:
    """How many live views a solved lesson keeps."""
    outputs = [
        each.get("data", {}).get("text/html", "")
        for cell in nbformat.read(SOLVED.parent / solved(name), as_version=4).cells
        if cell.cell_type == "code"
        for each in cell.outputs
    ]
    return sum('<table class="imglab-' in html for html in outputs)


@pytest.fixture(scope="module")
def room():
    """A classroom with the lessons, which nobody trusts yet."""
    with room_with_lessons() as root:
        yield root


@pytest.fixture(scope="module")
def lab(room, tmp_path_factory):
    """A JupyterLab on the classroom."""
    with browser.jupyterlab(room, tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def only_page(lab):
    """JupyterLab in a small window, loaded once for all lessons."""
    with browser.window(width=SMALL) as page:
        browser.load(page, lab)
        yield page


@pytest.fixture
def page(only_page):
    """The page as it was in the beginning, whatever another lesson did to it."""
    browser.use_theme(only_page, browser.THEMES[0])
    only_page.set_viewport_size({"width": SMALL, "height": browser.HEIGHT})
    return only_page


@pytest.mark.parametrize("name", NAMES)
def test_a_solved_lesson_shows_its_views_though_nobody_trusts_it(name, page):
    with browser.only_notebook(page, f"notebooks/{solved(name)}", has_kernel=False):
        live = page.locator(VIEWS)
        # As in a fresh clone: no output is trusted, and nothing has run yet.
        assert live.count() == stored_views(name)
        assert all(text.strip() for text in live.all_inner_texts())
        assert browser.cut_off(page) == []
        # Trusted, as they are after a run, widths are those that the views ask for.
        browser.trust(page)
        assert browser.cut_off(page) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_students_lesson_runs_unsolved_from_top_to_bottom_without_an_error(name, page, room):
    with browser.only_notebook(page, f"notebooks/{name}"):
        live, moving = page.locator(VIEWS), page.locator(MOVING)
        seen, errors = browser.run_and_watch(page, MOVING)
        shown = page.locator(".jp-OutputArea-output").all_inner_texts()
        told = browser.told(page)
        assert live.count() == stored_views(name)
        moves = moving.count() > 0
        if page.locator("table.imglab-race").count():
            go_through_a_race(page)
        for theme in browser.THEMES:
            browser.use_theme(page, theme)
            assert browser.cut_off(page) == [], theme
            assert browser.barriers(page) == [], theme
            take_picture(page, name.replace("/", "-").removesuffix(".ipynb"), theme)
    assert errors == []
    assert [text for text in shown if text.startswith(said(name, NOT_YET))]
    assert not [text for text in shown if text.startswith(said(name, PASSED))]
    password = read_password(room / ".imglab" / "redis")
    if password or name[:2] not in WITHOUT_REDIS:
        assert password
        assert password not in told, "no lesson shows the password of the room's Redis"
    if moves:
        assert len(seen) > 2, "the live views moved while cells were busy"


def take_picture(page, name, theme):
    """The whole lesson in one picture."""
    if not browser.is_filmed():
        return
    height = page.evaluate("document.querySelector('.jp-WindowedPanel-inner').scrollHeight")
    page.set_viewport_size({"width": SMALL, "height": height + 200})
    page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0")
    browser.take_picture(page, name, theme)


def go_through_a_race(page):
    """Step back to the beginning of an order, as a student does with the slider."""
    race = page.locator("table.imglab-race").first
    before = race.inner_text()
    slider = page.locator(".widget-hslider .noUi-handle").first
    slider.focus()
    slider.press("Home")
    page.wait_for_function(
        "text => document.querySelector('table.imglab-race').innerText != text", arg=before
    )
    assert "→" in before
    assert "→" not in race.inner_text()
