"""The built-in filters: an image in, a new image out; nothing here reads a file."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageFilter

from imglab.imaging.base_filter import BaseFilter, FilterFactory, number


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
    """Bright where neighbours differ, black where they agree; the outermost pixels stay."""

    def change(self, image: Image.Image) -> Image.Image:
        """Apply a kernel matrix of 3 × 3: beyond the rim it has no neighbours to look at."""
        return image.filter(ImageFilter.FIND_EDGES)


@FilterFactory.register
@dataclass(frozen=True)
class SharpenFilter(BaseFilter):
    """Clearer contours; the outermost pixels stay."""

    def change(self, image: Image.Image) -> Image.Image:
        """Apply a kernel matrix of 3 × 3, as for the edges."""
        return image.filter(ImageFilter.SHARPEN)


@FilterFactory.register
@dataclass(frozen=True)
class MedianFilter(BaseFilter):
    """No more specks: each pixel is the median of the square around it; the size is in pixels."""

    size: int = number(3, low=1, high=15, odd=True)

    def change(self, image: Image.Image) -> Image.Image:
        """Take medians, slowly: Pillow holds the GIL meanwhile, so two threads gain nothing."""
        return image.filter(ImageFilter.MedianFilter(self.size))


@FilterFactory.register
@dataclass(frozen=True)
class InvertFilter(BaseFilter):
    """A negative, computed byte by byte in Python."""

    def change(self, image: Image.Image) -> Image.Image:
        """Loop slowly, on purpose: the lesson on threads needs Python that holds the GIL."""
        inverted = bytes([255 - value for value in image.tobytes()])
        return Image.frombytes(image.mode, image.size, inverted)
