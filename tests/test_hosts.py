"""Several hosts: a short story in network namespaces, and that nothing is left of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import psutil
import pytest
from helpers.clock import until
from helpers.processes import started
from helpers.project import ROOT
from hosts.lab import REDIS, Lab, why_not
from hosts.site import Site
from hosts.story import CHAPTERS, Story
from hosts.verdict import table

#: Tasks that each chapter has at least.
TASKS = 12

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module", autouse=True)
def _hosts_can_be_made():
    reason = why_not()
    if reason:
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """What came of each chapter, by its name."""
    lab = Lab(tmp_path_factory.mktemp("hosts") / "disk")
    with lab, lab.redis.network(), Site(lab) as site:
        story = Story(site, TASKS)
        told = {chapter.__name__: chapter(story) for chapter in CHAPTERS}
    print(table(list(told.values())))
    return told


@pytest.mark.parametrize("chapter", [chapter.__name__ for chapter in CHAPTERS])
def test_each_task_is_completed_once_whatever_happens_to_the_hosts(verdicts, chapter):
    assert verdicts[chapter].tasks >= TASKS
    assert verdicts[chapter].wrong == []


def test_a_host_that_was_cut_off_for_longer_than_a_lease_is_refused_and_works_again(verdicts):
    verdict = verdicts["a_host_is_cut_off"]
    assert verdict.refused >= 1
    assert verdict.executions > verdict.tasks, "somebody else had to do its task"
    assert verdict.shares["host-2"] >= 1


def test_a_host_that_is_added_takes_part(verdicts):
    assert "host-3" not in verdicts["a_host_is_cut_off"].shares
    assert verdicts["a_host_is_added"].shares["host-3"] >= 1


def test_hosts_without_photographs_fail_no_task(verdicts):
    assert "host-4" not in verdicts["a_host_lacks_the_photographs"].shares


@pytest.fixture
def site(tmp_path):
    lab = Lab(tmp_path / "disk")
    with lab, lab.redis.network(), Site(lab) as site:
        yield site


def test_a_password_opens_redis_to_another_host_and_only_for_work(site):
    host = site.lab.add_host()
    export, worker = site.lines.strip().splitlines()
    assert worker == "imglab worker"
    assert "images/coffee.jpg" in host.type(f"{export}\nimglab submit images/coffee.jpg").stdout
    assert "1 completed, 0 failed" in host.type(f"{export}\nimglab worker --burst").stdout
    assert "NOPERM" in host.type(f"{export}\nimglab redis CONFIG GET '*'").stdout
    assert "NOPERM" in host.type(f"{export}\nimglab redis FLUSHALL").stdout
    stranger = host.type(f"export IMGLAB_REDIS_URL=redis://{REDIS}:6379\nimglab stats").stdout
    assert "asks for a password" in stranger


def test_what_is_typed_here_is_what_the_page_tells_to_type(site):
    (password,) = re.findall("worker:(.*)@", site.lines)
    page = (ROOT / "imglab" / "USING.md").read_text()
    lines = site.lines.replace(password, "PASSWORD").replace(REDIS, "192.168.1.10")
    assert f"```\n{lines}```" in page
    assert "```\nimglab server start --host 192.168.1.10\n```" in page


def test_an_open_server_keeps_its_guests_password_and_says_what_it_cannot_do(site):
    again = site.typed(f"imglab server start --host {REDIS}")
    assert again.endswith(site.lines)
    site.lab.add_host()
    elsewhere = site.lab.redis.type("imglab server start --host 10.77.1.1")
    assert elsewhere.returncode == 1
    assert "does not listen at 10.77.1.1. Type `imglab server stop`" in elsewhere.stdout
    site.typed("imglab server stop")
    moved = site.typed("imglab server start --host 10.77.1.1")
    assert moved.endswith(site.lines.replace(REDIS, "10.77.1.1"))


# Nothing is left


def pids_of(lab: Lab) -> list[int]:
    return [lab.redis.pid, *(host.pid for host in lab.workers)]


def test_a_failure_leaves_no_host_behind(tmp_path):
    lab = Lab(tmp_path / "disk")
    with pytest.raises(AssertionError, match="in the middle"), lab, lab.redis.network():
        lab.add_host()
        raise AssertionError("in the middle")
    assert not any(map(psutil.pid_exists, pids_of(lab)))


PROGRAM = """
import sys
from pathlib import Path
from hosts.lab import Lab
with Lab(Path(sys.argv[1])) as lab:
    host = lab.add_host()
    print(lab.redis.pid, host.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_the_hosts_of_a_program_that_is_killed_or_interrupted_go_with_it(tmp_path, blow):
    pipe = subprocess.PIPE
    words = (sys.executable, "-c", PROGRAM, tmp_path / "disk")
    with started(*words, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as program:
        pids = [int(word) for word in program.stdout.readline().split()]
        assert all(map(psutil.pid_exists, pids))
        program.send_signal(blow)
        program.communicate()
    until(lambda: not any(map(psutil.pid_exists, pids)))
