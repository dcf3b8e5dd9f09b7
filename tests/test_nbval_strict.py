"""The holes of nbval: each of these notebooks passes without nbval_strict."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import nbformat
import pytest
from helpers.notebooks import nbval, picture, tiny
from nbformat.v4 import new_output

SHOW = "from IPython.display import display\ndisplay({}, raw=True)"
UNKNOWN = "UsageError: Line magic function `%nothing` not found.\n"
SOUND = {
    "text": tiny("print(1)", new_output("stream", name="stdout", text="1\n")),
    "picture": tiny(
        SHOW.format({"text/plain": "picture", "image/png": "bbbb"}), picture("image/png")
    ),
    "exception": tiny(
        "1 / 0",
        new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=[]),
        tags=("raises-exception",),
    ),
}
HOLES = {
    "vanished-picture": (
        tiny(SHOW.format({"text/plain": "picture"}), picture("image/png")),
        "Pictures made: {}; stored: {'image/png': 1}",
    ),
    "ignored-picture": (
        tiny("", picture("image/png"), tags=("nbval-ignore-output",)),
        "Pictures made: {}; stored: {'image/png': 1}",
    ),
    "no-exception": (tiny("pass", tags=("raises-exception",)), "raised none"),
    "unknown-magic": (
        tiny("%nothing", new_output("stream", name="stderr", text=UNKNOWN)),
        "does not know this command",
    ),
    "never-executed": (tiny("print(1)", count=None), "was never executed"),
}


def verdicts(notebooks: dict, folder: Path, *arguments: str) -> dict[str, str]:
    """Notebook → why it failed, or nothing; all of them in one run."""
    for name, nb in notebooks.items():
        nbformat.write(nb, folder / f"{name}.ipynb")
    run = nbval(*arguments, f"--junitxml={folder / 'report.xml'}", folder)
    assert (folder / "report.xml").exists(), run.stdout + run.stderr
    return {
        case.get("classname", "").split(".")[-2]: "".join(each.text or "" for each in case)
        for case in ET.parse(folder / "report.xml").iter("testcase")
    }


@pytest.fixture(scope="module")
def strict_verdicts(tmp_path_factory):
    notebooks = SOUND | {name: nb for name, (nb, _) in HOLES.items()}
    return verdicts(notebooks, tmp_path_factory.mktemp("strict"), "-p", "nbval_strict")


@pytest.fixture(scope="module")
def plain_verdicts(tmp_path_factory):
    notebooks = {name: nb for name, (nb, _) in HOLES.items()}
    return verdicts(notebooks, tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_notebook_passes(strict_verdicts, name):
    assert strict_verdicts[name] == ""


@pytest.mark.parametrize("name", HOLES)
def test_a_hole_of_nbval_is_closed(strict_verdicts, plain_verdicts, name):
    assert plain_verdicts[name] == "", "nbval has closed this hole by itself: nbval_strict need not"
    assert HOLES[name][1] in strict_verdicts[name]
