"""Where this project is: its root, its own data, and its photographs."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

#: The mode of a folder that only its owner can look into.
PRIVATE = 0o700
#: The photograph that comes with the package, for where there is no images/ folder.
SAMPLE = Path(__file__).parent / "sample.jpg"


def project_root() -> Path:
    """The project's folder: IMGLAB_ROOT, else the nearest one upwards with images/ and output/.

    Without one it is the current folder. Relative paths in tasks start from it, so that a notebook,
    a terminal and a worker mean the same file by the same words.
    """
    return _project() or Path.cwd()


def is_in_project() -> bool:
    """Whether there is a project here, by IMGLAB_ROOT or by its two folders."""
    return _project() is not None


def _project() -> Path | None:
    if named := os.environ.get("IMGLAB_ROOT"):
        return Path(named).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "images").is_dir() and (folder / "output").is_dir():
            return folder
    return None


def project_home() -> Path:
    """The project's own data, out of sight and ignored by git: the server's files and the logs."""
    return project_root() / ".imglab"


def private_folder(folder: Path) -> None:
    """Make a folder for data that are nobody else's business, or close one that is there already.

    If it is in the project's home, that one is closed as well. OSError when it cannot be made.
    """
    folders = [folder]
    home = project_home()
    if folder.resolve().is_relative_to(home.resolve()):
        folders.insert(0, home)
    for each in folders:
        each.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        # Some shared folders (of a virtual machine, of Windows) keep no modes.
        with suppress(PermissionError):
            each.chmod(PRIVATE)


def photographs() -> list[Path]:
    """The photographs in images/, by name; empty where there are none. A worker may read them."""
    return sorted((project_root() / "images").glob("*.jpg"))


def photographs_or_sample() -> list[Path]:
    """The photographs in images/; where there is no such folder, the one of the package.

    For whoever opens them: a worker may not read the package.
    """
    if (project_root() / "images").is_dir():
        return photographs()
    return [SAMPLE]
