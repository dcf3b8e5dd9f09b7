"""Photographs in a notebook: before and after, many at a glance, what differs; each with words.

The functions make a `Picture`, which shows itself as the last value of a cell, and elsewhere by
IPython's `display`. A path starts from the project's folder, as in a task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

from imglab.errors import ImageError
from imglab.imaging import normalise, open_image
from imglab.imaging.files import FORMATS
from imglab.project import project_root
from imglab.storage import Folders
from imglab.text import short

Source = Image.Image | str | Path

#: The height of two side by side and the gap; a small one, its cell with its name, and the most of
#: them; the largest difference. In pixels, and few: a saved lesson stays small.
HEIGHT, GAP, TILE, CELL, MOST, SIDE = 240, 6, (148, 111), (154, 136), 30, (360, 360)


@dataclass(frozen=True)
class Picture:
    """An image, and words that say the same."""

    image: Image.Image = field(repr=False)
    words: str

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        # A photograph is small as a JPEG; of a difference, which is grey, each pixel counts.
        kind, buffer = "png" if self.image.mode == "L" else "jpeg", BytesIO()
        self.image.save(buffer, kind, quality=85)
        return (
            {f"image/{kind}": buffer.getvalue(), "text/plain": self.words},
            {f"image/{kind}": {"alt": self.words}},
        )


def before_after(before: Source, after: Source, alt: str) -> Picture:
    """Two photographs side by side, equally high; `alt` says in words what they show."""
    # Only one that is wider than three times its height is lower: the notebook has an edge.
    left, right = (
        ImageOps.contain(_opened(each), (3 * HEIGHT, HEIGHT)) for each in (before, after)
    )
    sheet = Image.new("RGB", (left.width + GAP + right.width, HEIGHT), "white")
    sheet.paste(left, mask=left)
    sheet.paste(right, (left.width + GAP, 0), right)
    return Picture(sheet, alt)


def contact_sheet(
    pictures: Mapping[str, Source] | Iterable[str | Path] = "output",
    alt: str = "Pictures",
    columns: int = 5,
) -> Picture:
    """Small pictures with their names below: all of a folder, or the given ones.

    In place of one that cannot be opened stands a crossed box, and the words say why.
    """
    from matplotlib import get_data_path  # noqa: PLC0415 - for its letters: Pillow's know no ñ

    font = ImageFont.truetype(Path(get_data_path(), "fonts/ttf/DejaVuSansMono.ttf"), 11)
    if isinstance(pictures, str | Path):
        pictures = sorted(
            path
            for path in (project_root() / pictures).rglob("*")
            if path.suffix.lower() in FORMATS
        )
    named: list[tuple[str, Source]] = (
        list(pictures.items())
        if isinstance(pictures, Mapping)
        else [(Folders.of_project().name(project_root() / each), each) for each in pictures]
    )
    shown, notes = named[:MOST], [f"… and {len(named) - MOST} more"] * (len(named) > MOST)
    columns = max(1, min(columns, len(shown)))
    sheet = Image.new(
        "RGB", (columns * CELL[0], max(1, -(-len(shown) // columns)) * CELL[1]), "white"
    )
    for number, (name, source) in enumerate(shown):
        left, top = number % columns * CELL[0] + GAP // 2, number // columns * CELL[1] + GAP // 2
        try:
            sheet.paste(tile := ImageOps.pad(_opened(source), TILE), (left, top), tile)
        except ImageError as error:
            notes.append(str(error))
            ImageDraw.Draw(sheet).text(
                (left + 74, top + 44), "☒", "#b0b0b0", font.font_variant(size=200), "mm"
            )
        ImageDraw.Draw(sheet).text(
            (left + 74, top + 121), short(Path(name).name, 22), "black", font, "mm"
        )
    return Picture(
        sheet, "\n".join([f"{alt}: {', '.join(name for name, _ in shown) or 'none'}", *notes])
    )


def difference(a: Source, b: Source) -> Picture:
    """Where two pictures differ: black is equal, grey a little different, white by 40 and more.

    Differences are spread, to be seen; the words have their number. ImageError for two sizes.
    """
    one, two = _opened(a), _opened(b)
    if one.size != two.size:
        raise ImageError(
            f"Only pictures of one size can be compared: the first has {one.width} × {one.height} "
            f"pixels, the second {two.width} × {two.height}."
        )
    grey = reduce(ImageChops.lighter, ImageChops.difference(one, two).split())
    pixels, equal = grey.width * grey.height, grey.histogram()[0]
    words = (
        f"identical, all {pixels:,} pixels"
        if equal == pixels
        else f"{pixels - equal:,} of {pixels:,} pixels differ, "
        f"the largest difference is {grey.getextrema()[1]} of 255"
    )
    # Bright first: else the one pixel that differs would vanish among its neighbours.
    bright = grey.point(lambda value: value and 95 + 4 * value)
    small = ImageOps.contain(bright, SIDE, Image.Resampling.BOX).filter(ImageFilter.MaxFilter(5))
    return Picture(
        small.point(lambda value: value and max(value, 96)), f"The two pictures: {words}."
    )


def _opened(source: Source) -> Image.Image:
    try:
        return (
            open_image(project_root() / source)
            if isinstance(source, str | Path)
            else normalise(source)
        ).convert("RGBA")
    except (ImageError, OSError) as error:  # OSError: an image that Pillow had begun to read
        # By the same words on every machine.
        raise ImageError(str(error).replace(f"{project_root()}/", "")) from None
