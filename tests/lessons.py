"""`make lessons`: run the solved lessons, the source, and make the students' edition of each."""

import argparse
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import nbformat
from matplotlib import font_manager  # noqa: F401 - the first import ever is slow, and may warn
from nbclient import NotebookClient
from nbconvert.preprocessors import ClearOutputPreprocessor

from imglab import server

ROOT = Path(__file__).parent.parent
SOLVED = ROOT / "notebooks" / "solved"
#: How a lesson runs; seconds are for one cell.
RUN = {"timeout": 120, "record_timing": False, "coalesce_streams": True}
#: nbgrader's marks, so that a lesson can move into it as it is.
SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^\1### END SOLUTION$", re.DOTALL | re.MULTILINE)
#: What stands in place of a solution.
STUB = "# Your code here"
#: All the metadata a lesson has: kernels differ in theirs.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def student_edition(nb, stub=STUB):
    """The lesson as students open it: no outputs, and a stub in place of each solution."""
    nb, _ = ClearOutputPreprocessor().preprocess(deepcopy(nb), {})
    for cell in nb.cells:
        cell.source = SOLUTION.sub(rf"\1{stub}\n\1...", cell.source)
        if re.search("### (BEGIN|END) SOLUTION", cell.source):
            raise ValueError(f"{cell.id}: a solution stands between two marks of equal indentation")
    return nb


@contextmanager
def classroom():
    """The environment for kernels: a project of its own, whose server ends with the lesson."""
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


def execute(nb, env, folder=SOLVED):
    """The lesson after a run from a clean kernel; CellExecutionError where a cell raises."""
    client = NotebookClient(deepcopy(nb), resources={"metadata": {"path": str(folder)}}, **RUN)
    nb = client.execute(env=env)
    nb.metadata = nbformat.from_dict(METADATA)
    for cell in nb.cells:
        cell.metadata.pop("execution", None)
    return nb


def keep_measured(new, stored, edition, make=student_edition):
    """A new time for the same code is no news to git; to measure again, clear the cell's output.

    The code is the same when `make` makes the students' edition of it that there is.
    """
    if _code(make(new)) == _code(edition):
        for cell, old in zip(new.cells, stored.cells, strict=True):
            if "nbval-ignore-output" in cell.metadata.get("tags", ()) and old.outputs:
                cell.outputs = old.outputs


def _code(nb):
    return [cell.source for cell in nb.cells if cell.cell_type == "code"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--student-only", action="store_true", help="run nothing")
    parser.add_argument("lessons", nargs="*", help="their numbers; all of them without any")
    arguments = parser.parse_args()
    student_only, wanted = arguments.student_only, arguments.lessons
    for path in sorted(SOLVED.glob("[0-9][0-9]_*.ipynb")):
        if wanted and path.name[:2] not in wanted:
            continue
        print(path.name, flush=True)
        student = SOLVED.parent / path.name
        nb = stored = nbformat.read(path, as_version=4)
        if not student_only:
            with classroom() as env:
                nb = execute(stored, env)
            if student.exists():
                keep_measured(nb, stored, nbformat.read(student, as_version=4))
            nbformat.write(nb, path)
        nbformat.write(student_edition(nb), student)


if __name__ == "__main__":
    main()
