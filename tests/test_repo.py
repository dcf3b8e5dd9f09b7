"""What the project promises of itself: small, layered, light to import, complete, no strangers."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.project import ROOT

PACKAGE = ROOT / "imglab"
#: Lines of code: statements, each counted once however it wraps, without docstrings and imports.
BUDGETS = {"imaging queues workers": 1500, "lab": 1500, "ops": 450}
#: Statements for the exercises of one lesson, and for what checks them.
EXERCISES = {"lesson": 80, "exercise": 130, "examiner": 100}
LUA_BUDGET = 250


def code_lines(path: Path) -> int:
    tree = ast.parse(path.read_text())
    statements = {node for node in ast.walk(tree) if isinstance(node, ast.stmt)}
    left_out = {node for node in statements if isinstance(node, ast.Import | ast.ImportFrom)}
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node):
            left_out.add(node.body[0])
    return len(statements - left_out)


@pytest.mark.parametrize(("folders", "budget"), BUDGETS.items())
def test_a_reader_knows_it_in_an_hour(folders, budget):
    files = [path for folder in folders.split() for path in (PACKAGE / folder).rglob("*.py")]
    total = sum(map(code_lines, files))
    assert total <= budget, {path.name: code_lines(path) for path in files}


def test_an_exercise_is_read_in_minutes():
    for path in (PACKAGE / "exercises").glob("[!_]*.py"):
        assert code_lines(path) <= EXERCISES[path.stem.partition("_")[0]], path.name


def test_the_scripts_stay_small():
    lines = [
        line
        for path in (PACKAGE / "queues/lua").glob("*.lua")
        for line in path.read_text().splitlines()
        if line.strip() and not line.strip().startswith("--")
    ]
    assert len(lines) <= LUA_BUDGET


def test_importing_everything_but_the_lab_loads_nothing_of_a_notebook():
    code = (
        "import sys, imglab.imaging, imglab.queues, imglab.workers, imglab.cli;"
        "import imglab.views, imglab.classroom, imglab.ops;"
        "print([m for m in ('matplotlib', 'ipywidgets', 'IPython', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_nothing_else_is_visible_at_the_top():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    top = {line.partition("/")[0] for line in listed.stdout.splitlines()}
    wanted = "notebooks imglab images output tests environment.yml README.md pyproject.toml"
    assert {name for name in top if not name.startswith(".")} == {
        *wanted.split(),
        *("Makefile", "CHANGELOG.md", "LICENSE"),
    }


def test_every_row_of_the_course_that_works_has_a_test_that_names_it():
    text = "\n".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    names = re.findall(r"def (test_\w+)", text)
    named = {int(row) for name in names for row in re.findall(r"_s(\d+)(?=_)", name)}
    assert set(range(1, 14)) | {16, 17, 20, 22, 24} <= named


def test_the_readme_says_what_the_makefile_does():
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    assert {"lab", "demo", "test", "check", "clean"} <= targets
    assert set(re.findall(r"make (\w+)", readme)) <= targets


def test_links_in_the_texts_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *PACKAGE.glob("*.md"), *(ROOT / "images").glob("*.md")]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
