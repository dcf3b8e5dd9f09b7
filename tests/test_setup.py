"""The ways to set the project up, each tried in a clean copy of it with nothing installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.clock import until
from helpers.environments import clean_environment
from helpers.labs import asked, lab_started_by
from helpers.processes import processes_of
from helpers.project import ROOT

from imglab.classroom.lab import FIRST
from imglab.language import ENGLISH


@pytest.fixture
def clone(tmp_path) -> Iterator[Path]:
    """A copy of what git knows of the project; in the end nobody is left in it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    folder = tmp_path / "clone"
    for name in listed.stdout.split("\0"):
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
    yield folder
    until(lambda: not processes_of(folder), 30)


def commands_of_make(*words: str) -> str:
    """What make would do in a clone."""
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", *words],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_make_installs_with_uv_where_it_is():
    done = commands_of_make("UV=uv", "lab", "test")
    assert "uv sync --quiet \n" in done
    assert "uv sync --quiet  --extra test\n" in done
    assert "pip" not in done
    assert "uv sync --quiet --python /a/python\n" in commands_of_make(
        "UV=uv", "PYTHON=/a/python", "lab"
    )


def test_make_installs_with_venv_and_pip_where_it_is_not():
    done = commands_of_make("UV=", "lab", "test")
    assert "uv" not in done.replace("imglab", "")
    assert "python3 -m venv .venv" in done
    assert "--editable '.[lab]'" in done
    assert "--editable '.[test]'" in done


def test_binder_begins_with_the_python_that_the_conda_file_names(clone):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "repo2docker", "--no-build", "--debug"),
            *("--user-id", "1000", "--user-name", "jovyan", clone),
        ],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    dockerfile = done.stdout + done.stderr
    (pinned,) = re.findall(r"- python=(3\.\d+)\n", (clone / "environment.yml").read_text())
    locks = set(re.findall(r"environment\.py-([\d.]+)-linux", unescaped(dockerfile)))
    assert locks == {pinned}
    # `--editable .` needs the whole project, so that is there before the packages are.
    assert dockerfile.index("COPY --chown=1000:1000 src/ ") < dockerfile.index(" env update -p ")


def unescaped(dockerfile: str) -> str:
    """File names as they were: repo2docker writes -2d for a dash, and so on."""
    return re.sub("-([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), dockerfile)


def test_the_conda_file_names_nothing_that_some_systems_have_not():
    """redis-server of conda-forge is for Linux and macOS alone: the file would be of no use."""
    lines = (ROOT / "environment.yml").read_text().splitlines()
    packages = [line.removeprefix("  - ") for line in lines if line.startswith("  - ")]
    assert packages == ["python=3.13", "pip", 'pip: ["--editable .[lab]"]']


def own_python(folder: Path) -> dict[str, str]:
    """Make a Python of this folder's own, as in a container; the variables that bring it first."""
    venv.create(folder, with_pip=True, symlinks=True)
    before = clean_environment()
    return before | {"PATH": f"{folder / 'bin'}{os.pathsep}{before['PATH']}"}


@pytest.mark.timeout(400)
def test_the_commands_of_the_devcontainer_need_uv_alone_and_open_the_lab(clone, tmp_path):
    """It is `uv run imglab lab` in an empty folder, too: nothing is there before, no cache."""
    container = json.loads((clone / ".devcontainer/devcontainer.json").read_text())
    environment = own_python(tmp_path / "python") | {"UV_NO_CACHE": "1"}

    def run(command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(container["onCreateCommand"])
    lamps = run(container["postCreateCommand"])
    assert lamps.count(": green") == 6
    with lab_started_by(container["postAttachCommand"], clone, environment) as address:
        lesson = asked(address, "contents/notebooks/00_the_bench.ipynb")
        assert lesson["type"] == "notebook"
        python = asked(address, "kernelspecs")["kernelspecs"]["python3"]["spec"]["argv"][0]
        assert Path(python).parent == clone / ".venv/bin"


def test_the_workflow_runs_what_ci_runs_on_both_systems():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert "system: [ubuntu-latest, macos-latest]" in workflow
    assert workflow.endswith("      - run: bash .ci/run\n")


def test_the_devcontainer_opens_the_first_lesson_and_the_port_of_the_lab():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    (first,) = container["customizations"]["codespaces"]["openFiles"]
    assert first == FIRST[ENGLISH]
    assert container["forwardPorts"] == [8888]
