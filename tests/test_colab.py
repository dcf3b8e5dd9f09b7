"""Colab, as far as it can be tried here: a lesson and a widget run with the packages it has.

Nobody runs them there. What is known not to work there stands in the student's guide.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import nbformat
import pytest
from helpers.clock import until
from helpers.environments import make_environment, newest_python
from helpers.notebooks import html, text
from helpers.processes import processes_of
from helpers.project import ROOT
from lessons import SOLVED, classroom, execute
from nbformat.v4 import new_code_cell, new_notebook

#: The versions of Colab's packages.
VERSIONS = ROOT / "tests/colab.txt"
#: The minor version of Colab's Python 3: a newer one is not tried.
COLABS_MINOR = 13
#: A lesson with a board.
LESSON = SOLVED / "06_live_monitor.ipynb"
#: A film, wound back to its first moment.
WIDGET = (
    "from imglab.views import recorded, replay\nfilm = replay(recorded('many_workers'))",
    "film.slider.value = 0",
    "print(film._drawn[0], end='')",
    "print(film._drawn[-1], end='')",
    # Of ipywidgets 7: whether it goes round to its beginning.
    "print(film.play._repeat)",
)

pytestmark = pytest.mark.timeout(300)


def name(python: tuple[str, str] | None) -> str:
    return f"python-{python[0]}" if python else "none"


@pytest.fixture(scope="module", params=[newest_python(COLABS_MINOR)], ids=name)
def programs(request, wheel, tmp_path_factory) -> Path:
    """The folder of the programs of an environment with our wheel and Colab's packages."""
    if request.param is None:
        pytest.skip(f"there is no Python 3.11 to 3.{COLABS_MINOR} here")
    _, python = request.param
    folder = tmp_path_factory.mktemp("colab")
    wanted = f"imglab[lab] @ {wheel.as_uri()}"
    return make_environment(folder / "env", python, wanted, constraints=VERSIONS)


@pytest.fixture
def room(programs, tmp_path, monkeypatch):
    """The environment of kernels with Colab's packages; in the end nobody is left there."""
    argv = [str(programs / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = tmp_path / "kernels/python3/kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    # The installed wheel is tried, not the repository.
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    with classroom() as env:
        yield env
    until(lambda: not processes_of(env["IMGLAB_ROOT"]))


def test_all_that_a_lesson_needs_goes_with_colabs_packages(programs):
    code = (
        "from importlib.metadata import version; import imglab, sys;"
        "print(imglab.__file__);"
        "print(*(f'{name}=={version(name)}' for name in sys.argv[1:]), sep='\\n')"
    )
    wanted = [line for line in VERSIONS.read_text().splitlines() if not line.startswith("#")]
    names = [line.partition("==")[0] for line in wanted]
    done = subprocess.run(
        [programs / "python", "-P", "-c", code, *names],
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=True,
    )
    where, *installed = done.stdout.splitlines()
    assert Path(where).is_relative_to(programs.parent)
    assert installed == wanted


def test_a_lesson_with_a_board_runs_with_colabs_packages(room):
    lesson = nbformat.read(LESSON, as_version=4)
    done = execute(lesson, room)
    cells = [cell for cell in done.cells if cell.cell_type == "code"]
    assert not [each for cell in cells for each in cell.outputs if "ename" in each]
    checks = [text(cell) for cell in cells if text(cell).startswith(("PASSED", "Not yet"))]
    assert checks
    assert all(said.startswith("PASSED") for said in checks)
    assert [cell for cell in cells if '<table class="imglab-live"' in html(cell)]


def test_a_widget_of_colabs_version_moves_what_is_shown(room):
    cells = [new_code_cell(source) for source in WIDGET]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    film, _, first, last, goes_round = execute(
        new_notebook(cells=cells, metadata=kernel), room
    ).cells
    assert html(film) == text(first)
    assert html(film) != text(last), "it began at its end"
    assert text(goes_round) == "True\n"
