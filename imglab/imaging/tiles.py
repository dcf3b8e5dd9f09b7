"""A picture in parts: Python runs between two of them, so that no other thread has to wait long.

A filter that looks at neighbours needs a rim around each part; then the parts make the same picture
as the whole would.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from PIL._imaging import ImagingCore

#: Left, upper, right and lower edge, in pixels.
Box = tuple[int, int, int, int]


def framed(image: Image.Image, width: int) -> Image.Image:
    """The picture with `width` pixels more on each side, as if its outermost pixels went on."""
    inner_width, inner_height = image.size
    right = width + inner_width
    bottom = width + inner_height
    larger = Image.new(image.mode, (right + width, bottom + width))
    larger.paste(image, (width, width))
    # First left and right, then the whole rows above and below: so the corners are filled as well.
    _stretch(larger, (width, width, width + 1, bottom), (0, width, width, bottom))
    _stretch(larger, (right - 1, width, right, bottom), (right, width, right + width, bottom))
    across = right + width
    _stretch(larger, (0, width, across, width + 1), (0, 0, across, width))
    _stretch(larger, (0, bottom - 1, across, bottom), (0, bottom, across, bottom + width))
    return larger


def _stretch(image: Image.Image, line: Box, space: Box) -> None:
    """Fill a space with a line of pixels beside it, over and over again."""
    left, top, right, bottom = space
    size = (right - left, bottom - top)
    if min(size) > 0:
        image.paste(image.crop(line).resize(size, Image.Resampling.NEAREST), (left, top))


def tiles(size: tuple[int, int], pixels: int) -> Iterator[Box]:
    """Boxes of at most so many pixels that cover a picture of this size: whole rows if possible."""
    width, height = size
    across = min(width, max(pixels, 1))
    down = max(pixels // max(width, 1), 1)
    for top in range(0, height, down):
        for left in range(0, width, max(across, 1)):
            yield left, top, min(left + across, width), min(top + down, height)


class InnerMedian(ImageFilter.MedianFilter):
    """Medians of what has a frame already: the result is smaller by the frame."""

    def filter(self, image: ImagingCore) -> ImagingCore:
        """Take medians; Pillow's own filter would put a frame around the part first."""
        inner: ImagingCore = image.rankfilter(self.size, self.rank)
        return inner


def add_rim(image: Image.Image, result: Image.Image, kernel: type[ImageFilter.Filter]) -> None:
    """Apply a kernel of 3 × 3 to the outermost pixels, which Pillow leaves as they were."""
    width, height = image.size
    sides: list[Box] = [
        (0, 0, width, 1),
        (0, height - 1, width, height),
        (0, 0, 1, height),
        (width - 1, 0, width, height),
    ]
    for left, top, right, bottom in sides:
        # With one pixel more on each side, as far as the picture goes; then with a frame.
        first_x = max(left - 1, 0)
        first_y = max(top - 1, 0)
        part = image.crop((first_x, first_y, min(right + 1, width), min(bottom + 1, height)))
        changed = framed(part, 1).filter(kernel)
        x = left - first_x + 1
        y = top - first_y + 1
        line = changed.crop((x, y, x + right - left, y + bottom - top))
        result.paste(line, (left, top))
