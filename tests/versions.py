"""The fast tests on each Python that is promised, and with the lowest versions of all packages.

`make versions` runs all of them on each Python that is here. CI runs `make versions ARGS=--short`:
a core of them with the lowest versions and on the newest Python, for what breaks breaks at an end;
nothing where `make test` was. Each leg has an environment of its own in `.versions/`, made anew. A
Python that is not here is said.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import debian_python

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".versions"
#: All that is promised, the oldest first. A t is for free threads, as lesson 02 speaks of them.
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.14t")
#: Where the lowest versions are tried: most of them were made before a newer Python was there.
OLDEST = PYTHONS[0]
#: The one with all that changed since; without free threads, for few packages have met those.
NEWEST = "3.14"
#: What `make quick` runs, too.
FAST = ("-m", "not slow")
#: The core: what everybody imports, pictures, both queues, a worker, and threads beside processes.
CORE = (
    "test_front_door.py",
    "test_filters.py",
    "test_pipeline.py",
    "test_queue_contract.py",
    "test_worker.py",
    "test_compare.py",
)


@dataclass(frozen=True)
class Leg:
    """One environment, and what is run in it."""

    python: str
    is_lowest: bool = False
    #: Whether it is enough to run the core.
    is_core: bool = False
    #: Whether `make test` runs here anyway, in the .venv.
    is_tested: bool = False

    def __str__(self) -> str:
        packages = "the lowest versions" if self.is_lowest else "the newest versions"
        return f"Python {self.python} with {packages}"

    @property
    def word(self) -> str:
        """How it is asked for, and the name of its folder."""
        return "lowest" if self.is_lowest else self.python

    @property
    def home(self) -> Path:
        """The folder of its environment."""
        return FOLDER / self.word

    @property
    def tests(self) -> list[str]:
        """What pytest is told to run."""
        words = list(FAST)
        if self.is_core:
            words += [str(ROOT / "tests" / name) for name in CORE]
        return words


def legs(is_short: bool) -> list[Leg]:
    """What is promised, the lowest versions first; in short, only both ends of it."""
    own = version_of(Path(sys.executable))
    pythons = (NEWEST,) if is_short else PYTHONS
    lowest = Leg(OLDEST, is_lowest=True, is_core=is_short)
    others = [
        Leg(python, is_core=is_short, is_tested=is_short and python == own) for python in pythons
    ]
    return [lowest, *others]


# What is here


def find(version: str) -> str | None:
    """A Python of this version on this machine: on the PATH, of pyenv, of uv, or brought by us."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    uv = Path.home() / ".local/share/uv/python"
    places = [
        *os.get_exec_path(),
        *sorted(pyenv.glob(f"versions/{version.removesuffix('t')}.*/bin")),
        *sorted(uv.glob(f"cpython-{version.removesuffix('t')}*/bin")),
        FOLDER / name / "usr/bin",
    ]
    for place in places:
        python = Path(place) / name
        if python.exists() and version_of(python) == version:
            return str(python)
    return None


def version_of(python: Path) -> str:
    """Such as 3.14, or 3.14t; empty when it does not run, as pyenv's stand-ins may not."""
    code = (
        "import sys, sysconfig;"
        "t = 't' if sysconfig.get_config_var('Py_GIL_DISABLED') else '';"
        "print('%d.%d' % sys.version_info[:2] + t)"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def tool(name: str) -> Path:
    """A program that PyPI has: the one on the PATH, or one of our own."""
    found = shutil.which(name)
    if found:
        return Path(found)
    home = FOLDER / "tools"
    program = home / "bin" / name
    if not program.exists():
        venv.create(home, with_pip=True, symlinks=True)
        pip = [home / "bin/python", "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--disable-pip-version-check", name], check=True)
    return program


# Running


def own_environment() -> dict[str, str]:
    """The variables of this process, but those that would bring packages of another Python."""
    others = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in others}


def install(leg: Leg, python: str) -> None:
    """Make the environment of a leg."""
    uv = tool("uv")
    words = ["--quiet", "--python", str(leg.home / "bin/python")]
    if leg.is_lowest:
        words += ["--resolution", "lowest-direct"]
    environment = own_environment()
    subprocess.run(
        [uv, "venv", "--quiet", "--clear", "--no-project", "--python", python, leg.home],
        env=environment,
        check=True,
    )
    subprocess.run(
        [uv, "pip", "install", *words, "--editable", f"{ROOT}[test]"],
        env=environment,
        check=True,
    )


def passes(leg: Leg) -> bool:
    """Whether the tests of a leg are green; pytest prints what it has to say."""
    pytest = [leg.home / "bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2"]
    done = subprocess.run([*pytest, *leg.tests], cwd=ROOT, env=own_environment(), check=False)
    return done.returncode == 0


def result_of(leg: Leg) -> str:
    """Run a leg; what became of it, in a few words."""
    if leg.is_tested:
        return "not run again: `make test` runs here"
    python = find(leg.python)
    if python is None:
        return f"not run: no python{leg.python} here (`uv python install {leg.python}` brings one)"
    begun = time.monotonic()
    print(f"\n{leg}: {python}", flush=True)
    try:
        install(leg, python)
    except subprocess.CalledProcessError as error:
        return f"red: {error.cmd[0]} could not install what it needs"
    installed = time.monotonic()
    colour = "green" if passes(leg) else "red"
    tests = "the core of the fast tests" if leg.is_core else "all fast tests"
    ended = time.monotonic()
    return f"{colour}: {tests} in {ended - installed:.0f} s, installed in {installed - begun:.0f} s"


def main(words: Sequence[str] | None = None) -> int:
    """Run what is asked for; the number of red legs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="as CI: a core, at both ends")
    parser.add_argument("--bring", action="store_true", help="get Debian's Python if there is none")
    parser.add_argument("--only", nargs="+", choices=["lowest", *PYTHONS], help="these alone")
    asked = parser.parse_args(words)
    if asked.bring and find(NEWEST) is None:
        try:
            debian_python.bring(NEWEST, FOLDER, tool("patchelf"))
        except (debian_python.NotToBeHad, subprocess.CalledProcessError) as error:
            print(f"Python {NEWEST} of the next Debian cannot be had: {error}")
    wanted = [leg for leg in legs(asked.short) if asked.only is None or leg.word in asked.only]
    results = {leg: result_of(leg) for leg in wanted}
    print()
    for leg, result in results.items():
        print(f"{leg}: {result}")
    return sum(result.startswith("red") for result in results.values())


if __name__ == "__main__":
    sys.exit(main())
