"""`imglab doctor --class`: six lamps in a terminal, the line that mends each, and an exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import psutil
import pytest
from helpers.project import PHOTOGRAPHS
from helpers.server import free_port

from imglab.classroom import kernel_check, setup_check
from imglab.errors import ImglabError

NAMES = ["Python and packages", "photographs", "Redis", "worker process", "round trip", "live view"]
COMMAND = [sys.executable, "-m", "imglab", "doctor", "--class"]

pytestmark = [pytest.mark.usefixtures("project"), pytest.mark.photographs(*PHOTOGRAPHS)]


@pytest.fixture(autouse=True)
def address(valkey, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    monkeypatch.setenv("NO_COLOR", "1")


def doctor(*words: str) -> subprocess.CompletedProcess[str]:
    """What an instructor sees on one machine."""
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False)


def test_a_machine_where_all_is_well_is_ready(project):
    done = doctor()
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0:12:2] == [f"● {number} {name}: green" for number, name in enumerate(NAMES, 1)]
    assert "pictures" in lines[11]
    assert lines[-1].startswith(f"This machine is ready. Cores: {os.cpu_count()}, so workers")
    assert done.stderr == ""
    assert (project / "output/bench/drawing.png").exists()
    commands = [each.cmdline() for each in psutil.process_iter() if is_of(each, project)]
    assert not [each for each in commands if "ipykernel_launcher" in each]


def is_of(process: psutil.Process, project) -> bool:
    try:
        return process.environ().get("IMGLAB_ROOT") == str(project)
    except psutil.Error:
        return False


def test_a_red_lamp_has_the_line_that_mends_it_and_the_exit_code_says_so(monkeypatch):
    port = free_port()
    monkeypatch.setenv("IMGLAB_REDIS_URL", f"redis://localhost:{port}")
    done = doctor()
    assert done.returncode == 1
    assert f"✕ 3 Redis: red\n    No Redis answers at localhost:{port} (" in done.stdout
    assert "    Type: unset IMGLAB_REDIS_URL" in done.stdout
    assert "○ 4 worker process: not tried\n    it needs: Redis" in done.stdout
    assert done.stdout.splitlines()[-1] == (
        "Mend the first red lamp (Redis), then type `imglab doctor --class` again."
    )
    assert "Traceback" not in done.stdout + done.stderr


def test_in_another_folder_the_way_to_the_project_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IMGLAB_ROOT")
    done = doctor()
    assert done.returncode == 1
    assert f"There are no folders images and output in {tmp_path}, nor above." in done.stdout
    assert "    Type: cd FOLDER  (the one you cloned" in done.stdout


def test_lost_photographs_come_back_by_the_line_that_is_shown(project):
    shutil.rmtree(project / "images")
    done = doctor()
    assert done.returncode == 1
    assert "✕ 2 photographs: red" in done.stdout
    assert "    Type: git checkout -- images" in done.stdout


def test_a_script_gets_the_same_as_data():
    done = doctor("--json")
    lamps = json.loads(done.stdout)
    assert [each["lamp"] for each in lamps] == NAMES
    assert {each["state"] for each in lamps} == {"green"}
    assert all(each["words"] and each["mend"] for each in lamps)


def test_to_repair_is_for_a_queue():
    done = doctor("--repair")
    assert done.returncode == 2
    assert "--repair is for a queue" in done.stderr


def test_every_lamp_has_a_line_that_mends_it(monkeypatch):
    for url, words in (("redis://h:1", "IMGLAB_REDIS_URL"), ("", "imglab server start")):
        monkeypatch.setenv("IMGLAB_REDIS_URL", url)
        lamps = setup_check.Bench("")
        assert all(lamps.mend(name) for name in NAMES)
        assert words in lamps.mend("Redis")


def test_a_kernel_that_cannot_draw_is_a_sentence(monkeypatch):
    monkeypatch.setattr(kernel_check, "CODE", "raise ValueError('no view')")
    with pytest.raises(ImglabError, match="A notebook cannot draw here: ValueError: no view"):
        kernel_check.pictures()


def test_a_kernel_whose_pictures_do_not_arrive_is_a_sentence(monkeypatch):
    monkeypatch.setattr(kernel_check, "CODE", "1 + 1")
    with pytest.raises(ImglabError, match="does not arrive"):
        kernel_check.pictures()
