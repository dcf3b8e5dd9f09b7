"""A test that was red is looked at again, and only a test that is green three times is forgiven."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

from helpers.project import ROOT

#: Red in its runs of these numbers, counted from 1: the first one is that of the whole suite.
TEST = """
from pathlib import Path

RED = {red}

def test_it():
    runs = Path("runs")
    number = len(runs.read_text()) + 1 if runs.exists() else 1
    runs.write_text("x" * number)
    assert number not in RED
"""
STALE = {"tests/test_it.py::test_of_old": True, "tests/test_gone.py::test_gone": True}
MANY = """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_it(number):
    assert number < 0
"""


def recipe() -> str:
    """What the Makefile has for `make test`, with this Python, and one test at a time."""
    _, _, rest = (ROOT / "Makefile").read_text().partition("\ntest:")
    line = rest.splitlines()[1].strip().replace("$(BIN)/python", sys.executable)
    return line.replace("$(SIDE_BY_SIDE)", "-q").replace("$$", "$")


def suite(folder, text: str) -> tuple[int, str]:
    """The exit code of `make test` with this one file of tests, and what it printed."""
    (folder / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "second_look.py", folder / "tests")
    (folder / "tests" / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    # The plugins of the real suite take seconds to load, and have nothing to do here.
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        ["sh", "-c", recipe()], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_a_red_test_that_is_green_three_times_is_forgiven_and_named(tmp_path):
    code, printed = suite(tmp_path, TEST.format(red={1}))
    assert code == 0
    assert len((tmp_path / "runs").read_text()) == 4
    assert "GREEN ONLY AT THE SECOND LOOK: tests/test_it.py::test_it" in printed


def test_a_test_that_is_red_in_any_look_is_red(tmp_path):
    assert suite(tmp_path, TEST.format(red={1, 3}))[0] == 1
    assert len((tmp_path / "runs").read_text()) == 3


def test_many_red_tests_get_no_second_look(tmp_path):
    code, printed = suite(tmp_path, MANY)
    assert code == 1
    assert "no second look" in printed


def test_a_suite_that_broke_off_gets_no_second_look(tmp_path):
    code, printed = suite(tmp_path, "import no_such_module")
    assert code != 0
    assert "second look" not in printed


def test_what_was_red_under_an_old_name_does_not_count(tmp_path):
    noted = tmp_path / ".pytest_cache" / "v" / "cache" / "lastfailed"
    noted.parent.mkdir(parents=True)
    noted.write_text(json.dumps(STALE))
    code, printed = suite(tmp_path, TEST.format(red={1}))
    assert "\nRed: tests/test_it.py::test_it\n" in printed
    assert code == 0
