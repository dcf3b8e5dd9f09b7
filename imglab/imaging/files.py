"""Photographs in files: read with care, for anybody may have made them, and written whole."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import IO, Any

from PIL import Image, JpegImagePlugin

from imglab.errors import ImageError, ImglabError, ResourceExhausted
from imglab.imaging.kinds import FORMATS, KINDS, check_fits, format_of
from imglab.imaging.limits import BoundedFile, check_parts, check_pixels
from imglab.imaging.normal import normalise, shown
from imglab.imaging.quiet import quiet_pillow
from imglab.imaging.reasons import reason
from imglab.imaging.source import bare, remember, source_of
from imglab.imaging.writing import Quality, write_image
from imglab.language import tr
from imglab.storage.exhausted import ran_out
from imglab.storage.whole_file import write_whole

__all__ = ["FORMATS", "begin", "failure", "format_of", "open_image", "save_image", "write_image"]

#: How much Pillow reads at a time, in bytes for each pixel of a row. It puts a block that is
#: shorter than a row together with the next one, and copies all of it again each time.
BYTES_PER_PIXEL = 8
#: Where the head of a WEBP says whether it has lost nothing, in bytes from the beginning.
WEBP_HEAD = 64


def open_image(source: str | os.PathLike[str] | IO[bytes]) -> Image.Image:
    """Open the first picture of a file: loaded and normalised, without its metadata.

    A file that the caller opened is read from its beginning and stays open. ImageError for
    everything that is no sound image; ResourceExhausted when memory ran out.
    """
    if isinstance(source, str | os.PathLike):
        try:
            with Path(source).open("rb") as file:
                return _opened(file, source)
        except (OSError, ValueError) as error:  # no such file; a name with a zero in it
            raise failure(source, error, None) from error
    if not callable(getattr(source, "read", None)):
        raise ImageError(
            tr("Cannot open {source}: a path or an open file is needed", source=shown(source))
        )
    return _opened(source, getattr(source, "name", tr("the file")))


def _opened(file: IO[bytes], name: object) -> Image.Image:
    try:
        with quiet_pillow():
            return _decode(file)
    except Exception as error:  # on hostile bytes, Pillow's decoders raise nearly anything
        raise failure(name, error, file) from error


def failure(name: object, error: Exception, file: IO[bytes] | None) -> ImglabError:
    """The error for people: ResourceExhausted if something ran out, else ImageError."""
    if isinstance(name, os.PathLike):
        name = os.fspath(name)
    words = ran_out(error)
    if words:
        return ResourceExhausted(tr("Cannot open {name}: {words}", name=name, words=words))
    return ImageError(tr("Cannot open {name}: {reason}", name=name, reason=reason(error, file)))


def begin(file: IO[bytes]) -> Image.Image:
    """Let Pillow read the head of a file, within limits; the pixels come with `load`."""
    bounded = BoundedFile(file)
    magic = bounded.read(2)
    if not magic:
        raise EOFError
    if magic in (b"P1", b"P2", b"P3"):  # Pillow needs minutes for each megabyte of comments
        raise OSError(0, tr("it is a PPM written as text: save it as a binary one"))
    check_parts(bounded, magic)
    image: Any = Image.open(bounded, formats=KINDS)
    check_pixels(image, file)
    image.decodermaxblock = max(image.decodermaxblock, image.width * BYTES_PER_PIXEL)
    checked: Image.Image = image
    return checked


def _decode(file: IO[bytes]) -> Image.Image:
    image = begin(file)
    normal = normalise(image)
    result = bare(normal)
    remember(
        result,
        kind=image.format,
        colours=source_of(normal).colours,
        several=_has_several(image),
    )
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        tables = tuple(tuple(table) for table in image.quantization.values())
        remember(result, tables=tables, subsampling=JpegImagePlugin.get_sampling(image))
    elif image.format == "WEBP":
        file.seek(0)
        remember(result, lossless=b"VP8L" in file.read(WEBP_HEAD))
    return result


def _has_several(image: Image.Image) -> bool:
    """Whether a file goes on after its first picture, sound or not."""
    try:
        return bool(getattr(image, "is_animated", False))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - what follows the first picture may be anything
        return False


def save_image(
    image: Image.Image,
    path: str | os.PathLike[str],
    *,
    quality: int | None = None,
    subsampling: str | None = None,
) -> Path:
    """Write an image in the format of the path's suffix, and return the path.

    Whoever looks there sees the old file or the whole new one, never a half; missing folders are
    made. Transparency turns white where the format has none. A JPEG is as fine as the one that the
    image came from, unless `quality` (1 to 100) or `subsampling` ("4:4:4", "4:2:2", "4:2:0") says
    otherwise. ImageError for another suffix, and for what cannot be written; ResourceExhausted
    when the disk is full.
    """
    path = Path(path)
    wanted = Quality(quality, subsampling)
    check_fits(path, image.size)
    write = partial(write_image, image, image_format=format_of(path), quality=wanted)
    write_whole(path, write, spelled=str(path))
    return path
