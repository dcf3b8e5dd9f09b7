"""Why a file could not be opened, in words that are true of it."""

from __future__ import annotations

import re
from typing import IO

from PIL import Image, UnidentifiedImageError

from imglab.imaging.kinds import HEAD, KINDS, unread_kind
from imglab.imaging.limits import TooMuch
from imglab.language import tr
from imglab.system_words import system_words

BROKEN = tr("it is broken or cut short")
#: How Pillow says that a picture may be sound, but is not one that it reads.
_LAYOUT = re.compile(r"unknown pixel mode|nsupported|not supported|cannot handle|not implemented")
#: The beginnings of files of our kinds; Pillow knows the rest.
_MAGIC = (
    (b"BM", "BMP"),
    (b"GIF8", "GIF"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)


def reason(error: Exception, file: IO[bytes] | None) -> str:
    """Why a file could not be opened; `file` is looked at once more when Pillow did not know it."""
    match error:
        case TooMuch():
            return str(error)
        case EOFError():
            return tr("it is empty or cut short")
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            return tr("it has more than {pixels:,} pixels", pixels=Image.MAX_IMAGE_PIXELS)
        case UnidentifiedImageError():
            return _why_unidentified(file)
        case OSError(strerror=str(words)):
            return system_words(words)
    return _why_undecoded(error)


def _why_undecoded(error: Exception) -> str:
    """What is wrong with the pixels of a file whose head Pillow had read."""
    if _LAYOUT.search(str(error)):
        return tr("it is of a layout that is not read: save it in 8 bits, as PNG or JPEG")
    return BROKEN


def _why_unidentified(file: IO[bytes] | None) -> str:
    head = b""
    if file is not None:
        file.seek(0)
        head = file.read(HEAD)
    kind = unread_kind(head)
    if kind:
        return tr("it is {kind}, which is not read here: save it as JPEG or PNG", kind=kind)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return _why_not(kind, file)
    return tr("it is not an image ({kinds})", kinds=", ".join(KINDS))


def _why_not(kind: str, file: IO[bytes] | None) -> str:
    """What Pillow's reader of this kind says of a file that begins like one of its own."""
    open_with, _ = Image.OPEN[kind]
    assert file is not None
    file.seek(0)
    try:
        open_with(file, "")
    except Exception as error:  # noqa: BLE001 - on hostile bytes, Pillow raises nearly anything
        if _LAYOUT.search(str(error)):
            return tr(
                "it is a {kind} of a layout that is not read: save it in 8 bits, as PNG or JPEG",
                kind=kind,
            )
    return tr("it is a {kind} that is broken or cut short", kind=kind)
