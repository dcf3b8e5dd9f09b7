"""The built-in filters: an image in, a new image out; nothing here reads a file."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageFilter

from imglab.imaging.alpha import weighted
from imglab.imaging.base_filter import BaseFilter, FilterFactory, number
from imglab.imaging.tiles import InnerMedian, add_rim, framed, tiles

#: How much a median may do in one step, in pixels times pixels of the square: about 0.2 s.
MEDIAN_STEP = 10_000_000
#: How many pixels are inverted in one step: their values are whole numbers of Python meanwhile.
INVERT_STEP = 1 << 16


@FilterFactory.register
@dataclass(frozen=True)
class GrayscaleFilter(BaseFilter):
    """Shades of grey, weighted as the eye sees them: 0.299 red, 0.587 green, 0.114 blue.

    The weights are those of television, ITU-R BT.601; Pillow has them built in.
    """

    def change(self, image: Image.Image) -> Image.Image:
        """Make one band of three."""
        return image.convert("L")


@FilterFactory.register
@dataclass(frozen=True)
class BlurFilter(BaseFilter):
    """A Gaussian blur; the radius is in pixels."""

    radius: float = number(2.0, low=0, high=100)

    def change(self, image: Image.Image) -> Image.Image:
        """Blur with a few boxes, as Pillow does: the cost is the same for any radius."""
        return image.filter(ImageFilter.GaussianBlur(self.radius))

    def change_seen(self, colours: Image.Image, alpha: Image.Image) -> Image.Image:
        """Blur with each neighbour weighted by its alpha: what is hidden has no weight."""
        if self.radius == 0:  # nor would the colours survive the multiplication
            return colours
        return weighted(colours, alpha, self.change)


@FilterFactory.register
@dataclass(frozen=True)
class BrightnessFilter(BaseFilter):
    """Every value times a factor: 0 is black, 1 changes nothing, what passes 255 is cut off."""

    factor: float = number(1.5, low=0, high=100)

    def change(self, image: Image.Image) -> Image.Image:
        """Look values up among 256 products; ImageEnhance would blend with a black image."""
        return image.point(lambda value: value * self.factor)


@FilterFactory.register
@dataclass(frozen=True)
class EdgesFilter(BaseFilter):
    """Bright where neighbours differ, black where they agree."""

    def reach(self) -> int:
        """One pixel away."""
        return 1

    def change(self, image: Image.Image) -> Image.Image:
        """Apply a kernel matrix of 3 × 3; beyond the rim, the outermost pixels go on."""
        result = image.filter(ImageFilter.FIND_EDGES)
        # Pillow leaves the outermost pixels as they were: a white frame around a white picture.
        add_rim(image, result, ImageFilter.FIND_EDGES)
        return result


@FilterFactory.register
@dataclass(frozen=True)
class SharpenFilter(BaseFilter):
    """Clearer contours; the outermost pixels stay."""

    def reach(self) -> int:
        """One pixel away."""
        return 1

    def change(self, image: Image.Image) -> Image.Image:
        """Apply a kernel matrix of 3 × 3, as for the edges."""
        return image.filter(ImageFilter.SHARPEN)


@FilterFactory.register
@dataclass(frozen=True)
class MedianFilter(BaseFilter):
    """No more specks: each pixel is the median of the square around it; the size is in pixels."""

    size: int = number(3, low=1, high=15, odd=True)

    def reach(self) -> int:
        """Half the square away."""
        return self.size // 2

    def change(self, image: Image.Image) -> Image.Image:
        """Take medians, slowly: Pillow holds the GIL meanwhile, so two threads gain nothing.

        It does so part by part: in between, the thread that keeps a worker's claim alive has a go.
        """
        rim = self.reach()
        source = framed(image, rim)
        result = Image.new(image.mode, image.size)
        for left, top, right, bottom in tiles(image.size, MEDIAN_STEP // self.size**2):
            part = source.crop((left, top, right + 2 * rim, bottom + 2 * rim))
            result.paste(part.filter(InnerMedian(self.size)), (left, top))
        return result


@FilterFactory.register
@dataclass(frozen=True)
class InvertFilter(BaseFilter):
    """A negative, computed byte by byte in Python."""

    def change(self, image: Image.Image) -> Image.Image:
        """Loop slowly, on purpose: the lesson on threads needs Python that holds the GIL."""
        result = Image.new(image.mode, image.size)
        for box in tiles(image.size, INVERT_STEP):
            part = image.crop(box)
            inverted = bytes([255 - value for value in part.tobytes()])
            result.paste(Image.frombytes(part.mode, part.size, inverted), box)
        return result
