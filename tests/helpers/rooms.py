"""A classroom with the lessons in it, for a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lessons import SOLVED, classroom

from helpers.clock import until
from helpers.processes import processes_of
from helpers.project import PHOTOGRAPHS
from imglab.classroom import demo

#: Of the photographs that lessons 02 and 05 filter by the dozen, and of those they filter here: a
#: quarter. Views and errors are the same; test_lessons.py filters the large ones.
LARGE_PIXELS = 1_000_000
SMALL_PIXELS = 250_000


#: The mark of a test that runs a lesson: that is worth minutes, and others may use the machine.
unhurried = pytest.mark.timeout(300)


@contextmanager
def empty_room() -> Iterator[dict[str, str]]:
    """The environment of a classroom, and the certainty that everybody has left it."""
    with classroom() as env:
        yield env
    until(lambda: not processes_of(env["IMGLAB_ROOT"]))


@contextmanager
def room_with_lessons() -> Iterator[Path]:
    """The folder of a classroom with the lessons, which is this process' project meanwhile.

    In the end nobody is left in it.
    """
    with classroom() as env, pytest.MonkeyPatch.context() as patch:
        for variable in ("IMGLAB_ROOT", "IMGLAB_REDIS_GRACE"):
            patch.setenv(variable, env[variable])
        patch.delenv("IMGLAB_REDIS_URL", raising=False)
        root = Path(env["IMGLAB_ROOT"])
        shutil.copytree(SOLVED.parent, root / "notebooks")
        _make_small_inputs()
        yield root
    until(lambda: not processes_of(root))


def _make_small_inputs() -> None:
    """Have small photographs where lessons look for large ones, so that they make none."""
    for path in demo.make_inputs(len(PHOTOGRAPHS), SMALL_PIXELS):
        small, large = (f"-{pixels // 1000}k" for pixels in (SMALL_PIXELS, LARGE_PIXELS))
        path.rename(path.with_name(path.name.replace(small, large)))
