"""The wheel, in an environment of its own and an empty folder: nothing of the repository is near.

It is built once, and installed without a look at an index. What it needs (redis, Pillow, …) comes
from the environment of the tests, which also holds the repository: so each test first makes sure
that what answers is the installed package.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.project import ROOT

import imglab

#: How long a command may take, in seconds.
LIMIT = 100


@dataclass
class Machine:
    """A place where imglab is installed from its wheel, and an empty folder to work in."""

    bin: Path
    folder: Path
    environment: dict[str, str]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.bin / words[0], *words[1:]],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )

    def imglab(self, *words: str) -> str:
        """What a command prints; it must succeed."""
        done = self.run("imglab", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *words: str) -> str:
        """What a command says when it fails: a sentence, exit code 1."""
        done = self.run(*words)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The folder of the programs of a new environment with the wheel in it."""
    home = tmp_path_factory.mktemp("installed") / "env"
    venv.create(home, symlinks=True)
    python = home / "bin/python"
    alone = ("--no-deps", "--no-index", "--quiet", "--disable-pip-version-check")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", *alone, wheel], check=True
    )
    # Behind its own packages, those of the tests; *their* .pth files, one of which may lead to the
    # repository, are not read.
    (site_packages,) = home.glob("lib/python*/site-packages")
    (site_packages / "of_the_tests.pth").write_text(sysconfig.get_path("purelib"))
    return home / "bin"


@pytest.fixture
def machine(installed, tmp_path):
    """The installed wheel in an empty folder, with a Redis of its own that is gone afterwards."""
    folder = tmp_path / "empty"
    folder.mkdir()
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("IMGLAB", "PYTHON"))
    }
    environment |= {"NO_COLOR": "1", "COLUMNS": "200", "IMGLAB_REDIS_GRACE": "5"}
    new = Machine(installed, folder, environment)
    asked = new.run("python", "-c", "import imglab; print(imglab.__file__)")
    assert Path(asked.stdout.strip()).is_relative_to(installed.parent), asked.stderr
    yield new
    new.imglab("server", "stop")


