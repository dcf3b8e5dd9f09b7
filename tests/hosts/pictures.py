"""Real photographs in any number: crops of the repository's, resized, no two the same."""

from __future__ import annotations

import random
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from helpers.project import PHOTOGRAPHS, ROOT
from PIL import Image

#: Pictures that are made at one go, which nothing interrupts.
PAGE = 200
#: The shortest side of a crop, as a share of the photograph's own.
LEAST = 0.4


def make(folder: Path, count: int, size: tuple[int, int], processes: int = 1) -> None:
    """Fill a folder with so many photographs of this width and height, as JPEGs."""
    folder.mkdir(parents=True)
    starts = range(0, count, PAGE)
    if processes == 1:
        for start in starts:
            _make_page(folder, count, size, start)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as executor:
        list(executor.map(partial(_make_page, folder, count, size), starts))


def _make_page(folder: Path, count: int, size: tuple[int, int], start: int) -> None:
    dice = random.Random(f"{folder.name} {start}")
    photographs = [_opened(name) for name in PHOTOGRAPHS]
    for number in range(start, min(start + PAGE, count)):
        photograph = photographs[number % len(photographs)]
        box = _crop(dice, *photograph.size)
        name = f"{number:06}.jpg"
        photograph.resize(size, Image.Resampling.BILINEAR, box).save(folder / name)


def _opened(name: str) -> Image.Image:
    with Image.open(ROOT / "images" / name) as photograph:
        return photograph.convert("RGB")


def _crop(dice: random.Random, width: int, height: int) -> tuple[float, float, float, float]:
    share = dice.uniform(LEAST, 1)
    left = dice.uniform(0, width * (1 - share))
    top = dice.uniform(0, height * (1 - share))
    return (left, top, left + share * width, top + share * height)
