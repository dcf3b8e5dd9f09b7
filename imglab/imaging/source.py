"""What is remembered of the file that an image came from; it goes along in the image's `info`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

#: The place in `image.info`; no format of Pillow's writes it into a file.
_KEY = "imglab"


@dataclass(frozen=True)
class Source:
    """Where an image came from, as far as that matters when it is written again."""

    #: Pillow's name of the format, such as JPEG.
    kind: str = ""
    #: Of a JPEG: its tables, which say how fine it is, and how many pixels share a colour.
    tables: tuple[tuple[int, ...], ...] = ()
    subsampling: int = -1
    #: Whether a WEBP had lost nothing.
    lossless: bool = False
    #: Whether there are more frames or pages in the file.
    several: bool = False
    #: What became of its colour profile, in words.
    colours: str = ""


def source_of(image: Image.Image) -> Source:
    """Return what is remembered of an image's file; nothing much if it was never in a file."""
    found = image.info.get(_KEY)
    if isinstance(found, Source):
        return found
    return Source()


def remember(image: Image.Image, **changes: Any) -> None:
    """Note something more about the file that an image came from."""
    image.info[_KEY] = replace(source_of(image), **changes)


def pass_on(image: Image.Image, result: Image.Image) -> None:
    """Let the result of a filter remember what its input did."""
    if _KEY in image.info:
        result.info[_KEY] = image.info[_KEY]


def bare(image: Image.Image) -> Image.Image:
    """Return an image of the same pixels, in the same memory, without any metadata.

    Pillow's own reader of a TIFF, for one, would write all it has read back into the next file.
    """
    plain = image._new(image.im)  # the same pixels: `copy` would need as much memory once more
    plain.info = {}
    return plain
