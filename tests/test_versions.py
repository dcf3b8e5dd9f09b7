"""The Pythons that are promised: the same in every place, found where they are, or said."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path

import debian_python
import pytest
import versions
from helpers.pages import table
from helpers.project import ROOT

#: The head of the table in the README.
HEAD = "| you have | type | until it is installed | what CI runs of it |"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_all_that_is_promised_is_tried():
    prefix = "Programming Language :: Python :: "
    named = [each.removeprefix(prefix) for each in PROJECT["classifiers"] if prefix in each]
    with_the_gil = [each for each in versions.PYTHONS if not each.endswith("t")]
    assert named == ["3", *with_the_gil]
    assert PROJECT["requires-python"] == f">={versions.OLDEST}"
    assert with_the_gil[-1] == versions.NEWEST


def test_the_workflow_brings_each_of_them():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    (block,) = re.findall(r"python-version: \|\n((?: +[\d.]+t?\n)+)", workflow)
    assert sorted(block.split()) == sorted(versions.PYTHONS)


def test_ci_runs_them_in_short_and_the_readme_says_what_that_is():
    assert 'make versions ARGS="--short --bring"\n' in (ROOT / ".ci/run").read_text()
    having = table((ROOT / "README.md").read_text(encoding="utf-8"), HEAD)
    (pythons,) = [each for each in having if each[0].startswith("Python 3.11 to ")]
    for leg in versions.legs(is_short=False):
        assert leg.word in " ".join(pythons)


def test_in_short_a_core_of_them_runs_with_the_lowest_versions_and_on_the_newest_python():
    legs = versions.legs(is_short=True)
    assert [leg.word for leg in legs] == ["lowest", versions.NEWEST]
    assert all(leg.is_core for leg in legs)


def test_in_short_nothing_runs_where_all_tests_ran(monkeypatch):
    monkeypatch.setattr(versions, "NEWEST", versions.version_of(Path(sys.executable)))
    assert [leg.is_tested for leg in versions.legs(is_short=True)] == [False, True]


def test_else_all_fast_tests_run_on_each_python():
    legs = versions.legs(is_short=False)
    assert [leg.word for leg in legs] == ["lowest", *versions.PYTHONS]
    assert not any(leg.is_core for leg in legs)


def test_each_file_of_the_core_is_there():
    assert [name for name in versions.CORE if not (ROOT / "tests" / name).exists()] == []


def stand_in(folder: Path, version: str, body: str) -> Path:
    """A program with the name of a Python."""
    folder.mkdir(parents=True)
    program = folder / f"python{version}"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return program


def test_a_python_is_found_on_the_path_and_in_the_folder_of_pyenv(tmp_path, monkeypatch):
    in_pyenv = stand_in(tmp_path / "pyenv/versions/3.98.1/bin", "3.98", "echo 3.98")
    on_path = stand_in(tmp_path / "bin", "3.97", "echo 3.97")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", f"{on_path.parent}{os.pathsep}{os.environ['PATH']}")
    assert versions.find("3.97") == str(on_path)
    assert versions.find("3.98") == str(in_pyenv)
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert versions.version_of(Path(sys.executable)).removesuffix("t") == ours


@pytest.mark.parametrize("body", ["echo no such version >&2; exit 127", "echo 3.11"])
def test_a_program_that_is_no_such_python_is_passed_by(tmp_path, monkeypatch, body):
    program = stand_in(tmp_path / "bin", "3.96", body)
    monkeypatch.setenv("PATH", str(program.parent))
    assert versions.find("3.96") is None


def test_a_python_that_is_not_here_is_said_and_is_not_red(monkeypatch, capsys):
    monkeypatch.setattr(versions, "PYTHONS", ("3.95",))
    monkeypatch.setattr(versions, "OLDEST", "3.95")
    monkeypatch.setattr(versions, "NEWEST", "3.95")
    assert versions.main(["--short"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "",
        "Python 3.95 with the lowest versions: "
        "not run: no python3.95 here (`uv python install 3.95` brings one)",
        "Python 3.95 with the newest versions: "
        "not run: no python3.95 here (`uv python install 3.95` brings one)",
    ]


def test_what_debian_cannot_bring_is_said_with_its_reason(monkeypatch, tmp_path):
    with pytest.raises(debian_python.NotToBeHad, match="no no-such-program: No such file"):
        debian_python.run("no-such-program")
    with pytest.raises(debian_python.NotToBeHad, match=r"^sh: the last line$"):
        debian_python.run("sh", "-c", "echo one >&2; echo the last line >&2; exit 1")
