"""Python environments of a test's own, with other packages than those that run the tests."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from helpers.project import ROOT

#: Where pyenv keeps its Pythons; those without a lock end in a `t`, and are not meant here.
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
#: The lowest minor version that imglab promises to work with.
LOWEST_MINOR = 11


def clean_environment() -> dict[str, str]:
    """The variables of a terminal in which nobody has activated an environment."""
    ours = ("IMGLAB", "PYTHON", "VIRTUAL_ENV", "UV", "MAKE", "MFLAGS", "JUPYTER")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"IMGLAB_REDIS_GRACE": "5"}


def build_wheel_once(folder: Path) -> Path:
    """Build the wheel of this repository, without a look at an index; its path.

    Of several processes that want it in the same folder, the first one builds it.
    """
    with (folder / "wheel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not list(folder.glob("*.whl")):
            # By uv, for an environment that uv made has no pip.
            here = ("--python", sys.executable, "--no-build-isolation", "--offline")
            _uv("build", "--wheel", *here, "--out-dir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


def make_environment(home: Path, python: str | Path, *packages: str, **options: Path) -> Path:
    """Make an environment with these packages, and all that they need; the folder of its programs.

    It takes seconds, with uv; what uv has fetched before, it takes from its cache. Options are
    those of `uv pip install`, such as `constraints`.
    """
    wanted = [f"--{name}={value}" for name, value in options.items()]
    _uv("venv", "--python", python, home)
    _uv("pip", "install", "--python", home / "bin/python", *wanted, *packages)
    return home / "bin"


def _uv(*words: str | Path) -> None:
    """Run uv; once more where it fails, for a network may be away for a moment."""
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "uv", "--quiet", *words],
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return
    raise AssertionError(done.stderr)


def newest_python(highest_minor: int) -> tuple[str, str] | None:
    """The newest Python 3 up to this minor version that works here: its version, its program."""
    for minor in range(highest_minor, LOWEST_MINOR - 1, -1):
        programs = [str(each) for each in PYENV.glob(f"versions/3.{minor}.*[0-9]/bin/python3")]
        on_path = shutil.which(f"python3.{minor}")
        if on_path:
            programs.append(on_path)
        programs.append(sys.executable)
        for program in programs:
            version = _version(program)
            if version.startswith(f"3.{minor}."):
                return version, program
    return None


def _version(program: str) -> str:
    """The version of a Python; nothing where it does not start, as a shim without its Python."""
    code = "import platform; print(platform.python_version())"
    done = subprocess.run([program, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()
