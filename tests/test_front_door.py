"""The front door: what a user imports from `imglab`, loaded when asked for, and with its types."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.pages import table
from helpers.project import ROOT

import imglab
from imglab import errors, imaging, lazy


def tree_of(package: Path) -> ast.Module:
    return ast.parse((package / "__init__.py").read_text())


def offered(package: Path) -> dict[str, str] | None:
    """The names that a package offers and their homes; None when it offers nothing."""
    for node in ast.walk(tree_of(package)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "offer":
            return ast.literal_eval(node.args[1])
    return None


#: Packages with such a front door, by their dotted name.
PACKAGES = {
    ".".join(file.parent.relative_to(ROOT).parts): file.parent
    for file in (ROOT / "imglab").rglob("__init__.py")
    if offered(file.parent) is not None
}

each_package = pytest.mark.parametrize("package", PACKAGES)


def seen_by_a_type_checker(package: Path) -> set[str]:
    """The names imported under `if TYPE_CHECKING`."""
    found = set()
    for node in tree_of(package).body:
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            for each in ast.walk(node):
                if isinstance(each, ast.ImportFrom):
                    found |= {alias.asname or alias.name for alias in each.names}
    return found


def in_a_new_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout


def test_there_are_front_doors():
    assert {"imglab", "imglab.classroom"} <= set(PACKAGES)


@each_package
def test_all_what_a_type_checker_sees_and_what_is_offered_are_the_same_names(package):
    door = importlib.import_module(package)
    promised = [name for name in door.__all__ if not name.startswith("__")]
    assert len(promised) == len(set(promised))
    assert set(promised) == set(offered(PACKAGES[package]))
    assert set(promised) == seen_by_a_type_checker(PACKAGES[package])


@each_package
def test_each_name_resolves_and_is_listed(package):
    door = importlib.import_module(package)
    for name in door.__all__:
        assert getattr(door, name) is not None
        assert name in dir(door)


@each_package
def test_another_name_is_an_attribute_error_as_everywhere(package):
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nonsense'"):
        importlib.import_module(package).nonsense  # noqa: B018


def test_a_name_can_stand_for_a_module():
    load, _ = lazy.offer("imglab", {"text": "imglab.text"})
    assert load("text") is importlib.import_module("imglab.text")


def test_importing_imglab_loads_neither_pillow_nor_redis():
    loaded = "print([m for m in ('PIL', 'redis', 'rich', 'typer', 'numpy') if m in sys.modules])"
    assert in_a_new_process(f"import sys, imglab; dir(imglab); {loaded}") == "[]\n"


def test_an_examination_that_needs_no_redis_loads_none():
    code = "import sys, imglab.exercises.guard, imglab.exercises.lesson_05; print(*sys.modules)"
    loaded = in_a_new_process(code).split()
    assert "imglab.exercises.exercise" in loaded
    assert not {"redis", "PIL"} & set(loaded)


def test_a_queue_and_a_worker_load_no_pillow_before_the_first_task():
    code = "import sys; from imglab import RedisTaskQueue, RedisWorker; print('PIL' in sys.modules)"
    assert in_a_new_process(code) == "False\n"


def test_every_error_stands_at_the_front_door():
    classes = inspect.getmembers(errors, inspect.isclass)
    assert {name for name, each in classes if issubclass(each, errors.ImglabError)} <= set(
        imglab.__all__
    )


def test_every_filter_stands_at_the_front_door():
    assert {name for name in imaging.__all__ if name.endswith("Filter")} <= set(imglab.__all__)


def test_the_courses_words_work_from_the_front_door():
    code = """
from imglab import BlurFilter, FilterPipeline, Task, TaskQueue
queue = TaskQueue()
queue.add_task({"image_path": "images/sample.jpg"})
task = queue.get_task("worker-1")
assert isinstance(task, Task)
print(FilterPipeline([BlurFilter(3)]))
"""
    assert in_a_new_process(code) == "blur:radius=3\n"


def test_the_version_is_said_and_is_the_one_that_is_installed():
    assert in_a_new_process("import imglab; print(imglab.__version__)") == imglab.__version__ + "\n"
    done = subprocess.run(
        [sys.executable, "-m", "imglab", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"imglab {imglab.__version__}\n"


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("import redis", ROOT),
        ("from imglab import RedisTaskQueue", ROOT),
        ("from imglab import BlurFilter", ROOT),
        ("import imglab", ""),
    ],
)
def test_s20_what_a_python_outside_the_venv_says_stands_in_the_readme(line, path, tmp_path):
    # With -S it finds no package that was installed, as a Python outside the .venv.
    done = subprocess.run(
        [sys.executable, "-S", "-c", line],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    (name,) = re.findall(r"^ModuleNotFoundError: No module named ('\w+')$", done.stderr, re.M)
    readme = (ROOT / "README.md").read_text()
    failures = table(readme, "| you see | do |")
    (failure,) = [each for each in failures if each[0].startswith("`No module named ")]
    assert name in failure[0]
    assert "source .venv/bin/activate" in failure[1]
