"""Photographs in a notebook: before and after, many at a glance, what differs; each with words.

The functions make a `Picture`, which shows itself as the last value of a cell, and elsewhere by
IPython's `display`. A path starts from the project's folder, as in a task.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageFilter, ImageFont, ImageOps

from imglab.errors import ImageError
from imglab.extras import need
from imglab.imaging import normalise, open_image
from imglab.imaging.files import FORMATS
from imglab.imaging.sheet import GAP, Sheet
from imglab.language import tr
from imglab.project import project_root
from imglab.storage import Folders
from imglab.text import short, shown, shown_output

Source = Image.Image | str | Path

# Few pixels: a saved lesson stays small.
#: Pixels: the height of two photographs side by side.
HEIGHT = 240
#: The most small photographs on one sheet.
MOST_TILES = 30
#: Pixels of the largest picture of a difference, across and down.
DIFFERENCE = (360, 360)


@dataclass(frozen=True)
class Picture:
    """An image, and words that say the same."""

    image: Image.Image = field(repr=False)
    words: str

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        # A photograph is small as a JPEG; of a difference, which is grey, each pixel counts.
        kind = "png" if self.image.mode == "L" else "jpeg"
        buffer = BytesIO()
        self.image.save(buffer, kind, quality=85)
        words = shown_output(self.words)
        return (
            {f"image/{kind}": buffer.getvalue(), "text/plain": words},
            {f"image/{kind}": {"alt": words}},
        )


def before_after(before: Source, after: Source, alt: str) -> Picture:
    """Put two photographs side by side, equally high; `alt` says in words what they show."""
    # Only one that is wider than three times its height is lower: the notebook has an edge.
    most = (3 * HEIGHT, HEIGHT)
    left = ImageOps.contain(_opened(before), most)
    right = ImageOps.contain(_opened(after), most)
    sheet = Image.new("RGB", (left.width + GAP + right.width, HEIGHT), "white")
    sheet.paste(left, mask=left)
    sheet.paste(right, (left.width + GAP, 0), right)
    return Picture(sheet, alt)


def contact_sheet(
    pictures: Mapping[str, Source] | Iterable[str | Path] = "output",
    alt: str = tr("Pictures"),
    columns: int = 5,
) -> Picture:
    """Put small pictures with their names below on a sheet: all of a folder, or the given ones.

    In place of one that cannot be opened stands a crossed box, and the words say why.
    """
    named = _named(pictures)
    first = named[:MOST_TILES]
    columns = max(1, min(columns, len(first)))
    rows = max(1, math.ceil(len(first) / columns))
    sheet = Sheet(columns, rows, _font())
    # As below the pictures: whoever hears a folder's name thirty times hears nothing else.
    names = [shown(Path(name).name) for name, _ in first]
    words = [f"{alt}: {', '.join(names)}" if names else tr("{alt}: none", alt=alt)]
    if len(named) > len(first):
        words.append(tr("… and {count} more", count=len(named) - len(first)))
    for number, (name, source) in enumerate(first):
        try:
            sheet.paste(number, _opened(source))
        except ImageError as error:
            sheet.cross_out(number)
            words.append(shown(error))
        sheet.write_name(number, short(shown(Path(name).name), 22))
    return Picture(sheet.image, "\n".join(words))


def _named(pictures: Mapping[str, Source] | Iterable[str | Path]) -> list[tuple[str, Source]]:
    """Each picture with its name: as given, or its path in the project; a folder's in order."""
    if isinstance(pictures, Mapping):
        return list(pictures.items())
    if isinstance(pictures, str | Path):
        files = (project_root() / pictures).rglob("*")
        pictures = sorted(file for file in files if file.suffix.lower() in FORMATS)
    folders = Folders.of_project()
    return [(folders.name(project_root() / path), path) for path in pictures]


def _font() -> ImageFont.FreeTypeFont:
    """Letters for names: Pillow's own know no ñ."""
    need("lab", "matplotlib")
    from matplotlib import get_data_path  # noqa: PLC0415 - slow, and seldom wanted

    return ImageFont.truetype(Path(get_data_path(), "fonts/ttf/DejaVuSansMono.ttf"), size=11)


def difference(a: Source, b: Source) -> Picture:
    """Show where two pictures differ: black is equal, grey a little, white by 40 and more of 255.

    Differences are spread, to be seen; the words have their number. ImageError for two sizes.
    """
    one = _opened(a)
    two = _opened(b)
    if one.size != two.size:
        raise ImageError(
            tr(
                "Only pictures of one size can be compared: the first has {width} × {height} "
                "pixels, the second {other_width} × {other_height}.",
                width=one.width,
                height=one.height,
                other_width=two.width,
                other_height=two.height,
            )
        )
    grey = reduce(ImageChops.lighter, ImageChops.difference(one, two).split())
    pixels = grey.width * grey.height
    equal = grey.histogram()[0]
    if equal == pixels:
        words = tr("identical, all {pixels:,} pixels", pixels=pixels)
    else:
        _, largest = grey.getextrema()
        words = tr(
            "{differing:,} of {pixels:,} pixels differ, the largest difference is {largest} of 255",
            differing=pixels - equal,
            pixels=pixels,
            largest=largest,
        )
    # Bright first: else the one pixel that differs would vanish among its neighbours.
    bright = grey.point(_brightened)
    small = ImageOps.contain(bright, DIFFERENCE, Image.Resampling.BOX)
    spread = small.filter(ImageFilter.MaxFilter(5))
    return Picture(spread.point(_visible), tr("The two pictures: {words}.", words=words))


def _brightened(value: int) -> int:
    """A grey that can be told from black, and white for a difference of 40 and more."""
    return 95 + 4 * value if value else 0


def _visible(value: int) -> int:
    """At least a dark grey, also where the difference is spread thin; black stays black."""
    return max(value, 96) if value else 0


def _opened(source: Source) -> Image.Image:
    try:
        if isinstance(source, str | Path):
            picture = open_image(project_root() / source)
        else:
            picture = normalise(source)
        return picture.convert("RGBA")
    except (ImageError, OSError) as error:  # OSError: an image that Pillow had begun to read
        # By the same words on every machine.
        words = str(error).replace(f"{project_root()}/", "")
        raise ImageError(words) from None
