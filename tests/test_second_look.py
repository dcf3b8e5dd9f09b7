"""A test that was red is looked at again, and only a test that is green three times is forgiven."""

from __future__ import annotations

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
MANY = """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_it(number):
    assert number < 0
"""


def suite(folder, text: str) -> tuple[int, str]:
    """The exit code of `make test` with this one file of tests, and what it printed."""
    (folder / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "second_look.py", folder / "tests")
    (folder / "tests" / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    python = f"{sys.executable} -m pytest -q"
    line = f"{python} || {{ test $? -eq 1 && {sys.executable} tests/second_look.py; }}"
    # The plugins of the real suite take seconds to load, and have nothing to do here.
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        ["sh", "-c", line], cwd=folder, env=env, capture_output=True, text=True, check=False
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


def test_the_makefile_looks_a_second_time():
    assert "test $$? -eq 1 && $(BIN)/python tests/second_look.py" in (ROOT / "Makefile").read_text()