def test_the_wheel_has_all_that_the_package_needs_and_nothing_for_its_authors(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    data = [*ROOT.glob("imglab/**/*.lua"), *ROOT.glob("imglab/views/records/*")]
    data += ROOT.glob("imglab/**/*.mo")
    code = ROOT.glob("imglab/**/*.py")
    for file in [*data, *code, ROOT / "imglab/py.typed", ROOT / "imglab/sample.jpg"]:
        assert str(file.relative_to(ROOT)) in inside
    assert not {"imglab/DESIGN.md", "imglab/USING.md"} & inside
    assert "imglab/course/notebooks/student_guide.md" in inside
    assert "imglab/course/notebooks/es/guia_del_estudiante.md" in inside
    assert not [name for name in inside if name.endswith(".po") or "/po/" in name]
    assert not [name for name in inside if not name.startswith("imglab")]


def test_the_photograph_in_the_package_is_the_one_whose_licence_is_written_down(wheel):
    assert (ROOT / "imglab/sample.jpg").read_bytes() == (ROOT / "images/sample.jpg").read_bytes()
    licences = [name for name in zipfile.ZipFile(wheel).namelist() if "LICENSES.md" in name]
    # With the package, and with the course that is copied from it.
    assert len(licences) == 2


def test_the_version_is_the_packages(machine, wheel):
    assert machine.imglab("--version") == f"imglab {imglab.__version__}\n"
    assert wheel.name.startswith(f"imglab-{imglab.__version__}-")


def test_the_demo_runs_on_the_photograph_that_comes_along_and_leaves_no_redis(machine):
    words = ("demo", "--tasks", "2", "--workers", "1", "--filters", "edges")
    figures = json.loads(machine.imglab(*words, "--json"))
    assert [sum(stage["shares"].values()) for stage in figures["stages"]] == [2, 2, 2]
    names = sorted(path.name for path in (machine.folder / "output").iterdir())
    assert [name[:9] for name in names] == ["01-sample", "02-sample"]
    assert "No Redis of this project runs" in machine.refused("imglab", "server", "status")


def test_a_photograph_of_the_current_folder_is_submitted_and_filtered(machine):
    shutil.copy(ROOT / "images/camera.jpg", machine.folder / "my.jpg")
    (machine.folder / "photos").mkdir()
    shutil.copy(ROOT / "images/camera.jpg", machine.folder / "photos/cat.jpg")
    machine.imglab("submit", "my.jpg", "photos/cat.jpg", "--filters", "edges")
    lines = machine.imglab("worker", "--burst").splitlines()
    assert "There is no project here" in lines[0]
    assert f"reads pictures in {machine.folder} and below" in lines[0]
    assert str(machine.folder / "output") in lines[0]
    assert "2 completed, 0 failed" in lines[-1]
    assert len(list((machine.folder / "output").iterdir())) == 2


def test_what_lies_outside_the_current_folder_needs_a_word_and_stays_unread_without_it(machine):
    shutil.copy(ROOT / "images/camera.jpg", machine.folder.parent / "other.jpg")
    shutil.copy(ROOT / "images/camera.jpg", machine.folder / "one_that_may_be_read.jpg")
    done = machine.run("imglab", "submit", "../other.jpg", "--json")
    assert f"imglab worker --images {machine.folder.parent.resolve()}" in done.stderr
    (task_id,) = json.loads(done.stdout)
    assert "0 completed, 1 failed" in machine.imglab("worker", "--burst")
    machine.imglab("failed", "requeue", task_id)
    assert "1 completed, 0 failed" in machine.imglab("worker", "--burst", "--images", "..")


def test_lessons_that_are_not_there_are_put_there_by_a_command(machine):
    assert "type `imglab course`, which puts them there" in machine.refused("imglab", "lab")
    assert not (machine.folder / ".imglab").exists(), "no Redis is started for it"


def test_in_an_empty_folder_the_wheel_alone_makes_a_course_with_six_green_lamps(machine):
    assert "Open them: imglab lab" in machine.imglab("course")
    for name in ("notebooks/00_the_bench.ipynb", "notebooks/solved/00_the_bench.ipynb"):
        assert (machine.folder / name).read_bytes() == (ROOT / name).read_bytes()
    lamps = machine.imglab("doctor", "--class")
    assert lamps.count(": green") == 6
    (machine.folder / "notebooks/00_the_bench.ipynb").write_text("my work")
    assert "0 new files" in machine.imglab("course")
    assert "00_the_bench.0.1.0.ipynb is the new version" in machine.imglab("course", "--update")
    assert (machine.folder / "notebooks/00_the_bench.ipynb").read_text() == "my work"


def test_whoever_speaks_spanish_has_the_course_and_the_terminal_in_spanish(machine):
    machine.environment |= {"LC_ALL": "es_ES.UTF-8"}
    assert "Ábrelas: imglab lab" in machine.imglab("course")
    name = "notebooks/es/00_el_banco_de_trabajo.ipynb"
    assert (machine.folder / name).read_bytes() == (ROOT / name).read_bytes()
    assert not (machine.folder / "notebooks/es/po").exists()


def test_a_worker_module_started_by_hand_says_what_to_type(machine):
    assert "type: imglab worker" in machine.refused("python", "-m", "imglab.workers")


def test_a_type_checker_sees_the_types(machine):
    (machine.folder / "mine.py").write_text(
        "import imglab\nreveal_type(imglab.RedisTaskQueue)\nimglab.RedisTaskQueue(nme='a')\n"
        "reveal_type(imglab.BlurFilter(3).apply)\nimglab.nonsense\n"
    )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--cache-dir", machine.folder / "cache"),
            *("--python-executable", machine.bin / "python", "mine.py"),
        ],
        cwd=machine.folder,
        env=machine.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout.splitlines()
    assert "imglab.queues.redis_queue.RedisTaskQueue" in told[0]
    assert 'Unexpected keyword argument "nme"' in told[1]
    assert "PIL.Image.Image" in next(line for line in told if line.startswith("mine.py:4"))
    assert 'Module has no attribute "nonsense"' in next(
        line for line in told if line.startswith("mine.py:5")
    )
