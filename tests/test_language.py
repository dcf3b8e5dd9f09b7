"""The language that imglab speaks: the lesson's, else IMGLAB_LANG's, else the system's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from helpers.project import ROOT
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from imglab import WorkerPool
from imglab.classroom import lab
from imglab.classroom.copies import copy_course

#: What a terminal says of its language.
LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")
ASK = "from imglab.language import language; print(language())"
#: Asks in a notebook, and in a program that the notebook starts.
ASK_TWICE = f"""\
import subprocess, sys
{ASK}
print(subprocess.check_output([sys.executable, "-c", {ASK!r}], text=True))
"""
#: A file whose sentences are English ones.
ENGLISH = "test_messages.py"


def spoken(**environment: str) -> str:
    """The language of a program in this environment."""
    kept = {name: value for name, value in os.environ.items() if name not in LOCALES}
    kept.pop("IMGLAB_LANG")
    return subprocess.check_output(
        [sys.executable, "-c", ASK], env=kept | environment, text=True
    ).strip()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"IMGLAB_LANG": "es", "LC_ALL": "C.UTF-8"}, "es"),
        ({"IMGLAB_LANG": "en", "LC_ALL": "es_ES.UTF-8"}, "en"),
        ({"LANG": "es_AR.UTF-8"}, "es"),
        ({"LANG": "es"}, "es"),
        ({"LANG": "es_ES.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "es_MX.UTF-8"}, "es"),
        # Estonian is no Spanish, and French is no language of ours.
        ({"LANG": "est_EE.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"IMGLAB_LANG": "fr", "LANG": "fr_FR.UTF-8"}, "en"),
        ({"IMGLAB_LANG": ""}, "en"),
        ({}, "en"),
    ],
)
def test_the_own_variable_goes_first_then_the_terminals_and_else_it_is_english(
    environment, expected
):
    assert spoken(**environment) == expected


@pytest.mark.parametrize(
    ("folder", "around", "expected"),
    [
        ("notebooks/es/solved", "en", "es"),
        ("notebooks", "es", "en"),
        ("elsewhere/en", "es", "es"),
    ],
)
def test_a_lesson_speaks_the_language_of_its_folder_and_so_do_its_programs(
    folder, around, expected, tmp_path
):
    here = tmp_path / folder
    here.mkdir(parents=True)
    lesson = new_notebook(cells=[new_code_cell(ASK_TWICE)])
    resources = {"metadata": {"path": str(here)}}
    client = NotebookClient(lesson, resources=resources, kernel_name="python3")
    # A kernel starts in the folder of its notebook: in nbclient, in nbval, in JupyterLab.
    done = client.execute(env={**os.environ, "IMGLAB_LANG": around})
    said = [output.text.strip() for output in done.cells[0].outputs]
    assert "\n".join(said).split() == [expected, expected]


def test_a_worker_speaks_as_its_notebook_whatever_the_environment_says(project, queue, monkeypatch):
    monkeypatch.setattr("imglab.language.language", lambda: "es")
    assert os.environ["IMGLAB_LANG"] == "en"
    with WorkerPool(1, queue=queue) as pool:
        (process,) = pool.pids.values()
        assert psutil.Process(process).environ()["IMGLAB_LANG"] == "es"


def test_the_lab_opens_the_first_lesson_in_spanish(in_spanish, tmp_path):
    copy_course(ROOT, tmp_path)
    words = " ".join(lab.command(tmp_path, ["--allow-root"]))
    assert f"default_url=/lab/tree/{lab.FIRST['es']} " in words
    Path(tmp_path / lab.FIRST["es"]).unlink()
    words = " ".join(lab.command(tmp_path, ["--allow-root"]))
    assert f"default_url=/lab/tree/{lab.FIRST['en']} " in words, "an old copy has no other"


def test_the_sentences_of_the_tests_are_english_whatever_the_environment_says():
    spanish = {"IMGLAB_LANG": "es", "LANG": "es_ES.UTF-8", "LC_ALL": "es_ES.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ROOT / "tests" / ENGLISH],
        cwd=ROOT,
        env=os.environ | spanish,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
