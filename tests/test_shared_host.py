"""Two users of one host at the same time, as on a hub: each with a port, a password and a folder.

Other users cannot look into root's home, where the Python of the tests may be: so it is copied to
where everybody can read it, with the packages.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.clock import until
from helpers.packages import closure, copy, requirements
from helpers.processes import processes_of
from helpers.project import ROOT, make_project

#: What a Python has that no command of ours needs.
LEFT_OUT = shutil.ignore_patterns(
    *("site-packages", "test", "tests", "config-*", "ensurepip", "idlelib", "*.a")
)
#: Users without a name: nobody else on this machine is one of them.
USERS = (65_001, 65_002)


@dataclass
class User:
    """Somebody with a project, who types commands of imglab."""

    number: int
    project: Path
    python: Path
    packages: Path

    def type(self, *words: str | Path) -> subprocess.Popen[str]:
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.project),
            "PYTHONPATH": str(self.packages),
            "LD_LIBRARY_PATH": str(self.python.parent.parent / "lib"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "IMGLAB_REDIS_GRACE": "30",
        }
        return subprocess.Popen(
            words,
            cwd=self.project,
            env=environment,
            user=self.number,
            group=self.number,
            extra_groups=[],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def imglab(self, *words: str) -> subprocess.Popen[str]:
        return self.type(self.python, "-m", "imglab", *words)

    def printed(self, *words: str) -> str:
        return said(self.imglab(*words))


def said(process: subprocess.Popen[str]) -> str:
    """What a command of a user prints; it has to end well."""
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    return out


def copy_python(folder: Path) -> Path:
    """Copy the Python of the tests, without its packages; return the program."""
    program = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    (folder / "bin").mkdir(parents=True)
    shutil.copy(program, folder / "bin")
    shutil.copytree(library, folder / "lib" / library.name, ignore=LEFT_OUT)
    for shared in (program.parent.parent / "lib").glob("libpython*"):
        shutil.copy(shared, folder / "lib")
    return folder / "bin" / program.name


def copy_packages(folder: Path) -> None:
    """Copy imglab, and what a worker with a server of its own needs."""
    for name in closure([*requirements(), *requirements("server")]):
        copy(name, folder)
    shutil.copytree(ROOT / "imglab", folder / "imglab")


@pytest.fixture
def two_users() -> Iterator[list[User]]:
    if os.getuid():
        assert not os.environ.get("CI"), "CI is root, who can be another user"
        pytest.skip("only root can be another user")
    with tempfile.TemporaryDirectory(prefix="imglab-host-", dir="/tmp") as folder:
        host = Path(folder)
        host.chmod(0o755)
        python = copy_python(host / "python")
        packages = host / "packages"
        packages.mkdir()
        copy_packages(packages)
        users = []
        for number in USERS:
            project = make_project(host / f"user-{number}", "coffee.jpg")
            for path in (project, *project.rglob("*")):
                os.chown(path, number, number)
            users.append(User(number, project, python, packages))
        yield users
        for user in users:
            said(user.imglab("server", "stop"))
        until(lambda: not processes_of(host), 30)


def test_two_users_at_the_same_time_have_a_server_a_password_and_tasks_each(two_users):
    for process in [user.imglab("server", "start") for user in two_users]:
        said(process)
    states = [json.loads(user.printed("server", "status", "--json")) for user in two_users]
    assert len({state["port"] for state in states}) == 2
    files = [Path(state["password_file"]) for state in states]
    passwords = [file.read_text() for file in files]
    assert len(set(passwords)) == 2

    first, second = two_users
    said(first.imglab("submit", "images/coffee.jpg", "--filters", "edges"))
    assert json.loads(second.printed("stats", "--json"))["pending"] == 0
    assert "1 completed, 0 failed" in first.printed("worker", "--burst")
    assert [file.stat().st_uid for file in (first.project / "output").iterdir()] == [first.number]

    spy = second.type("/bin/cat", files[0])
    out, _ = spy.communicate(timeout=60)
    assert spy.returncode != 0
    assert passwords[0] not in out
