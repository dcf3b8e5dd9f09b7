"""Colour profiles: the numbers of a picture mean a colour only together with its profile.

What has a profile is turned into sRGB, which is what a picture without one is taken for.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageChops

from imglab.imaging.source import pass_on, remember
from imglab.language import tr

if TYPE_CHECKING:
    from PIL import ImageCms

#: The largest profile that is looked at, in bytes; those of printers have about 2 million.
MAX_PROFILE = 16 << 20
#: A profile is sRGB by another name when no colour moves by more than this, in steps of 255.
SAME = 3
#: How much of a profile's name is shown, in letters.
_SHOWN = 40
#: A profile's colour space → the mode of Pillow's that its numbers are in.
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
#: For the look whether a profile is sRGB: these steps of red, green and blue.
_STEPS = (0, 32, 64, 96, 128, 160, 192, 224, 255)


def in_srgb(image: Image.Image) -> Image.Image:
    """Return the picture in sRGB and without a profile; it remembers what was done.

    A profile that is broken, or is not for such pixels, is left out: the numbers stay.
    """
    colours, alpha = _apart(image)
    try:
        result, words = _converted(colours, image.info["icc_profile"])
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a profile is a stranger's: anything may be wrong with it
        result = colours
        words = tr("its colour profile is broken: its numbers are taken for sRGB")
    if result is image:
        result = image.copy()
    if alpha is not None:
        result.putalpha(alpha)
    result.info = {key: value for key, value in image.info.items() if key not in _DONE_WITH}
    pass_on(image, result)
    remember(result, colours=words)
    return result


#: What is not true any more of a picture in sRGB whose transparency is a band.
_DONE_WITH = ("icc_profile", "transparency")


def _apart(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours in a mode that profiles are for, and the alpha band if there is one."""
    mode = "RGB"
    if Image.getmodebase(image.mode) == "L":
        mode = "L"
    if image.has_transparency_data:
        with_alpha = image.convert(f"{mode}A")
        return with_alpha.convert(mode), with_alpha.getchannel("A")
    if image.mode in _MODES.values():
        return image, None
    return image.convert(mode), None


def _converted(colours: Image.Image, data: bytes) -> tuple[Image.Image, str]:
    """The colours in sRGB, in L for greys, and what was done in words."""
    from PIL import ImageCms  # noqa: PLC0415 - few pictures have a profile

    if len(data) > MAX_PROFILE:
        return colours, tr("its colour profile is too large: its numbers are taken for sRGB")
    profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
    name = _name(profile)
    mode = _MODES.get(profile.profile.xcolor_space.strip())
    is_grey = colours.mode == "L"
    if is_grey and mode == "RGB":  # as many cameras write a picture in black and white
        colours = colours.convert("RGB")
    if colours.mode != mode:
        return colours, tr(
            "its colour profile {name} is not for {mode}, and is left out",
            name=name,
            mode=colours.mode,
        )
    transform = ImageCms.buildTransform(
        profile,
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    words = tr("its colours are sRGB, as its profile {name} says", name=name)
    if not _changes_nothing(transform, mode):
        colours = transform.apply(colours)
        words = tr("its colours were converted from {name} to sRGB", name=name)
    if is_grey:
        colours = colours.convert("L")
    return colours, words


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a transform leaves all colours nearly where they are, tried with some of them."""
    if mode == "L":
        probe = Image.frombytes("L", (256, 1), bytes(range(256)))
    elif mode == "RGB":
        values = [
            value for red in _STEPS for green in _STEPS for blue in _STEPS
            for value in (red, green, blue)
        ]  # fmt: skip
        probe = Image.frombytes("RGB", (len(values) // 3, 1), bytes(values))
    else:
        return False
    moved = ImageChops.difference(probe.convert("RGB"), transform.apply(probe))
    return all(high <= SAME for _, high in moved.getextrema())  # type: ignore[misc]


def _name(profile: ImageCms.ImageCmsProfile) -> str:
    """What a profile calls itself, in one line: it is a stranger's text."""
    text = profile.profile.profile_description or tr("without a name")
    text = "".join(letter for letter in text if letter.isprintable())
    return text.strip()[:_SHOWN]
