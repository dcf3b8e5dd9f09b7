"""The kinds of pictures: which are read, which are written, and what each of them cannot hold."""

from __future__ import annotations

import os
from pathlib import Path

from imglab.errors import ImageError
from imglab.language import tr

#: What is read and written. No more: for some kinds, such as EPS, Pillow starts other programs.
KINDS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
#: Other ends of names for the same formats.
_ALIASES = {
    ".jfif": "JPEG",
    ".jpe": "JPEG",
    ".apng": "PNG",
    ".pgm": "PPM",
    ".pbm": "PPM",
    ".pnm": "PPM",
}
#: The end of a file's name → the format to write.
FORMATS = {".jpg": "JPEG", ".tif": "TIFF"} | {f".{kind.lower()}": kind for kind in KINDS} | _ALIASES
#: Formats without transparency.
OPAQUE = ("BMP", "JPEG", "PPM")
#: Formats that hold several pictures in one file, and those among them that are animations.
SEVERAL = ("GIF", "PNG", "TIFF", "WEBP")
ANIMATED = ("GIF", "PNG", "WEBP")
#: The largest width and height that a format can write down, in pixels.
MAX_SIDE = {"GIF": 65_535, "JPEG": 65_500, "WEBP": 16_383}

#: Where in a file, which bytes → a kind of picture that is not read here.
_UNREAD = (
    (4, b"ftypavif", "AVIF"),
    (4, b"ftypavis", "AVIF"),
    (4, b"ftyphe", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypmsf1", "HEIC"),
    (4, b"ftypcrx ", tr("a camera's raw CR3")),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"II\xbc\x01", "JPEG XR"),
    (0, b"8BPS", tr("Photoshop's PSD")),
    (0, b"v/1\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"%PDF", "PDF"),
    (0, b"\0\0\1\0", "ICO"),
    (0, b"qoif", "QOI"),
    (0, b"DDS ", "DDS"),
)
#: How many bytes of a file are needed to know its kind.
HEAD = 16


def unread_kind(head: bytes) -> str:
    """Which kind of picture begins so that is not read here; an empty text if none is known."""
    for start, magic, name in _UNREAD:
        if head.startswith(magic, start):
            return name
    return ""


def format_of(path: str | os.PathLike[str]) -> str:
    """The format that a path's suffix asks for; ImageError for one that is not written here."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ImageError(
            tr(
                "Cannot write {path}: its name must end in {endings}",
                path=path,
                endings=", ".join(FORMATS),
            )
        )
    return FORMATS[suffix]


def check_fits(path: str | os.PathLike[str], size: tuple[int, int]) -> None:
    """Make sure, before the work, that the format of a path can hold so large a picture.

    ImageError if not, or if no format has this suffix.
    """
    image_format = format_of(path)
    limit = MAX_SIDE.get(image_format)
    if limit and max(size) > limit:
        width, height = size
        raise ImageError(
            tr(
                "Cannot write {path}: {image_format} holds at most {limit:,} pixels each way, and "
                "the picture has {width:,} × {height:,}; choose PNG or TIFF",
                path=path,
                image_format=image_format,
                limit=limit,
                width=width,
                height=height,
            )
        )
