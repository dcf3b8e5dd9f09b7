"""Photographs in files: read with care, for anybody may have made them, and written whole."""

import os
import uuid
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

from PIL import Image, UnidentifiedImageError

from imglab.errors import ImageError
from imglab.imaging.base_filter import normalise

#: What is read and written. No more: for some kinds, such as EPS, Pillow starts other programs.
KINDS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
FORMATS = {".jpg": "JPEG", ".tif": "TIFF"} | {f".{kind.lower()}": kind for kind in KINDS}
#: Of the largest picture; of a smaller one, more. A photograph has about ten. Each scan of a JPEG
#: goes over all of its pixels, and a few bytes make one.
MAX_SCANS = 500


def open_image(source: str | Path | IO[bytes]) -> Image.Image:
    """The first picture of a file, loaded and normalised, without its metadata.

    A file that the caller opened stays open. ImageError for everything that is no sound image.
    """
    name = source if isinstance(source, str | Path) else getattr(source, "name", "the file")
    try:
        if not isinstance(source, str | Path):
            return _decode(source)
        with Path(source).open("rb") as file:
            return _decode(file)
    except Exception as error:  # on hostile bytes, Pillow's decoders raise nearly anything
        raise ImageError(f"Cannot open {name}: {_reason(error)}") from error


def _decode(file: IO[bytes]) -> Image.Image:
    magic = file.read(2)
    if not magic:
        raise EOFError
    if magic in (b"P1", b"P2", b"P3"):  # Pillow needs minutes for each megabyte of comments
        raise OSError(0, "it is a PPM written as text: save it as a binary one")
    image: Image.Image = Image.open(file, formats=KINDS)
    limit, pixels = Image.MAX_IMAGE_PIXELS, image.width * image.height
    # Pillow only warns up to twice its limit. Here the limit counts, before a pixel is decoded.
    if limit and pixels > limit:
        raise Image.DecompressionBombError
    if limit and image.format in ("JPEG", "MPO"):
        file.seek(0)
        scans = sum(part.count(b"\xff\xda") for part in iter(partial(file.read, 1 << 20), b""))
        if scans * pixels > MAX_SCANS * limit:
            raise OSError(0, "it has more scans than any photograph")
    image = normalise(image)
    image.info.clear()  # a colour profile or an orientation would no longer be true of it
    return image


def _reason(error: Exception) -> str:
    match error:
        case EOFError():
            return "it is empty or cut short"
        case UnidentifiedImageError():
            return f"it is not an image ({', '.join(KINDS)})"
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            return f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels"
        case OSError(strerror=str(reason)):
            return reason
    return "it is broken or cut short"


def save_image(image: Image.Image, path: str | Path, *, folder: int | None = None) -> Path:
    """Writes the image in the format of the path's suffix, and gives the path back.

    Whoever looks there sees the old file or the whole new one, never a half. Transparency turns
    white where the format has none. With the descriptor of a `folder`, the file goes there, and of
    the path only the name counts. ImageError for another suffix, and for what cannot be written.
    """
    path = Path(path)
    image_format = FORMATS.get(path.suffix.lower())
    if image_format is None:
        raise ImageError(f"Cannot write {path}: its name must end in {', '.join(FORMATS)}")
    image = normalise(image)
    if image_format in ("BMP", "JPEG", "PPM") and image.mode.endswith("A"):
        white = Image.new(image.mode[:-1], image.size, "white")
        white.paste(image.convert(white.mode), mask=image.getchannel("A"))
        image = white
    target = path if folder is None else Path(path.name)
    temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")  # the same folder: a rename is atomic
    create = partial(os.open, mode=0o666, dir_fd=folder)
    try:
        if folder is None:
            target.parent.mkdir(parents=True, exist_ok=True)
        # A real file: Pillow then encodes without the GIL.
        with open(temporary, "xb", opener=create) as file:
            image.save(file, image_format)
        os.replace(temporary, target, src_dir_fd=folder, dst_dir_fd=folder)
    except Exception as error:  # encoders are no more predictable
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"Cannot write {path}: {reason}") from error
    finally:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
    return path
