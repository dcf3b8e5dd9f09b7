"""Other ways to the lessons than `make lab`: Notebook 7, and the wheel alone; in a Chromium."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import browser
import pytest
from helpers.clock import until
from helpers.environments import clean_environment, make_environment
from helpers.labs import TOKEN, lab_started_by
from helpers.processes import processes_of
from helpers.rooms import room_with_lessons

from imglab.classroom.lab import FIRST
from imglab.language import ENGLISH

#: A lesson with a board.
LESSON = "notebooks/06_live_monitor.ipynb"

pytestmark = [browser.needed, pytest.mark.timeout(300)]


def test_in_notebook_7_a_lesson_runs_without_an_error_and_its_board_moves(tmp_path):
    with (
        room_with_lessons() as root,
        browser.jupyterlab(root, tmp_path, browser.NOTEBOOK_7) as notebook_7,
        browser.notebook(notebook_7, LESSON) as page,
    ):
        assert page.evaluate("jupyterapp.name") == "Jupyter Notebook"
        seen, errors = browser.run_and_watch(page, "table.imglab-live")
        browser.take_picture(page, "notebook-7")
        board = page.locator("table.imglab-live").first.inner_text()
        assert browser.cut_off(page) == []
    assert errors == []
    assert len(seen) > 10, "it moved while cells were busy"
    assert re.search(r"completed\s", board)


def test_in_an_empty_folder_the_wheel_alone_opens_lesson_00_and_its_six_lamps_are_green(
    wheel, tmp_path
):
    programs = make_environment(tmp_path / "env", sys.executable, f"imglab[lab] @ {wheel.as_uri()}")
    folder = tmp_path / "empty"
    folder.mkdir()
    environment = clean_environment()
    environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
    # An account in which nobody has ever opened JupyterLab.
    environment["HOME"] = str(tmp_path / "home")
    subprocess.run(["imglab", "course"], cwd=folder, env=environment, check=True)
    with (
        lab_started_by(
            "imglab lab", folder, environment, "--no-browser", "--expose-app-in-browser"
        ) as address,
        browser.window() as page,
    ):
        page.goto(f"{address}/?token={TOKEN}")
        browser.until_in_front(page)
        assert page.evaluate("jupyterapp.shell.currentWidget.context.path") == FIRST[ENGLISH]
        browser.start_all(page)
        errors = browser.until_done(page)
        # JupyterLab draws only what is in sight.
        page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0")
        bench = page.locator("table.imglab-bench").first
        bench.wait_for(state="visible")
        lamps = bench.inner_text()
        browser.take_picture(page, "wheel")
    until(lambda: not processes_of(folder), 30)
    assert errors == []
    assert lamps.count("green") == 6
