"""A newer Python than this Debian has: from its next release, in a folder of its own.

It brings its own C library along and is told to use that one. So it runs beside the programs of
this machine, and nothing of the machine changes.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path

#: What Debian calls its next release, whatever its name.
NEXT = "testing"


class NotToBeHad(Exception):
    """There is no such Python; the text says why."""


def bring(version: str, folder: Path, patchelf: Path) -> Path:
    """Put this Python into a folder, unless it is there; return where it begins.

    NotToBeHad where there is no Debian, no network, or no such package.
    """
    root = folder / f"python{version}"
    python = root / "usr/bin" / f"python{version}"
    if not python.exists():
        shutil.rmtree(root, ignore_errors=True)
        download(f"python{version}", folder / "apt")
        for package in sorted((folder / "apt/archives").glob("*.deb")):
            run("dpkg-deb", "--extract", str(package), str(root))
        use_its_own_libraries(python, root / "usr", patchelf)
        shutil.rmtree(folder / "apt")
    return python


def download(package: str, folder: Path) -> None:
    """Download a package of the next release, and all it needs down to the C library."""
    shutil.rmtree(folder, ignore_errors=True)
    for place in ("archives/partial", "lists/partial"):
        (folder / place).mkdir(parents=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb {mirror()} {NEXT} main\n")
    # As if nothing were installed: else it would leave out what this release has as well.
    installed = folder / "status"
    installed.touch()
    options = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": installed,
        "Dir::Cache": folder,
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    apt = ["apt-get", "-qq"]
    for name, value in options.items():
        apt += ["-o", f"{name}={value}"]
    run(*apt, "update")
    run(*apt, "install", "--yes", "--download-only", "--no-install-recommends", package)


def mirror() -> str:
    """The address from which this machine has its own release."""
    try:
        name = platform.freedesktop_os_release()["VERSION_CODENAME"]
    except (OSError, KeyError):
        raise NotToBeHad("this is no Debian") from None
    listed = run("apt-get", "update", "--print-uris")
    found = re.search(rf"^'(\S+)/dists/{name}/", listed, re.MULTILINE)
    if not found:
        raise NotToBeHad("apt names no address of this release")
    return found[1]


def use_its_own_libraries(program: Path, usr: Path, patchelf: Path) -> None:
    """Let a program begin with the loader and the libraries beside it."""
    loader = run(str(patchelf), "--print-interpreter", str(program)).strip()
    (libraries,) = {file.parent for file in usr.glob("lib/*/libc.so.6")}
    # As RPATH, which holds for what its modules need as well.
    run(
        *(str(patchelf), "--set-interpreter", f"{usr}{loader}"),
        *("--force-rpath", "--set-rpath", str(libraries), str(program)),
    )


def run(*words: str) -> str:
    """What a command printed; NotToBeHad with its last line when it failed."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    except OSError as error:
        raise NotToBeHad(f"no {words[0]}: {error.strerror}") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["it says nothing"]
        raise NotToBeHad(f"{words[0]}: {lines[-1]}") from None
    return done.stdout
