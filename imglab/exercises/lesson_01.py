"""Lesson 01: a filter of one's own, in a module that every process can import."""

from __future__ import annotations

import math
import random
import sys
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from PIL import Image

from imglab.errors import FilterError
from imglab.exercises.examiner import Examiner
from imglab.exercises.exercise import Exercise
from imglab.imaging import BaseFilter, FilterFactory
from imglab.language import tr
from imglab.project import project_root

PATH = "output/lesson-01/pixels.py"
PIXELS = """\
from dataclasses import dataclass
from PIL import Image, ImageOps
from imglab.imaging import BaseFilter, FilterFactory, number
@FilterFactory.register
@dataclass(frozen=True)
class PixelsFilter(BaseFilter):
    size: int = number(8, low=1, high=64)

    def change(self, image):
        small = image.reduce(self.size)
        large = ImageOps.scale(small, self.size, Image.Resampling.NEAREST)
        return large.crop((0, 0, *image.size))
"""
#: A size whose sides are multiples of 8.
EVEN = (96, 64)
#: The size of images/sample.jpg, whose sides are not.
ODD = (451, 300)
#: What is said of a size that the factory does not take.
REFUSED = tr("refused")


def judge_pixels(answer: str, exam: Examiner) -> None:
    """The module, its parameter, the squares, what was given, and other kinds of pictures."""
    pixels = _loaded(answer, exam)
    exam.case(
        tr("a picture of 96 × 64 pixels"),
        tr(
            "change() gets an image and has to give one back, with return. Whatever it uses, the "
            "file has to import."
        ),
    )
    got = _changed(pixels, _noise(EVEN), exam)
    exam.require(
        got.size[0] > EVEN[0] // 2,
        tr("96 × 64 pixels"),
        tr("{width} × {height} pixels", width=got.width, height=got.height),
        tr("That is the small picture, with a pixel for each square. Enlarge it again."),
    )
    exam.expect(EVEN, got.size)
    exam.case(
        tr("a picture of squares already, 8 pixels wide, on 96 × 64 pixels"),
        tr(
            "It should stay as it is, for each square has one colour. Here neighbours are mixed: "
            "make it small with image.reduce(…), and large with Image.Resampling.NEAREST."
        ),
    )
    _is_unchanged(pixels, EVEN, exam)
    exam.case(
        tr("a picture of 451 × 300 pixels, and 451 is no multiple of 8"),
        tr(
            "The last squares are cut: 451 = 56 × 8 + 3. Make a picture that is a little too "
            "large, and crop it to image.size."
        ),
    )
    exam.expect(ODD, _changed(pixels, _noise(ODD), exam).size)
    exam.case(
        tr("a picture of squares already, 8 pixels wide, on 451 × 300 pixels"),
        tr(
            "The squares drift: enlarged to 451 pixels, 57 of them are a bit less than 8 wide. "
            "Enlarge by the whole number self.size first, and crop then."
        ),
    )
    _is_unchanged(pixels, ODD, exam)
    exam.case(
        tr("squares of 4 and of 16 pixels"),
        tr("The width of a square is self.size, whatever it is; 8 is no more than its default."),
    )
    for size in (4, 16):
        _is_unchanged(FilterFactory.create("pixels", size=size), EVEN, exam)
        _has_squares(FilterFactory.create("pixels", size=size), size, exam)
    exam.case(tr("a grey picture"), tr("A grey picture has one number for each pixel, not three."))
    exam.expect(EVEN, pixels.apply(_noise(EVEN).convert("L")).size)
    exam.case(tr("a picture with transparency"), tr("It reaches change() without its alpha band."))
    exam.expect("RGBA", pixels.apply(_noise(EVEN).convert("RGBA")).mode)


