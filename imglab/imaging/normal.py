"""Every picture in one of four modes, upright and in sRGB, so that a filter need not ask."""

from __future__ import annotations

from PIL import ExifTags, Image, ImageOps

from imglab.errors import ImageError
from imglab.imaging.colour import in_srgb
from imglab.language import tr

#: How much of a stranger's value an error message shows, in letters.
SHOWN = 60


def shown(value: object) -> str:
    """Anything at all, short enough for an error message: specs come from strangers."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # 5,000 digits; a list in a list in a list …
        text = tr("a huge {kind}", kind=type(value).__name__)
    if "\n" in text:  # as an array has
        text = " ".join(text.split())
    if len(text) > SHOWN:
        text = f"{text[: SHOWN - 3]}..."
    return text


def normalise(image: Image.Image) -> Image.Image:
    """Turn a picture upright, in 8 bits and sRGB, to L, LA, RGB or RGBA.

    One that is so already, and has no colour profile, comes back itself. I and I;16 count from 0 to
    65535; F from 0 to 255, or from 0 to 1 when no value lies outside. Transparency of any sort
    becomes an alpha band, except a key colour in 16 bits, which is dropped.
    """
    if not isinstance(image, Image.Image):
        raise ImageError(
            tr("An image is needed, not {image}: open_image(path) makes one.", image=shown(image))
        )
    image.load()  # first, because a TIFF turns itself upright while it loads
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        image = ImageOps.exif_transpose(image)
    image = _in_eight_bits(image)
    if image.info.get("icc_profile"):
        image = in_srgb(image)
    mode = "L" if Image.getmodebase(image.mode) == "L" else "RGB"
    if image.has_transparency_data:
        mode += "A"
    if image.mode == mode:
        return image
    return image.convert(mode)


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Greys in 16 bits or in floats as greys from 0 to 255; any other image comes back itself."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        # Not convert("L") alone: it cuts off at 255, and turns nearly all of the picture white.
        image = image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
        image.info.pop("transparency", None)
    elif image.mode == "F" and _is_share(image):
        image = image.point(lambda value: value * 255 + 0.5).convert("L")
    return image


def _is_share(image: Image.Image) -> bool:
    """Whether floats go from 0 for black to 1 for white, as scientific programs write them."""
    low, high = image.getextrema()
    # The type checker does not know that an image of one band gives two numbers.
    return low >= 0 and high <= 1  # type: ignore[operator]
