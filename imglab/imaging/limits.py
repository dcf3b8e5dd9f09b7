"""How much work a file may cause: a photograph needs little, a file made to harm any amount.

Pillow's readers loop in Python over the parts of a file, and some of them copy all they have so far
for each new part. So the reader is stopped when it has read too often, and the parts that are
copied are counted before Pillow sees them.
"""

from __future__ import annotations

import os
from functools import partial
from typing import IO, Any

from PIL import Image

from imglab.language import tr
from imglab.memory import PIXELS_VARIABLE, max_pixels

if PIXELS_VARIABLE in os.environ:
    # Pillow's own setting, for its own readers look at it, too.
    Image.MAX_IMAGE_PIXELS = max_pixels()

#: How often a file may be read from while it is opened: a few seconds of Pillow's loops.
MAX_READS = 3_000_000
#: How often each byte may be read, on average, and so many bytes more: some parts are read twice.
MAX_TIMES = 8
MORE_BYTES = 64 << 20
#: How many scans a JPEG of the largest size may have; a smaller one may have more in proportion.
#: A photograph has about ten. Each scan visits every pixel, so a few bytes can cost minutes.
MAX_SCANS = 500
#: How many segments of Exif or of Photoshop's a JPEG may have; each is added to those before it.
MAX_SEGMENTS = 100
#: How long the comments of a GIF may be together, in bytes, and for how many bytes each one counts.
MAX_COMMENTS = 1 << 20
COMMENT = 100

#: Bytes of a JPEG: the kinds of its segments.
_SCAN = 0xDA
_END = 0xD9
_EXIF = 0xE1
_PHOTOSHOP = 0xED
_LONELY = (0x01, *range(0xD0, 0xD9))
#: Bytes of a GIF: a frame, an extension, and the extension that is a comment.
_FRAME = 0x2C
_EXTENSION = 0x21
_COMMENT = 0xFE


class TooMuch(Exception):
    """A file would cost more than any photograph; the text says of what it has too much."""


class BoundedFile:
    """A file that stops whoever reads too often, or too much, for a file of its size."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._read = file.read
        self._reads_left = MAX_READS
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        self._bytes_left = MAX_TIMES * size + MORE_BYTES

    def read(self, size: int = -1, /) -> bytes:
        """Read as the file does. TooMuch when that was once too often."""
        data = self._read(size)
        self._reads_left -= 1
        self._bytes_left -= len(data)
        if self._reads_left < 0 or self._bytes_left < 0:
            raise TooMuch(tr("it has more parts than any photograph"))
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def check_parts(file: BoundedFile, magic: bytes) -> None:
    """Look at the parts of a file of this beginning before Pillow does. TooMuch if it must not."""
    if magic == b"\xff\xd8":
        _check_segments(file)
    elif magic == b"GI":
        file.seek(0)
        _check_comments(file.read())
    file.seek(0)


def _check_segments(file: BoundedFile) -> None:
    """Count what Pillow would add up: it takes the square of the time."""
    added = 0
    file.seek(2)
    while True:
        marker = _next_marker(file)
        if marker in (_SCAN, _END, None):
            return
        if marker in _LONELY:
            continue
        length = int.from_bytes(file.read(2), "big")
        if length < 2:  # it would lead back: Pillow will say that it is broken
            return
        start = file.read(6)
        if marker == _PHOTOSHOP or (marker == _EXIF and start == b"Exif\0\0"):
            added += 1
        if added > MAX_SEGMENTS:
            raise TooMuch(tr("it has more segments of metadata than any photograph"))
        file.seek(length - 2 - len(start), os.SEEK_CUR)


def _next_marker(file: BoundedFile) -> int | None:
    """The kind of the next segment of a JPEG, past all that fills the space before it."""
    byte = file.read(1)
    while byte and byte != b"\xff":
        byte = file.read(1)
    while byte == b"\xff":
        byte = file.read(1)
    if not byte:
        return None
    return byte[0]


def _check_comments(data: bytes) -> None:
    """Add up the comments of a GIF, block by block, as Pillow would."""
    left = MAX_COMMENTS
    at = 13 + _palette(data, 10)
    for _ in range(MAX_READS):
        kind = data[at : at + 1]
        if kind == b"!":
            is_comment = data[at + 1 : at + 2] == bytes([_COMMENT])
            end = _end_of_blocks(data, at + 2)
            if is_comment:
                left -= end - at + COMMENT
            at = end
        elif kind == b",":
            at = _end_of_blocks(data, at + 11 + _palette(data, at + 9))
        elif kind in (b";", b""):
            return
        else:
            at += 1
        if left < 0:
            raise TooMuch(tr("it has longer comments than any photograph"))
    raise TooMuch(tr("it has more parts than any photograph"))


def _palette(data: bytes, at: int) -> int:
    """How many bytes the palette has that the flags at this place announce."""
    flags = data[at : at + 1]
    if not flags or not flags[0] & 0x80:
        return 0
    return 3 << ((flags[0] & 7) + 1)


def _end_of_blocks(data: bytes, at: int) -> int:
    """Where a row of blocks ends, each of which says its length; an empty one is the last."""
    size = len(data)
    while at < size and data[at]:
        at += data[at] + 1
    return at + 1


def check_pixels(image: Image.Image, file: IO[bytes] | BoundedFile) -> None:
    """Make sure, before a pixel is decoded, that there are not too many, nor too often.

    Pillow only warns up to twice its limit. Here the limit counts.
    """
    limit = Image.MAX_IMAGE_PIXELS
    if not limit:
        return
    pixels = image.width * image.height
    if pixels > limit:
        raise TooMuch(tr("it has more than {limit:,} pixels", limit=limit))
    if image.format in ("JPEG", "MPO"):
        file.seek(0)
        scans = sum(part.count(b"\xff\xda") for part in iter(partial(file.read, 1 << 20), b""))
        if scans * pixels > MAX_SCANS * limit:
            raise TooMuch(tr("it has more scans than any photograph"))
