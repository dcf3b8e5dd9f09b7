"""Image filters: an image in, a new image out; nothing here reads a file or knows of a queue.

A filter of one's own is a class with one method, in a module that workers can import:

    @FilterFactory.register
    @dataclass(frozen=True)
    class PosterFilter(BaseFilter):  # its name is "poster"
        bits: int = number(3, low=1, high=8)

        def change(self, image: Image.Image) -> Image.Image:
            return ImageOps.posterize(image, self.bits)
"""

from abc import ABC, abstractmethod
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any, ClassVar, TypeVar

from PIL import ExifTags, Image, ImageFilter, ImageOps

from imglab.errors import FilterError, ImageError

Number = TypeVar("Number", int, float)


def normalise(image: Image.Image) -> Image.Image:
    """The picture upright, in 8 bits, as L, LA, RGB or RGBA: `image` itself if it is so already.

    I and I;16 count from 0 to 65535, F from 0 to 255. Transparency of any sort becomes an alpha
    band, except a key colour in 16 bits, which is dropped.
    """
    if not isinstance(image, Image.Image):
        raise ImageError(f"An image is needed, not {shown(image)}: open_image(path) makes one.")
    image.load()  # first, because a TIFF turns itself upright while it loads
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode == "I" or image.mode.startswith("I;16"):
        # Not convert("L") alone: it cuts off at 255, and turns nearly all of the picture white.
        image = image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
        image.info.pop("transparency", None)
    mode = "L" if Image.getmodebase(image.mode) == "L" else "RGB"
    mode += "A" if image.has_transparency_data else ""
    return image if image.mode == mode else image.convert(mode)


def shown(value: object) -> str:
    """Anything at all, short enough for an error message: specs come from strangers."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # 5,000 digits; a list in a list in a list …
        text = f"a huge {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def number(default: Number, *, low: float, high: float, odd: bool = False) -> Number:
    """A filter's parameter with its limits; a whole number if the default is one."""
    parameter: Number = field(default=default, metadata={"low": low, "high": high, "odd": odd})
    return parameter


def _checked(owner: str, parameter: "Field[Any]", value: Any) -> Any:
    """The value in the parameter's own type, so that BlurFilter(3) equals BlurFilter(3.0)."""
    low, high, odd = (parameter.metadata[key] for key in ("low", "high", "odd"))
    kind: type = type(parameter.default)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_whole = kind is int or odd
    # The range comes first: it ends NaN and infinity, and what is left has a remainder.
    if is_number and low <= value <= high and not (is_whole and value % (2 if odd else 1) != odd):
        return kind(value)
    words = f"{'an odd' if odd else 'a'}{' whole' if is_whole else ''} number"
    limits = f"{words} from {low:g} to {high:g}"
    raise FilterError(f"{owner}: {parameter.name} must be {limits}, not {shown(value)}")


@dataclass(frozen=True)
class BaseFilter(ABC):
    """One change to an image: a subclass gives the parameters, if any, and `change`.

    FilterError for a parameter of the wrong type or out of range.
    """

    #: What specs and Redis call it; BlurFilter is "blur" without having to say so.
    name: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if "name" not in vars(cls):
            cls.name = cls.__name__.removesuffix("Filter").lower()

    def __post_init__(self) -> None:
        for parameter in fields(self):
            value = _checked(self.name, parameter, getattr(self, parameter.name))
            object.__setattr__(self, parameter.name, value)  # frozen from here on

    @abstractmethod
    def change(self, image: Image.Image) -> Image.Image:
        """The filtered colours of an L or RGB image: a new image of the same size.

        Copy the image before drawing on it: it may be the caller's own.
        """

    def apply(self, image: Image.Image) -> Image.Image:
        """A new image of the same size, normalised and filtered; `image` stays as it was.

        Filters work on the colours; the alpha band passes through unchanged.
        """
        image = normalise(image)
        has_alpha = image.mode.endswith("A")
        colours = image.convert(image.mode[:-1]) if has_alpha else image
        result = self.change(colours)
        if not isinstance(result, Image.Image) or result.size != image.size:
            wanted = "change() must return an image of the same size"
            raise FilterError(f"{self.name}: {wanted}, not {shown(result)}")
        result = result.copy() if result is image else normalise(result)
        if has_alpha:
            result.putalpha(image.getchannel("A"))
        return result

    def spec(self) -> dict[str, object]:
        """The filter as data, such as `{"name": "blur", "radius": 3.0}`."""
        return {"name": self.name, **asdict(self)}

    def __str__(self) -> str:
        parts = (f":{key}={value!r}".removesuffix(".0") for key, value in asdict(self).items())
        return self.name + "".join(parts)


@dataclass(frozen=True)
class GrayscaleFilter(BaseFilter):
    """Shades of grey, weighted as the eye sees them: 0.299 red, 0.587 green, 0.114 blue."""

    def change(self, image: Image.Image) -> Image.Image:
        """One band in place of three."""
        return image.convert("L")


@dataclass(frozen=True)
class BlurFilter(BaseFilter):
    """A Gaussian blur; the radius is in pixels."""

    radius: float = number(2.0, low=0, high=100)

    def change(self, image: Image.Image) -> Image.Image:
        """The same cost for any radius: Pillow blurs with a few boxes."""
        return image.filter(ImageFilter.GaussianBlur(self.radius))


@dataclass(frozen=True)
class BrightnessFilter(BaseFilter):
    """Every value times a factor: 0 is black, 1 changes nothing, what passes 255 is cut off."""

    factor: float = number(1.5, low=0, high=100)

    def change(self, image: Image.Image) -> Image.Image:
        """A table of 256 products; ImageEnhance would blend with a black image instead."""
        return image.point(lambda value: value * self.factor)


@dataclass(frozen=True)
class EdgesFilter(BaseFilter):
    """Bright where neighbours differ, black where they agree; the outermost pixels stay."""

    def change(self, image: Image.Image) -> Image.Image:
        """A kernel matrix of 3 × 3: beyond the rim it has no neighbours to look at."""
        return image.filter(ImageFilter.FIND_EDGES)


@dataclass(frozen=True)
class SharpenFilter(BaseFilter):
    """Clearer contours; the outermost pixels stay."""

    def change(self, image: Image.Image) -> Image.Image:
        """A kernel matrix of 3 × 3, as for the edges."""
        return image.filter(ImageFilter.SHARPEN)


@dataclass(frozen=True)
class MedianFilter(BaseFilter):
    """No more specks: each pixel is the median of the square around it; the size is in pixels."""

    size: int = number(3, low=1, high=15, odd=True)

    def change(self, image: Image.Image) -> Image.Image:
        """Slow, and Pillow holds the GIL meanwhile: two threads are no faster than one."""
        return image.filter(ImageFilter.MedianFilter(self.size))


@dataclass(frozen=True)
class InvertFilter(BaseFilter):
    """A negative, computed byte by byte in Python."""

    def change(self, image: Image.Image) -> Image.Image:
        """A slow loop on purpose: the lesson on threads needs Python that holds the GIL."""
        inverted = bytes([255 - value for value in image.tobytes()])
        return Image.frombytes(image.mode, image.size, inverted)