def _loaded(answer: str, exam: Examiner) -> BaseFilter:
    """The filter of a student's module, with the default size."""
    exam.case(
        f"import {PATH}",
        tr(
            "A module has to bring along all it uses: what the notebook imported does not count "
            "there."
        ),
    )
    known = set(FilterFactory.names())
    spec: Any = spec_from_file_location("pixels", project_root() / answer)
    module = module_from_spec(spec)
    sys.modules["pixels"] = module
    try:
        spec.loader.exec_module(module)
    except FilterError as error:
        exam.require(
            False,
            tr("a class that can be registered"),
            str(error),
            tr(
                "Two lines stand above the class, @FilterFactory.register first, "
                "@dataclass(frozen=True) below it; the class has size: int = number(8, low=1, "
                "high=64)."
            ),
        )
    new = set(FilterFactory.names()) - known
    if new:
        got = tr("known is {names}", names=", ".join(new))
        hint = tr("The class gives the name: PixelsFilter is pixels.")
    else:
        got = tr("nothing new is known")
        hint = tr(
            "The factory makes what was registered with it: @FilterFactory.register does that."
        )
    exam.require("pixels" in new, tr("a filter that is known as pixels"), got, hint)
    exam.case(
        tr("pixels, pixels:size=64, and then pixels:size=0 and pixels:size=65, which are refused"),
        tr(
            "The parameter is called size, with these limits: size: int = number(8, low=1, "
            "high=64)."
        ),
    )
    tried = ("pixels", "pixels:size=64", "pixels:size=0", "pixels:size=65")
    exam.expect([8, 64, REFUSED, REFUSED], [_size(text) for text in tried])
    return FilterFactory.create("pixels")


def _size(text: str) -> Any:
    try:
        return FilterFactory.create(text).spec()["size"]
    except (FilterError, KeyError):
        return REFUSED


def _noise(size: tuple[int, int]) -> Image.Image:
    chance = random.Random(1)
    return Image.frombytes("RGB", size, chance.randbytes(3 * size[0] * size[1]))


def _changed(pixels: BaseFilter, image: Image.Image, exam: Examiner) -> Image.Image:
    """What `change` gives for a picture, which itself stays as it is."""
    before = image.tobytes()
    got = pixels.change(image)
    exam.require(isinstance(got, Image.Image), tr("an image"), f"{got!r:.60}")
    exam.require(
        image.tobytes() == before,
        tr("the given picture as it was before"),
        tr("a picture that is not the same any more"),
        tr("Somebody may still need it: work on image.copy(), and give that back."),
    )
    return got


def _is_unchanged(pixels: Any, size: tuple[int, int], exam: Examiner) -> None:
    """Require that a picture that has its squares already stays as it is."""
    width = pixels.size
    columns = math.ceil(size[0] / width)
    rows = math.ceil(size[1] / width)
    squares = _noise((columns, rows))
    large = squares.resize((columns * width, rows * width), Image.Resampling.NEAREST)
    image = large.crop((0, 0, *size))
    got = _changed(pixels, image, exam)
    is_same = got.size == size and got.tobytes() == image.tobytes()
    exam.require(is_same, tr("the same picture"), tr("a picture with other colours"))


def _has_squares(pixels: BaseFilter, width: int, exam: Examiner) -> None:
    """Require that each square of a changed picture has one colour."""
    got = _changed(pixels, _noise(EVEN), exam)
    most = 0
    for top in range(0, EVEN[1], width):
        for left in range(0, EVEN[0], width):
            square = got.crop((left, top, left + width, top + width))
            colours = square.getcolors(width * width) or []
            most = max(most, len(colours))
    exam.require(
        most == 1,
        tr("one colour in each square"),
        tr("up to {count} of them", count=most),
        tr("Each square has one colour: image.reduce(self.size) works it out, a pixel for each."),
    )


EXERCISES = {
    "01-exercise-pixels": Exercise(
        task=tr(
            "Write a module with a filter of your own, PixelsFilter, known as pixels. Its "
            "parameter size is the width of a square in pixels: a whole number from 1 to 64, 8 by "
            "default. change(image) gives back a picture of the same size, made of squares that "
            "have one colour each. The last squares may be cut; the given picture stays as it was."
        ),
        hints=(
            tr(
                "Make the picture small, with one pixel for each square, and then large again. The "
                "two lines above the class are those of PosterFilter."
            ),
            tr(
                "image.reduce(self.size) makes it small, ImageOps.scale(small, self.size, "
                "Image.Resampling.NEAREST) large again, without mixing colours."
            ),
            tr(
                "451 is no multiple of 8: the large picture is a bit too large. large.crop((0, 0, "
                "*image.size)) cuts off what is too much, on the right and below."
            ),
        ),
        solution={PATH: PIXELS},
        judge=judge_pixels,
        limit=20.0,
        text=PIXELS,
    )
}
