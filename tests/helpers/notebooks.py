"""Notebooks under nbval, and the smallest ones that show something."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from helpers.project import ROOT


def nbval(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """Notebooks under nbval, in a pytest of their own."""
    pytest_alone = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no")
    plugins = ("-p", "helpers.quick_start", "-p", "nbval")
    options = ("--nbval", "--nbval-current-env", "--nbval-cell-timeout=120", "--tb=short")
    options += (f"--nbval-sanitize-with={ROOT / 'tests/nbval.cfg'}",)
    # The imglab that is beside the lessons, in whichever copy of the repository they are.
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return subprocess.run(
        [*pytest_alone, "-c", ROOT / "pyproject.toml", *plugins, *options, *arguments],
        cwd=ROOT,
        env={**(env or os.environ), "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


def text(cell) -> str:
    """What a cell printed and showed, as text."""
    shown = (
        each.get("text") or each.get("data", {}).get("text/plain", "") for each in cell.outputs
    )
    return "\n".join(shown)


def html(cell) -> str:
    """What a cell showed in the notebook: its last picture stays in the file."""
    return "".join(each.get("data", {}).get("text/html", "") for each in cell.outputs)


def without_tags(html: str, gap: str = "") -> str:
    """The text of HTML, with a gap where a tag was."""
    return re.sub(r"<[^>]+>", gap, html)


def tiny(source: str, *outputs, count: int | None = 1, tags: tuple[str, ...] = ()):
    """A notebook of one cell, as it was stored with these outputs."""
    metadata = {"tags": list(tags)}
    cell = new_code_cell(source, id="tiny", execution_count=count, metadata=metadata)
    cell.outputs = list(outputs)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=[cell], metadata={"kernelspec": kernel})


def picture(*kinds: str):
    """An output with a picture in each of these formats."""
    return new_output(
        "display_data", data={"text/plain": "picture", **dict.fromkeys(kinds, "aaaa")}
    )


def as_in_a_notebook(monkeypatch: pytest.MonkeyPatch, display: Callable[..., object]) -> None:
    """Let live views find a notebook, in which `display` takes what is shown."""
    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr("IPython.get_ipython", object)
