"""Filters and transparency: a colour that nobody sees must not flow into one that is seen."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageFilter

#: Pillow's modes for colours that are multiplied by their alpha already.
_PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}

Change = Callable[[Image.Image], Image.Image]


def _together(colours: Image.Image, alpha: Image.Image) -> Image.Image:
    image = colours.copy()
    image.putalpha(alpha)
    return image


def weighted(colours: Image.Image, alpha: Image.Image, change: Change) -> Image.Image:
    """Let `change` mix neighbours, each of them with the weight of its alpha; give the colours."""
    image = _together(colours, alpha)
    mixed = change(image.convert(_PREMULTIPLIED[image.mode]))
    return mixed.convert(image.mode).convert(colours.mode)


def without_hidden(colours: Image.Image, alpha: Image.Image, reach: int) -> Image.Image:
    """The colours, with those under alpha 0 replaced by the mean of what is seen beside them.

    Step by step the visible colours grow outwards, for `reach` pixels: so far a filter looks.
    """
    image = _together(colours, alpha)
    premultiplied = _PREMULTIPLIED[image.mode]
    for _ in range(reach):
        hidden = image.getchannel("A").point(lambda value: 255 * (value == 0))
        if hidden.getbbox() is None:
            break
        mean = image.convert(premultiplied).filter(ImageFilter.BoxBlur(1)).convert(image.mode)
        mean.putalpha(mean.getchannel("A").point(lambda value: 255 * (value > 0)))
        image.paste(mean, mask=hidden)
    return image.convert(colours.mode)
