"""What the project promises of itself: short, layered, light to import, complete, no strangers."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib

import pytest
from helpers.pages import table, typed
from helpers.project import ROOT

PACKAGE = ROOT / "imglab"
#: Lines of the longest file: of the package, and of the tests, where a file is a list of sentences.
LONGEST = {"imglab": 400, "tests": 800}


@pytest.mark.parametrize(("folder", "longest"), LONGEST.items())
def test_a_file_is_short_enough_to_be_read_in_one_go(folder, longest):
    files = [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.lua")]
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in files
    }
    too_long = {name: lines for name, lines in lengths.items() if lines > longest}
    assert too_long == {}


def two_in_one(source: str) -> list[str]:
    """The statements that set several names to several values, and are no swap."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Tuple):
            continue
        values = sorted(map(ast.unparse, node.value.elts))
        for target in node.targets:
            if not isinstance(target, ast.Tuple):
                continue
            is_swap = sorted(map(ast.unparse, target.elts)) == values
            if not is_swap:
                found.append(ast.unparse(node))
    return found


def test_one_statement_sets_one_name():
    found = {
        path.relative_to(PACKAGE).as_posix(): two_in_one(path.read_text())
        for path in PACKAGE.rglob("*.py")
    }
    assert {name: statements for name, statements in found.items() if statements} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("a, b = 1, 2", ["a, b = (1, 2)"]),
        ("self.a, b = b, 0", ["self.a, b = (b, 0)"]),
        ("a, b = b, a", []),
        ("a[i], a[j] = a[j], a[i]", []),
        ("a, b = pair", []),
        ("pair = 1, 2", []),
    ],
)
def test_a_swap_and_an_unpacking_are_no_two_statements_in_one(source, found):
    assert two_in_one(source) == found


def test_importing_everything_but_the_lab_loads_nothing_of_a_notebook():
    code = (
        "import sys, imglab.imaging, imglab.queues, imglab.workers, imglab.cli;"
        "import imglab.views, imglab.classroom, imglab.ops;"
        "print([m for m in ('matplotlib', 'ipywidgets', 'IPython', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


#: Who may send Redis a command of its own beside the queues, and why.
SPEAKERS = {
    "console": "it sends what a person typed",
    "server": "it asks the Redis that it started how it is",
    "exercises": "a judge looks at what a student's own commands left",
    "ops/chaos": "it cuts connections on purpose",
    "classroom/watching": "it watches in four ways, and asks Redis what each of them costs",
    "classroom/fault_room": "it writes what a careless hand writes, and changes copies of keys",
}


def commands_of_its_own(source: str) -> list[str]:
    """Where a file sends a command: a call on a queue's client, or on one it opened itself."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ".redis." in ast.unparse(node.func):
            found.append(ast.unparse(node.func))
        if isinstance(node, ast.ImportFrom) and node.module == "imglab.queues.connection":
            found += [each.name for each in node.names if each.name in ("connect", "speaking_to")]
    return found


def test_only_the_queues_and_others_with_a_reason_send_redis_commands():
    rooms = set()
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith("queues/") and commands_of_its_own(path.read_text()):
            rooms.add(next((room for room in SPEAKERS if name.startswith(room)), name))
    assert rooms == set(SPEAKERS)


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


def test_the_readme_says_what_the_makefile_does():
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    assert {"lab", "demo", "test", "check", "clean"} <= targets
    told = [line for line in typed(readme) if line.startswith("make ")]
    assert told
    assert {line.split()[1] for line in told} <= targets


def test_the_map_of_the_parts_has_every_layer_and_no_other():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract = project["tool"]["importlinter"]["contracts"][0]
    layers = set(re.findall(r"imglab\.(\w+)", " ".join(contract["layers"])))
    design = (ROOT / "imglab" / "DESIGN.md").read_text(encoding="utf-8")
    parts = " ".join(part for part, _ in table(design, "| part | one idea |"))
    assert set(re.findall(r"`(\w+)`", parts)) == layers
