"""A filter of one's own that lets no other thread run, and a task with it."""

from __future__ import annotations

#: What stands in greedy_filter.py of a project.
GREEDY_FILTER = """
import ctypes
from dataclasses import dataclass
from pathlib import Path
from imglab.imaging import BaseFilter, FilterFactory, number

@FilterFactory.register
@dataclass(frozen=True)
class GreedyFilter(BaseFilter):
    seconds: int = number(1, low=0, high=1000)
    def change(self, image):
        (Path(__file__).parent / "begun").touch()
        ctypes.PyDLL(None).usleep(1_000_000 * self.seconds)  # with the GIL: no other thread runs
        return image
"""


def greedy(seconds: int) -> dict:
    spec = {"name": "greedy", "seconds": seconds}
    return {
        "image_path": "images/sample.png",
        "output_path": "output/greedy.png",
        "filters": [spec],
    }
