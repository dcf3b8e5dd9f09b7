"""Photographs in files: read with care, for anybody may have made them, and written whole."""

from functools import partial
from pathlib import Path
from typing import IO

from PIL import Image, UnidentifiedImageError

from imglab.errors import ImageError
from imglab.imaging.base_filter import normalise
from imglab.storage.whole_file import write_whole

#: What is read and written. No more: for some kinds, such as EPS, Pillow starts other programs.
KINDS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
#: The end of a file's name → the format to write.
FORMATS = {".jpg": "JPEG", ".tif": "TIFF"} | {f".{kind.lower()}": kind for kind in KINDS}
#: Formats without transparency.
OPAQUE = ("BMP", "JPEG", "PPM")
#: How many scans a JPEG of the largest size may have; a smaller one may have more in proportion.
#: A photograph has about ten. Each scan visits every pixel, so a few bytes can cost minutes.
MAX_SCANS = 500


def open_image(source: str | Path | IO[bytes]) -> Image.Image:
    """Open the first picture of a file: loaded and normalised, without its metadata.

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
    limit = Image.MAX_IMAGE_PIXELS
    pixels = image.width * image.height
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


def save_image(image: Image.Image, path: str | Path) -> Path:
    """Write an image in the format of the path's suffix, and return the path.

    Whoever looks there sees the old file or the whole new one, never a half; missing folders are
    made. Transparency turns white where the format has none. ImageError for another suffix, and
    for what cannot be written.
    """
    path = Path(path)
    write = partial(write_image, image, image_format=format_of(path))
    write_whole(path, write, spelled=str(path))
    return path


def format_of(path: str | Path) -> str:
    """The format that a path's suffix asks for; ImageError for one that is not written here."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ImageError(f"Cannot write {path}: its name must end in {', '.join(FORMATS)}")
    return FORMATS[suffix]


def write_image(image: Image.Image, file: IO[bytes], image_format: str) -> None:
    """Write an image into an open file; transparency turns white where the format has none."""
    image = normalise(image)
    if image_format in OPAQUE and image.mode.endswith("A"):
        white = Image.new(image.mode[:-1], image.size, "white")
        white.paste(image.convert(white.mode), mask=image.getchannel("A"))
        image = white
    image.save(file, image_format)
