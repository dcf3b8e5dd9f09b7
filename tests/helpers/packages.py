"""What imglab needs by its pyproject.toml, as it is installed here."""

from __future__ import annotations

import shutil
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers.project import ROOT


def requirements(extra: str = "") -> list[Requirement]:
    """What imglab needs by its pyproject.toml, or what an extra adds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return [Requirement(line) for line in lines]


def closure(wanted: list[Requirement]) -> set[str]:
    """The names of all packages that these need in the end."""
    found = set()
    todo = list(wanted)
    while todo:
        each = todo.pop()
        name = canonicalize_name(each.name)
        places = each.extras or {""}
        if each.marker and not any(each.marker.evaluate({"extra": place}) for place in places):
            continue
        if name in found:
            continue
        found.add(name)
        for line in distribution(name).requires or []:
            further = Requirement(line)
            markers = [{"extra": place} for place in places]
            if further.marker and not any(further.marker.evaluate(each) for each in markers):
                continue
            further.marker = None
            todo.append(further)
    return found


def link(name: str, folder: Path) -> int:
    """Link a package's files into a folder; return their bytes."""
    files = distribution(name).files or []
    for top in {file.parts[0] for file in files}:
        target = folder / top
        if top not in ("..", "__pycache__") and not target.exists():
            target.symlink_to(distribution(name).locate_file(top))
    return sum(Path(file.locate()).stat().st_size for file in files if Path(file.locate()).exists())


def copy(name: str, folder: Path) -> None:
    """Copy a package's files into a folder, for whoever cannot follow a link to them."""
    found = distribution(name)
    for top in {file.parts[0] for file in found.files or []}:
        source = Path(found.locate_file(top))
        if top in ("..", "__pycache__") or not source.exists():
            continue
        if source.is_dir():
            shutil.copytree(source, folder / top, dirs_exist_ok=True)
        else:
            shutil.copy(source, folder)
