"""`make lessons`: run the solved lessons, keep what they print, make the students' edition of each.

The source of a lesson is notebooks/solved/NN_*.ipynb, and everything else comes from it.
"""

import argparse
import importlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert.preprocessors import ClearOutputPreprocessor
from nbformat import NotebookNode

from imglab.lab import server

ROOT = Path(__file__).parent.parent
SOLVED = ROOT / "notebooks" / "solved"
#: Seconds a cell may take.
TIMEOUT = 120
#: nbgrader's marks, so that a lesson can move into it as it is.
SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?### END SOLUTION$", re.DOTALL | re.MULTILINE)
#: Other kernels and versions leave other metadata; none of it belongs to a lesson.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def student_edition(nb: NotebookNode) -> NotebookNode:
    """The lesson as students open it: no outputs, and a stub in place of each solution."""
    nb, _ = ClearOutputPreprocessor().preprocess(deepcopy(nb), {})
    for cell in nb.cells:
        cell.source = SOLUTION.sub(r"\1# Your code here\n\1...", cell.source)
        if "### BEGIN" in cell.source or "### END" in cell.source:
            raise ValueError(f"{cell.id}: a solution stands between two marks of equal indentation")
    return nb


@contextmanager
def classroom() -> Iterator[dict[str, str]]:
    """The environment for kernels: a project of its own, whose server ends with the lesson."""
    importlib.import_module("matplotlib.font_manager")  # its first import ever may warn, and slowly
    with tempfile.TemporaryDirectory(prefix="imglab-lesson-") as folder:
        root = Path(folder).resolve()
        shutil.copytree(ROOT / "images", root / "images")
        (root / "output").mkdir()
        env = {**os.environ, "IMGLAB_ROOT": str(root), "IMGLAB_REDIS_GRACE": "20"}
        env.pop("IMGLAB_REDIS_URL", None)
        try:
            yield env
        finally:
            server.stop(root / ".imglab" / "redis")


def execute(nb: NotebookNode, env: dict[str, str], folder: Path = SOLVED) -> NotebookNode:
    """The lesson after a run from a clean kernel; CellExecutionError where a cell raises."""
    where = {"metadata": {"path": str(folder)}}
    client = NotebookClient(nb, timeout=TIMEOUT, resources=where, record_timing=False)
    nb = client.execute(env=env)
    nb.metadata = nbformat.from_dict(METADATA)
    for cell in nb.cells:
        cell.metadata.pop("execution", None)
    return nb


def keep_measured(new: NotebookNode, old: NotebookNode) -> None:
    """Where no code changed, keep what was measured before: a new time is no news to git."""
    if [cell.source for cell in _code(new)] == [cell.source for cell in _code(old)]:
        for cell, before in zip(_code(new), _code(old), strict=True):
            if "nbval-ignore-output" in cell.metadata.get("tags", ()) and before.outputs:
                cell.outputs = before.outputs


def _code(nb: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--student-only", action="store_true", help="run nothing")
    only = parser.parse_args().student_only
    for path in sorted(SOLVED.glob("[0-9][0-9]_*.ipynb")):
        began = time.monotonic()
        nb = nbformat.read(path, as_version=4)
        if not only:
            with classroom() as env:
                nb = execute(deepcopy(old := nb), env)
            keep_measured(nb, old)
            nbformat.write(nb, path)
        nbformat.write(student_edition(nb), SOLVED.parent / path.name)
        print(f"{path.name}: {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
