"""A student's own copy of the course."""

from __future__ import annotations

import pytest
from helpers.project import ROOT

import imglab
from imglab.classroom.copies import HANDED_OUT, check_empty, copy_course
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


@pytest.fixture
def two_versions(tmp_path, monkeypatch):
    """A course in its first version, and how it becomes the second one."""
    source = tmp_path / "source"
    (source / "notebooks").mkdir(parents=True)
    (source / "images").mkdir()
    for name in ("notebooks/00.ipynb", "notebooks/01.ipynb", "images/cat.jpg"):
        (source / name).write_text(f"{name}, first version")

    def renew() -> None:
        for name in ("notebooks/00.ipynb", "notebooks/01.ipynb", "notebooks/02.ipynb"):
            (source / name).write_text(f"{name}, second version")
        monkeypatch.setattr(imglab, "__version__", "2.0")

    return source, renew


def test_an_update_replaces_what_nobody_changed_and_goes_beside_what_somebody_did(
    two_versions, tmp_path
):
    source, renew = two_versions
    mine = tmp_path / "mine"
    copy_course(source, mine)
    (mine / "notebooks/01.ipynb").write_text("my work")
    renew()
    copied = copy_course(source, mine, update=True)
    names = [file.relative_to(mine).as_posix() for file in copied]
    assert names == ["notebooks/00.ipynb", "notebooks/01.2.0.ipynb", "notebooks/02.ipynb"]
    assert (mine / "notebooks/00.ipynb").read_text().endswith("second version")
    assert (mine / "notebooks/01.ipynb").read_text() == "my work"
    assert copy_course(source, mine, update=True) == []


def test_an_update_never_writes_over_work_in_a_file_that_it_brought_itself(two_versions, tmp_path):
    source, renew = two_versions
    mine = tmp_path / "mine"
    copy_course(source, mine)
    (mine / "notebooks/01.ipynb").write_text("my work")
    renew()
    copy_course(source, mine, update=True)
    (mine / "notebooks/01.2.0.ipynb").write_text("more of my work")
    assert copy_course(source, mine, update=True) == []
    assert (mine / "notebooks/01.2.0.ipynb").read_text() == "more of my work"


def test_without_a_list_of_what_was_handed_out_everything_there_is_somebodys_work(
    two_versions, tmp_path
):
    source, renew = two_versions
    mine = tmp_path / "mine"
    copy_course(source, mine)
    (mine / HANDED_OUT).write_text("[no list")
    renew()
    copy_course(source, mine, update=True)
    assert (mine / "notebooks/00.ipynb").read_text().endswith("first version")
    assert (mine / "notebooks/00.2.0.ipynb").read_text().endswith("second version")


def test_a_folder_with_other_things_in_it_becomes_no_course_by_accident(tmp_path):
    check_empty(tmp_path)
    (tmp_path / "imglab-0.1.0-py3-none-any.whl").touch()
    (tmp_path / ".venv").mkdir()
    check_empty(tmp_path)
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ImglabError, match=r"such as thesis\.tex: go into an empty folder"):
        check_empty(tmp_path)
    copy_course(ROOT, tmp_path)  # by its name
    check_empty(tmp_path)
