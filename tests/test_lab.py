"""What `imglab lab` starts: JupyterLab on lesson 00, and terminals and kernels that know imglab."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
from helpers.project import ROOT
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from imglab.classroom import lab
from imglab.classroom.workplace import check_workplace
from imglab.console.restarts import NOT_RUN_YET, REDIS_AWAY
from imglab.errors import ImglabError


@pytest.fixture
def prepared(project, monkeypatch):
    """A project in which JupyterLab is about to start; the environment is as it was afterwards."""
    for name in ("PATH", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH", "ZDOTDIR"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setenv("SHELL", shutil.which("bash"))
    lab.prepare(project)
    return project


def test_it_opens_lesson_00_and_passes_options_on(project, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    words = lab.command(project, ["--no-browser", "--port=9999"])
    assert "--LabApp.default_url=/lab/tree/notebooks/00_the_bench.ipynb" in words
    assert all((ROOT / lesson).is_file() for lesson in lab.FIRST.values())
    assert words[-2:] == ["--no-browser", "--port=9999"]
    assert "--allow-root" not in words


def test_root_is_told_what_to_do(project, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(lab, "CONTAINER_MARKS", ())
    with pytest.raises(ImglabError, match="make lab ARGS=--allow-root"):
        lab.command(project, [])
    assert lab.command(project, ["--allow-root"]).count("--allow-root") == 1


def test_in_a_container_root_is_usual_and_is_said_aloud(project, monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(lab, "CONTAINER_MARKS", (project,))
    assert "--allow-root" in lab.command(project, [])
    assert "You are root in a container" in capsys.readouterr().out


def defaults(plugin: str) -> dict:
    """What a JupyterLab that begins here takes for the defaults of one of its plugins."""
    code = "import json; from jupyterlab_server.settings_utils import _get_overrides as o; "
    code += f"print(json.dumps(o('/nowhere')[0][{plugin!r}]))"
    return json.loads(subprocess.check_output([sys.executable, "-c", code], text=True))


def test_no_news_pop_up(prepared):
    assert defaults("@jupyterlab/apputils-extension:notification")["fetchNews"] == "false"


@pytest.mark.parametrize(("spoken", "menus"), [("en", "en"), ("es", "es_ES")])
def test_jupyterlabs_menus_speak_the_language_that_the_lessons_name_them_in(
    prepared, monkeypatch, spoken, menus
):
    monkeypatch.setattr(lab, "language", lambda: spoken)
    lab.prepare(prepared)
    chosen = defaults("@jupyterlab/translation-extension:plugin")["locale"]
    assert chosen == menus
    code = (
        f"from jupyterlab_server.translation_utils import is_valid_locale as v; print(v({menus!r}))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True\n"


def test_a_spanish_jupyterlab_has_the_entries_that_the_spanish_lessons_name():
    (folder,) = import_module("jupyterlab_language_pack_es_ES").__path__
    texts = Path(folder) / "locale" / "es_ES" / "LC_MESSAGES" / "jupyterlab.json"
    entries = json.loads(texts.read_text(encoding="utf-8"))
    page = (ROOT / "notebooks" / "es" / "guia_del_instructor.md").read_text(encoding="utf-8")
    for english in ("Run All Above Selected Cell", "Restart Kernel"):
        (spanish,) = entries[english] if english in entries else entries[f"{english}…"]
        assert spanish in page


def in_terminal(project: Path, folder: Path, home: Path, *typed: str) -> list[str]:
    """What a terminal of JupyterLab prints that starts in this folder."""
    (words,) = [each for each in lab.command(project, ["--allow-root"]) if "terminado" in each]
    shell = eval(words.partition("shell_command=")[2])
    return subprocess.check_output(
        [*shell, "-i"],
        cwd=folder,
        env={**os.environ, "HOME": str(home)},
        input="\n".join([*typed, "exit\n"]),
        stderr=subprocess.DEVNULL,
        text=True,
    ).splitlines()


@pytest.mark.parametrize("where", [".", "notebooks"])
def test_each_terminal_starts_in_the_project_with_its_python(prepared, tmp_path, where):
    (prepared / "notebooks").mkdir()
    home = tmp_path / "home"
    (home / "else").mkdir(parents=True)
    (home / "else" / "python").write_text("#!/bin/sh\necho another Python\n")
    (home / "else" / "python").chmod(0o755)
    (home / ".bashrc").write_text(f"export PATH={home / 'else'}:$PATH\nexport MINE=kept\n")
    printed = in_terminal(
        prepared,
        prepared / where,
        home,
        "pwd",
        "python -c 'import imglab, sys; print(sys.executable)'",
        "echo $MINE",
    )
    assert printed == [str(prepared), sys.executable, "kept"]


def run(*cells: str, env: dict[str, str] | None = None) -> list[nbformat.NotebookNode]:
    """The outputs of cells in a fresh kernel, an error among them."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=[new_code_cell(each) for each in cells])
    notebook.metadata["kernelspec"] = kernel
    client = NotebookClient(notebook, timeout=60, allow_errors=True)
    client.execute(env=env or dict(os.environ))
    return [cell.outputs for cell in notebook.cells]


def test_after_a_restart_the_magics_are_there_and_a_missing_name_says_what_to_run(prepared):
    saved, named = run("%%save output/lesson-04/a.py\nx = 1", "check('04-exercise-programs', 1)")
    assert "Saved output/lesson-04/a.py" in saved[0].text
    (error,) = named
    assert (error.output_type, error.ename) == ("error", "NameError")
    assert error.traceback[-1] == NOT_RUN_YET


def test_a_missing_name_later_on_is_an_error_as_always():
    *_, (error,) = run("%load_ext imglab.console", "from imglab.exercises import check", "chekc()")
    assert error.ename == "NameError"
    assert NOT_RUN_YET not in error.traceback


@pytest.mark.parametrize("call", ["queue.get_stats()", "queue.redis.llen('x')"])
def test_a_redis_that_is_away_is_a_sentence_and_still_an_error(own_server, call):
    begin = f"""%load_ext imglab.console
from imglab.queues import RedisTaskQueue
queue = RedisTaskQueue(url={own_server.url!r})"""
    kill = f"import os; os.kill({own_server.process.pid}, 9)"
    _, _, (error,) = run(begin, kill, call)
    assert error.output_type == "error"
    assert error.ename in ("QueueUnavailable", "ConnectionError")
    assert len(error.traceback) == 2
    assert error.traceback[-1] == REDIS_AWAY


def test_outside_the_project_the_reason_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("IMGLAB_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImglabError, match="outside the project"):
        check_workplace()


def test_an_output_folder_that_is_not_ours_to_write_is_named(project, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(ImglabError, match="you may not write there"):
        check_workplace()
