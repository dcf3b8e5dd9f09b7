"""A newcomer's way to filtered pictures in a bucket: the lines of USING.md, as they are printed.

In an empty folder with nothing but the wheel, in a new environment. What the wheel needs is taken
from the packages of the tests; the server of S3 is a process of its own, and takes any key.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from helpers.pages import blocks, section
from helpers.project import ROOT
from helpers.stores import Bucket, make_bucket, running_moto

PAGE = ROOT / "imglab" / "USING.md"
#: How long all of the lines may take, in seconds.
LIMIT = 250


def printed_lines() -> list[str]:
    text = section(PAGE.read_text(encoding="utf-8"), "## Pictures in a bucket")
    (block,) = [each for each in blocks(text, "") if each.startswith("pip install ")]
    return block.splitlines()


def in_a_terminal(lines: list[str], folder: Path, home: Path, **more: str) -> str:
    """What some lines print that are typed there, one after the other; each must succeed."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("IMGLAB", "PYTHON"))
    }
    environment |= {"PATH": f"{home / 'bin'}:{os.environ['PATH']}", "IMGLAB_REDIS_GRACE": "5"}
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(lines)],
        cwd=folder,
        env=environment | more,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.timeout(700)
def test_the_lines_for_a_bucket_do_what_the_page_says(wheel, tmp_path):
    first, *others = printed_lines()
    assert len(others) <= 11
    folder = tmp_path / "empty"
    folder.mkdir()
    shutil.copy(wheel, folder)
    home = tmp_path / "env"
    venv.create(home, symlinks=True)
    pip = home / "bin" / "pip"
    # As a new environment has it, without the seconds that making it takes.
    pip.write_text(f'#!/bin/sh\nexec {sys.executable} -m pip --python {home}/bin/python "$@"\n')
    pip.chmod(0o755)
    in_a_terminal([first], folder, home, PIP_NO_DEPS="1", PIP_NO_INDEX="1")
    (site_packages,) = home.glob("lib/python*/site-packages")
    (site_packages / "of_the_tests.pth").write_text(sysconfig.get_path("purelib"))
    (tmp_path / "moto").mkdir()
    with running_moto(tmp_path / "moto") as machine:
        bucket = Bucket("my-photos", machine.endpoint)
        make(bucket)
        told = in_a_terminal(others, folder, home, AWS_ENDPOINT_URL=machine.endpoint)
        names = bucket.names()
        in_a_terminal(["imglab server stop"], folder, home)
    assert "first: 2 photographs found, 2 of them new or changed." in told
    assert [name for name in names if name.startswith("out/first/")][1:], names
    lines = (folder / "first.jsonl").read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["completed"] * 2
    assert "SECRET" not in told


def make(bucket: Bucket) -> None:
    """Make the bucket of the page, with two photographs."""
    make_bucket(bucket)
    for name in ("sample.jpg", "again.jpg"):
        bucket.put(f"in/{name}", (ROOT / "images" / "sample.jpg").read_bytes())
