"""Where this project is: its root, its own data, and its photographs."""

from __future__ import annotations

import os
from pathlib import Path


def project_root() -> Path:
    """The project's folder: IMGLAB_ROOT, else the nearest one upwards with images/ and output/.

    Without one it is the current folder. Relative paths in tasks start from it, so that a notebook,
    a terminal and a worker mean the same file by the same words.
    """
    if named := os.environ.get("IMGLAB_ROOT"):
        return Path(named).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "images").is_dir() and (folder / "output").is_dir():
            return folder
    return here


def project_home() -> Path:
    """The project's own data, out of sight and ignored by git: the server's files and the logs."""
    return project_root() / ".imglab"


def photographs() -> list[Path]:
    """The photographs in images/, by name; empty where there are none."""
    return sorted((project_root() / "images").glob("*.jpg"))
