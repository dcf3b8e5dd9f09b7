"""A newcomer's way to an engine, as it is printed: from nothing to filtered pictures on Celery."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys

import pytest
from helpers.engines import LONG, READY
from helpers.environments import clean_environment, make_environment
from helpers.pages import blocks, section
from helpers.project import PHOTOGRAPHS, ROOT

pytestmark = pytest.mark.timeout(900)


@pytest.mark.photographs(*PHOTOGRAPHS)
def test_the_lines_of_using_imglab_lead_from_nothing_to_pictures_on_celery(
    project, wheel, tmp_path
):
    text = section((ROOT / "imglab" / "USING.md").read_text(encoding="utf-8"), "## Engines")
    (block,) = [each for each in blocks(text, "") if each.startswith("pip install ")]
    install, worker, submit = block.splitlines()
    assert install == "pip install -e '.[celery,server]'"
    home = make_environment(tmp_path / "env", sys.executable, f"{wheel}[celery,server]")
    environment = clean_environment()
    environment["PATH"] = f"{home}{os.pathsep}{environment['PATH']}"

    log = project / "worker.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            shlex.split(worker, comments=True),
            cwd=project, env=environment, stdout=file, stderr=file, start_new_session=True,
            executable=home / "imglab",
        )  # fmt: skip
    try:
        done = subprocess.run(
            shlex.split(submit), cwd=project, env=environment, executable=home / "imglab",
            capture_output=True, text=True, timeout=LONG, check=False,
        )  # fmt: skip
        assert "six: 6 of 6 ended: 6 completed, 0 failed." in done.stdout, done.stderr
        assert READY["celery"] in log.read_text()
        assert len(list((project / "output" / "six").glob("*.jpg"))) == len(PHOTOGRAPHS)
        assert len((project / "six.jsonl").read_text().splitlines()) == len(PHOTOGRAPHS)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(LONG)
        stop = ["server", "stop"]
        subprocess.run([home / "imglab", *stop], cwd=project, env=environment, check=True)
