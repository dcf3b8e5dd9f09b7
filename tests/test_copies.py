"""A student's own copy of the course."""

from __future__ import annotations

import pytest
from helpers.project import ROOT

from imglab.classroom.copies import copy_course
from imglab.errors import ImglabError
from imglab.project import project_root


def test_a_copy_has_both_editions_and_the_photographs_and_is_a_project(tmp_path, monkeypatch):
    mine = tmp_path / "mine"
    copy_course(ROOT, mine)
    for name in ("notebooks/05_many_workers.ipynb", "notebooks/solved/05_many_workers.ipynb"):
        assert (mine / name).read_bytes() == (ROOT / name).read_bytes()
    assert (mine / "images" / "coffee.jpg").is_file()
    monkeypatch.delenv("IMGLAB_ROOT", raising=False)
    monkeypatch.chdir(mine / "notebooks")
    assert project_root() == mine


def test_a_second_copy_brings_what_is_new_and_keeps_what_was_written(tmp_path):
    mine = tmp_path / "mine"
    copy_course(ROOT, mine)
    written = mine / "notebooks" / "05_many_workers.ipynb"
    written.write_text("my work")
    gone = mine / "notebooks" / "00_the_bench.ipynb"
    gone.unlink()
    assert copy_course(ROOT, mine) == [gone]
    assert written.read_text() == "my work"


def test_the_project_itself_is_no_place_for_a_copy(tmp_path):
    with pytest.raises(ImglabError, match="another folder"):
        copy_course(ROOT, ROOT)
    with pytest.raises(ImglabError, match="no lessons"):
        copy_course(tmp_path, tmp_path / "mine")


def test_a_file_is_no_place_for_a_copy(tmp_path):
    file = tmp_path / "course.txt"
    file.touch()
    with pytest.raises(ImglabError, match="is a file: name a folder"):
        copy_course(ROOT, file)
