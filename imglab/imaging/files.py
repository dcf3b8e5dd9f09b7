"""Photographs in files: read with care, for anybody may have made them, and written whole."""

import uuid
from contextlib import suppress
from pathlib import Path
from typing import IO

from PIL import Image, UnidentifiedImageError

from imglab.errors import ImageError
from imglab.imaging.filters import normalise

#: What is read and written. No more: for some kinds, such as EPS, Pillow starts other programs.
KINDS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
FORMATS = {".jpg": "JPEG", ".tif": "TIFF"} | {f".{kind.lower()}": kind for kind in KINDS}


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
    if not file.read(1):
        raise EOFError
    image: Image.Image = Image.open(file, formats=KINDS)
    # Pillow only warns up to twice its limit. Here the limit counts, before a pixel is decoded.
    if Image.MAX_IMAGE_PIXELS and image.width * image.height > Image.MAX_IMAGE_PIXELS:
        raise Image.DecompressionBombError
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


def save_image(image: Image.Image, path: str | Path) -> Path:
    """Writes the image in the format of the path's suffix, and gives the path back.

    Whoever looks there sees the old file or the whole new one, never a half. Transparency turns
    white where the format has none. ImageError for another suffix, and for what cannot be written.
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
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")  # the same folder: a rename is atomic
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:  # a real file: Pillow then encodes without the GIL
            image.save(file, image_format)
        temporary.replace(path)
    except Exception as error:  # encoders are no more predictable
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"Cannot write {path}: {reason}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return path
