"""What a worker must be told before it touches some photographs: a line that works as it stands."""

from __future__ import annotations

import shlex

import pytest
from helpers.terminal import imglab, run

from imglab.cli.allowing import NAMED, say_what_to_allow


@pytest.fixture
def told(capsys):
    """What is said of some names."""

    def of(*words: object) -> str:
        say_what_to_allow(*words)
        return capsys.readouterr().err

    return of


def test_of_a_link_the_folder_of_the_file_behind_it_is_named_and_that_line_works(
    project, own_server, monkeypatch
):
    monkeypatch.setenv("IMGLAB_REDIS_URL", own_server.url)
    (project / "far").mkdir()
    (project / "images" / "sample.png").rename(project / "far" / "behind.png")
    (project / "near").mkdir()
    (project / "near" / "link.png").symlink_to(project / "far" / "behind.png")
    _, _, said = run("submit", "near/link.png")
    _, _, line = said.strip().partition(": imglab ")
    assert line == "worker --images far"
    assert "1 completed" in imglab(*shlex.split(line), "--burst")


def test_of_many_photographs_a_few_are_named_and_the_others_counted(project, told):
    names = []
    for number in range(1000):
        folder = project / f"folder {number}"
        folder.mkdir()
        (folder / "a.png").touch()
        names.append(str(folder / "a.png"))
    said = told(names, "")
    assert f"{names[NAMED - 1]} and 995 more: imglab worker --images 'folder 0' " in said
    assert said.endswith("--images 'folder 4' …\n")


def test_a_worker_of_an_engine_is_told_of_its_engine(project, told):
    (project / "far").mkdir()
    assert told(["far"], "s3://b/out", "celery").splitlines() == [
        "A worker must be told that it may read far: imglab worker --engine celery --images far",
        "A worker must be told which addresses it may touch: imglab worker --engine celery "
        "--prefix s3://b/out/",
    ]


def test_who_may_be_read_anyway_is_not_spoken_of(project, told):
    assert told(["images", "images/sample.png"], "") == ""
