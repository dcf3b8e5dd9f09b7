"""A corpus of hostile images, made from the real photographs: the same ones for the same seed.

`python tests/corpus.py FOLDER [SEED]` writes it down, for a look at one of them.
"""

from __future__ import annotations

import gzip
import io
import pickle
import random
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

PHOTOS = Path(__file__).parent.parent / "images"
SUFFIXES = {
    "BMP": "bmp",
    "GIF": "gif",
    "JPEG": "jpg",
    "PNG": "png",
    "PPM": "ppm",
    "TIFF": "tif",
    "WEBP": "webp",
}
HUGE = 0x7FFFFFFF
#: Just below Pillow's limit on pixels: so much may be declared, and memory for it be asked for.
WIDE, HIGH = 9459, 9459


def corpus(seed: int = 11) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file; names that begin with `sound` can be opened."""
    rng = random.Random(seed)
    sound = dict(_sound())
    for name, content in sound.items():
        yield f"sound-{name}", content
    for name, content in sound.items():
        yield from _damaged(name, content, rng)
    for make in (_jpeg, _exif, _png, _gif, _bmp, _tiff, _webp, _ppm, _strangers):
        yield from make(sound)


def _sound() -> Iterator[tuple[str, bytes]]:
    with Image.open(PHOTOS / "astronaut.jpg") as photo:
        image = photo.convert("RGB").resize((160, 120))
    for kind, suffix in SUFFIXES.items():
        yield f"plain.{suffix}", _encoded(image, kind)
    yield "progressive.jpg", _encoded(image, "JPEG", progressive=True)
    yield "palette.png", _encoded(image.quantize(64), "PNG")
    yield "lossless.webp", _encoded(image, "WEBP", lossless=True)
    yield "lzw.tif", _encoded(image, "TIFF", compression="tiff_lzw")
    yield "jpeg.tif", _encoded(image, "TIFF", compression="jpeg")
    yield "sixteen.png", _encoded(image.convert("I").convert("I;16"), "PNG")


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _damaged(name: str, content: bytes, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Cut short anywhere; bytes changed in the header and in the data."""
    head = min(64, len(content))
    for where in (1, 4, 11, head - 1, *(rng.randrange(head, len(content)) for _ in range(3))):
        yield f"cut-{where}-{name}", content[:where]
    for n in range(5):
        start, end = (0, head) if n < 3 else (head, len(content))
        changed = bytearray(content)
        for _ in range(rng.randint(1, 8)):
            changed[rng.randrange(start, end)] = rng.randrange(256)
        yield f"changed-{'head' if n < 3 else 'data'}-{n}-{name}", bytes(changed)
    start = rng.randrange(len(content))
    yield f"doubled-{name}", content[:start] + content
    yield f"hole-{name}", content[:start] + content[start + rng.randint(1, 999) :]


# JPEG


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _sized_jpeg(content: bytes, width: int, height: int) -> bytes:
    """The same JPEG declaring another size; SOF0 and SOF2 say it."""
    at = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"))
    return content[: at + 5] + struct.pack(">HH", height, width) + content[at + 9 :]


def _scans(content: bytes, times: int) -> bytes:
    """A progressive JPEG with its last scan over and over again."""
    at = content.rfind(b"\xff\xda")
    return content[:at] + content[at:-2] * times + content[-2:]


def _jpeg(sound: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    plain, progressive = sound["plain.jpg"], sound["progressive.jpg"]
    head, rest = plain[:2], plain[2:]
    for width, height in ((65535, 65535), (WIDE, HIGH), (65500, 1300), (0, 0), (1, 65535)):
        yield f"jpeg-{width}x{height}.jpg", _sized_jpeg(plain, width, height)
    yield "jpeg-progressive-huge.jpg", _sized_jpeg(progressive, WIDE, HIGH)
    yield "jpeg-3000-scans.jpg", _scans(progressive, 3000)
    # One bit of one colour, for no pixel at all; and yet the decoder goes over all of them.
    scan = b"\xff\xda\0\x08\x01\x01\0\0\0\x10"
    scans = _sized_jpeg(progressive, WIDE, HIGH)[:-2] + scan * 100_000
    yield "jpeg-100000-scans-huge.jpg", scans + b"\xff\xd9"
    yield "jpeg-30000-comments.jpg", head + _segment(0xFE, b"x") * 30_000 + rest
    yield "jpeg-thousand-profiles.jpg", head + _segment(0xE2, b"ICC_PROFILE\0\1\2xx") * 1000 + rest
    yield "jpeg-restarts.jpg", plain[:-2] + b"\xff\xd0" * 500_000 + b"\xff\xd9"
    yield "jpeg-fill-bytes.jpg", head + b"\xff" * 1_000_000 + rest
    yield "jpeg-length-0.jpg", head + b"\xff\xe1\0\0" + rest
    yield "jpeg-length-65535.jpg", head + b"\xff\xe1\xff\xff" + rest[:100]
    yield "jpeg-twelve-bits.jpg", plain.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c")
    yield "jpeg-arithmetic.jpg", plain.replace(b"\xff\xc0\0\x11", b"\xff\xc9\0\x11")
    yield "jpeg-255-components.jpg", plain.replace(b"\x01\x22\x00", b"\xff\xff\xff", 1)
    yield "jpeg-resolution-0.jpg", plain.replace(b"JFIF\0\1\1", b"JFIF\0\1\2\0\0\0\0", 1)
    yield "jpeg-photoshop.jpg", head + _segment(0xED, b"Photoshop 3.0\0" + b"8BIM\xff" * 99) + rest
    index = b"II*\0\x08\0\0\0" + _ifd((0xB001, 4, 1, 99_999), (0xB002, 7, HUGE, 8))
    yield "jpeg-many-pictures.jpg", head + _segment(0xE2, b"MPF\0" + index) + rest
    yield "jpeg-in-jpeg.jpg", plain[:-2] + plain + b"\xff\xd9"


# EXIF, in a JPEG, a PNG and a WEBP


def _ifd(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    """A directory of a TIFF, little-endian; each entry is (tag, type, count, value or offset)."""
    packed = (struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + b"".join(packed) + struct.pack("<I", following)


ORIENTATION, LAST = 0x0112, 0xFFFFFFFF
EXIFS = {
    "empty": b"",
    "header-only": b"II*\0",
    "loop": b"II*\0\x08\0\0\0" + _ifd((ORIENTATION, 3, 1, 6), following=8),
    "sub-loop": b"II*\0\x08\0\0\0" + _ifd((0x8769, 4, 1, 8), (0x8825, 4, 1, 8), (0xA005, 4, 1, 8)),
    "sub-loop-turned": b"II*\0\x08\0\0\0" + _ifd((ORIENTATION, 3, 1, 6), (0x8769, 4, 1, 8)),
    "giant-count": b"II*\0\x08\0\0\0" + _ifd((ORIENTATION, 3, LAST, 8), (0x010E, 2, LAST, 8)),
    "negative-offset": b"II*\0" + struct.pack("<i", -8),
    "far-offset": b"II*\0" + struct.pack("<I", LAST),
    "negative-value": b"II*\0\x08\0\0\0" + _ifd((0x010E, 2, 99, LAST - 5), (ORIENTATION, 3, 1, 8)),
    "unknown-type": b"II*\0\x08\0\0\0" + _ifd((ORIENTATION, 99, 1, 6)),
    "text-orientation": b"II*\0\x08\0\0\0" + _ifd((ORIENTATION, 2, 4, 0x36363636)),
    "many-orientations": b"II*\0\x08\0\0\0" + _ifd((ORIENTATION, 3, 2, 0x00060006)),
    "orientation-9999": b"II*\0\x08\0\0\0" + _ifd((ORIENTATION, 3, 1, 9999)),
    "divided-by-0": b"II*\0\x08\0\0\0" + _ifd((ORIENTATION, 5, 1, 26)) + bytes(8),
    "float-nan": b"II*\0\x08\0\0\0" + _ifd((ORIENTATION, 11, 1, 0x7FC00000)),
    "65535-entries": b"II*\0\x08\0\0\0" + struct.pack("<H", 65535) + bytes(60_000),
    "big": b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 1 << 62),
    "bad-order": b"XX*\0\x08\0\0\0" + _ifd((ORIENTATION, 3, 1, 6)),
}


def _exif(sound: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    jpeg, png = sound["plain.jpg"], sound["plain.png"]
    for name, exif in EXIFS.items():
        marked = _segment(0xE1, b"Exif\0\0" + exif)
        yield f"exif-{name}.jpg", jpeg[:2] + marked + jpeg[2:]
        yield f"exif-{name}.png", png[:33] + _chunk(b"eXIf", exif) + png[33:]
    text = "\nexif\n  999999999\n" + "zz" * 50
    raw = _chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text.encode()))
    yield "exif-not-hex.png", png[:33] + raw + png[33:]
    about = b"<x:xmpmeta>" + b'tiff:Orientation="' * 100_000
    yield (
        "exif-xmp.png",
        png[:33] + _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + about) + png[33:],
    )
    webp = sound["plain.webp"][12:]
    for name in ("loop", "giant-count"):
        parts = b"VP8X" + struct.pack("<I", 10) + b"\x08\0\0\0\x9f\0\0\x77\0\0" + webp
        exif = b"EXIF" + struct.pack("<I", len(EXIFS[name])) + EXIFS[name]
        yield f"exif-{name}.webp", _riff(parts + exif)


# PNG


def _chunk(kind: bytes, content: bytes = b"") -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def _header(width: int, height: int, bits: int = 8, colour: int = 2, interlace: int = 0) -> bytes:
    content = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", content)


def _png_of(header: bytes, *chunks: bytes, data: bytes = b"") -> bytes:
    idat = _chunk(b"IDAT", data or zlib.compress(bytes(100)))
    return header + b"".join(chunks) + idat + _chunk(b"IEND")


def _bomb(megabytes: int) -> bytes:
    """So many million zeros, in a thousandth of the space: one compressed block, repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    check = megabytes * 1_000_000 % 65521 << 16 | 1  # Adler-32 of zeros
    return b"\x78\xda" + block * megabytes + packer.flush() + struct.pack(">I", check)


def _png(sound: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    plain, small = sound["plain.png"], _header(10, 10)
    for width, height in ((HUGE, HUGE), (60_000, 60_000), (WIDE, HIGH), (HUGE, 1), (0, 0), (1, 0)):
        yield f"png-{width}x{height}.png", _png_of(_header(width, height))
    yield "png-16-bits-huge.png", _png_of(_header(WIDE, HIGH, bits=16, colour=6))
    yield "png-interlaced-huge.png", _png_of(_header(WIDE, HIGH, interlace=1))
    yield "png-grey-16-huge.png", _png_of(_header(WIDE, HIGH, bits=16, colour=0), data=_bomb(179))
    yield "png-inflates.png", _png_of(small, data=_bomb(200))
    yield "png-many-inflate.png", _png_of(small, *[_chunk(b"IDAT", _bomb(50))] * 20)
    yield "png-profile-bomb.png", _png_of(small, _chunk(b"iCCP", b"p\0\0" + _bomb(500)))
    yield "png-text-bomb.png", _png_of(small, _chunk(b"zTXt", b"t\0\0" + _bomb(500)))
    yield "png-itext-bomb.png", _png_of(small, _chunk(b"iTXt", b"t\0\1\0\0\0" + _bomb(500)))
    text = _chunk(b"zTXt", b"t\0\0" + zlib.compress(bytes(1_000_000)))
    yield "png-many-texts.png", _png_of(small, *[text] * 99)
    yield (
        "png-late-text-bomb.png",
        plain[:-12] + _chunk(b"zTXt", b"t\0\0" + _bomb(99)) + plain[-12:],
    )
    yield "png-100000-chunks.png", _png_of(small, *[_chunk(b"vpAg")] * 100_000)
    yield "png-wrong-header-crc.png", plain[:29] + b"\0\0\0\0" + plain[33:]
    yield "png-wrong-data-crc.png", plain[:-16] + b"\0\0\0\0" + plain[-12:]
    yield "png-giant-chunk.png", small + b"\xff\xff\xff\xffIDAT" + bytes(99)
    yield "png-negative-chunk.png", small + b"\x80\0\0\0zTXt" + bytes(99)
    yield "png-chunk-of-no-kind.png", small + _chunk(b"\0\xff\n\r") + plain[33:]
    yield "png-second-header.png", _png_of(small, _header(WIDE, HIGH)[8:])
    yield "png-no-data.png", small + _chunk(b"IEND")
    yield "png-palette-missing.png", _png_of(_header(10, 10, colour=3))
    yield "png-palette-odd.png", _png_of(_header(10, 10, colour=3), _chunk(b"PLTE", b"xx"))
    yield "png-key-short.png", _png_of(small, _chunk(b"tRNS", b"x"))
    yield "png-3-bits.png", _png_of(_header(10, 10, bits=3))
    yield "png-colour-9.png", _png_of(_header(10, 10, colour=9))
    frames = _chunk(b"acTL", struct.pack(">II", HUGE, 0))
    frame = _chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, HUGE, HUGE, 9, 9, 0, 0, 9, 9))
    yield "png-frames.png", _png_of(small, frames, frame)
    yield "png-profile-empty.png", _png_of(small, _chunk(b"iCCP"))
    yield "png-resolution.png", _png_of(small, _chunk(b"pHYs", b"\0"), _chunk(b"gAMA", b""))


# GIF


def _gif(sound: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    def screen(width: int, height: int) -> bytes:
        return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(3) + b"\xff" * 3

    def frame(left: int, top: int, width: int, height: int, bits: int = 2) -> bytes:
        place = struct.pack("<HHHHB", left, top, width, height, 0)
        return b"," + place + bytes([bits]) + b"\x02\x4c\x01\0"

    end, small = b";", screen(9, 9)
    for width, height in ((65535, 65535), (WIDE, HIGH), (0, 0)):
        yield f"gif-{width}x{height}.gif", screen(width, height) + frame(0, 0, width, height) + end
    yield "gif-frame-outside.gif", small + frame(65535, 65535, 65535, 65535) + end
    yield "gif-frame-larger.gif", small + frame(0, 0, WIDE, HIGH) + end
    yield "gif-frame-empty.gif", small + frame(0, 0, 0, 0) + end
    dispose = b"!\xf9\x04\x08\0\0\0\0"
    yield "gif-disposed.gif", small + dispose + frame(9, 9, WIDE - 9, HIGH - 9) + end
    yield "gif-20000-frames.gif", small + frame(0, 0, 9, 9) * 20_000 + end
    yield "gif-codes-12.gif", small + frame(0, 0, 9, 9, 12) + end
    yield "gif-codes-255.gif", small + frame(0, 0, 9, 9, 255) + end
    yield "gif-comments.gif", small + (b"!\xfe" + b"\x01x" * 9 + b"\0") * 50_000 + frame(0, 0, 9, 9)
    yield "gif-long-comment.gif", small + b"!\xfe" + (b"\xff" + b"x" * 255) * 20_000 + b"\0" + end
    yield "gif-no-frame.gif", small + end
    yield "gif-no-palette.gif", b"GIF87a\x09\0\x09\0\0\0\0" + frame(0, 0, 9, 9) + end
    yield "gif-short-extension.gif", small + b"!\xf9\x01\x01\0" + frame(0, 0, 9, 9) + end
    yield "gif-noise.gif", sound["plain.gif"][:800] + random.Random(1).randbytes(50_000)


# BMP


def _bmp_of(width: int, height: int, bits: int, method: int, data: bytes, **more: int) -> bytes:
    about = {"size": 40, "used": 0, "offset": 54, "planes": 1} | more
    info = struct.pack("<IiiHHIIiiII", about["size"], width, height, about["planes"], bits, method,
                       0, 0, 0, about["used"], 0)  # fmt: skip
    return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, about["offset"]) + info + data


def _bmp(_: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for width, height in ((HUGE, HUGE), (WIDE, HIGH), (-9, 9), (9, -HUGE - 1), (0, 0), (9, -9)):
        yield f"bmp-{width}x{height}.bmp", _bmp_of(width, height, 24, 0, bytes(999))
    palette = bytes(1024)
    delta = palette + b"\0\x02\xff\xff" * 50
    yield "bmp-delta-bomb.bmp", _bmp_of(80_000_000, 1, 8, 1, delta, offset=54 + 1024)
    yield "bmp-delta-4-bits.bmp", _bmp_of(80_000_000, 1, 4, 2, delta, offset=54 + 1024)
    lines = palette + b"\x01\x07\0\0" * 9
    yield "bmp-long-lines.bmp", _bmp_of(800_000, 9, 8, 1, lines, offset=54 + 1024)
    yield "bmp-runs.bmp", _bmp_of(9, 9, 8, 1, palette + b"\xff\x07" * 9999, offset=54 + 1024)
    yield "bmp-colours.bmp", _bmp_of(9, 9, 8, 0, bytes(99), used=HUGE)
    yield "bmp-offset.bmp", _bmp_of(9, 9, 24, 0, bytes(999), offset=0xFFFFFFFF)
    yield "bmp-header-size.bmp", _bmp_of(9, 9, 24, 0, bytes(999), size=0xFFFFFFFF)
    yield "bmp-header-12.bmp", _bmp_of(9, 9, 24, 0, bytes(999), size=12)
    yield "bmp-3-bits.bmp", _bmp_of(9, 9, 3, 0, bytes(999))
    yield "bmp-method-9.bmp", _bmp_of(9, 9, 24, 9, bytes(999))
    yield "bmp-masks.bmp", _bmp_of(9, 9, 32, 3, b"\xff" * 16 + bytes(999))


# TIFF


def _tiff_of(*changes: tuple[int, int, int, int], data: bytes = b"", following: int = 0) -> bytes:
    """A small RGB picture at 512, but for what the changes say."""
    entries = {
        256: (256, 4, 1, 9),
        257: (257, 4, 1, 9),
        258: (258, 3, 1, 8),
        259: (259, 3, 1, 1),
        262: (262, 3, 1, 1),
        273: (273, 4, 1, 512),
        277: (277, 3, 1, 1),
        278: (278, 4, 1, 9),
        279: (279, 4, 1, len(data) or 81),
    } | {change[0]: change for change in changes}
    ifd = _ifd(*(entries[tag] for tag in sorted(entries)), following=following)
    return (b"II*\0\x08\0\0\0" + ifd).ljust(512, b"\0") + (data or bytes(81))


def _tiff(sound: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for width, height in ((HUGE, HUGE), (WIDE, HIGH), (0, 0), (0xFFFFFFFF, 1)):
        size = (256, 4, 1, width), (257, 4, 1, height), (278, 4, 1, height)
        yield f"tiff-{width}x{height}.tif", _tiff_of(*size)
        yield f"tiff-fax-{width}x{height}.tif", _tiff_of(*size, (258, 3, 1, 1), (259, 3, 1, 4))
        yield f"tiff-deflate-{width}x{height}.tif", _tiff_of(*size, (259, 3, 1, 8), data=_bomb(9))
    floats = (258, 3, 1, 32), (339, 3, 1, 3), (256, 4, 1, WIDE), (257, 4, 1, HIGH)
    yield (
        "tiff-floats-huge.tif",
        _tiff_of(*floats, (259, 3, 1, 8), (278, 4, 1, HIGH), data=_bomb(358)),
    )
    yield "tiff-inflates.tif", _tiff_of((259, 3, 1, 8), data=_bomb(300))
    yield "tiff-loop.tif", _tiff_of(following=8)
    yield "tiff-giant-strip-count.tif", _tiff_of((273, 4, 0xFFFFFFFF, 512), (279, 4, HUGE, 512))
    yield "tiff-giant-strip.tif", _tiff_of((279, 4, 1, 0xFFFFFFFF))
    yield "tiff-giant-strip-lzw.tif", _tiff_of((259, 3, 1, 5), (279, 4, 1, 0xFFFFFFFF))
    yield "tiff-strip-far-away.tif", _tiff_of((273, 4, 1, 0xFFFFFFF0))
    yield "tiff-rows-0.tif", _tiff_of((278, 4, 1, 0))
    yield "tiff-rows-0-lzw.tif", _tiff_of((278, 4, 1, 0), (259, 3, 1, 5))
    yield "tiff-samples.tif", _tiff_of((277, 3, 1, 65535))
    yield "tiff-bits.tif", _tiff_of((258, 3, 65535, 8))
    yield "tiff-method.tif", _tiff_of((259, 3, 1, 9999))
    yield "tiff-colours.tif", _tiff_of((262, 3, 1, 9999))
    for tile in (1 << 30, 60_000, 0, 1):
        tiles = (322, 4, 1, tile), (323, 4, 1, tile), (324, 4, 1, 512), (325, 4, 1, 81)
        yield f"tiff-tiles-{tile}.tif", _tiff_of(*tiles)
        yield f"tiff-tiles-{tile}-deflate.tif", _tiff_of(*tiles, (259, 3, 1, 8), data=_bomb(1))
    for kind in (0, 9, 65535):
        yield f"tiff-orientation-{kind}.tif", _tiff_of((274, 3, 1, kind))
    yield "tiff-predictor.tif", _tiff_of((317, 3, 1, 3), (259, 3, 1, 5))
    yield "tiff-palette.tif", _tiff_of((262, 3, 1, 3), (320, 3, 768, 0xFFFFFF00))
    yield "tiff-planes.tif", _tiff_of((284, 3, 1, 2), (277, 3, 1, 3), (262, 3, 1, 2))
    yield "tiff-sub-directories.tif", _tiff_of((330, 4, HUGE, 8), (34665, 4, 1, 8))
    yield "tiff-jpeg-in-it.tif", _tiff_of((259, 3, 1, 7), data=sound["plain.jpg"])
    huge_jpeg = _sized_jpeg(sound["plain.jpg"], 65500, 65500)
    yield "tiff-huge-jpeg-in-it.tif", _tiff_of((259, 3, 1, 7), data=huge_jpeg)
    yield "tiff-old-jpeg.tif", _tiff_of((259, 3, 1, 6), (513, 4, 1, 512), data=sound["plain.jpg"])
    yield "tiff-65535-entries.tif", b"II*\0\x08\0\0\0" + b"\xff\xff" + bytes(500_000)
    yield "tiff-no-entries.tif", b"II*\0\x08\0\0\0" + _ifd()
    yield "tiff-negative.tif", b"MM\0*" + b"\xff" * 8
    yield "tiff-big.tif", b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 1 << 63) + bytes(99)


# WEBP


def _riff(content: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content


def _webp(sound: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    plain = sound["plain.webp"]
    vp8 = plain[12:20] + plain[20:26]
    for width, height in ((16383, 16383), (WIDE, HIGH), (0, 0)):
        rest = struct.pack("<HH", width, height) + plain[30:]
        yield f"webp-{width}x{height}.webp", _riff(vp8 + rest)
        bits = (width - 1 & 0x3FFF) | (height - 1 & 0x3FFF) << 14
        lossless = b"\x2f" + struct.pack("<I", bits) + bytes(99)
        yield (
            f"webp-lossless-{width}x{height}.webp",
            _riff(b"VP8L" + struct.pack("<I", 104) + lossless),
        )
    canvas = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + b"\xff\xff\xff" * 2
    yield "webp-canvas.webp", _riff(canvas + plain[12:])
    start = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + b"\x9f\0\0\x77\0\0"
    start += b"ANIM" + struct.pack("<I", 6) + bytes(6)
    one = bytes(6) + b"\x9f\0\0\x77\0\0" + bytes(4) + plain[12:]
    frame = b"ANMF" + struct.pack("<I", len(one)) + one
    yield "webp-300-frames.webp", _riff(start + frame * 300)
    yield "webp-no-frames.webp", _riff(start)
    yield "webp-size-0.webp", b"RIFF\0\0\0\0WEBP" + plain[12:]
    yield "webp-size-giant.webp", b"RIFF\xff\xff\xff\xffWEBP" + plain[12:]
    yield "webp-chunk-giant.webp", plain[:16] + b"\xff\xff\xff\xff" + plain[20:]
    profile = b"VP8X" + struct.pack("<I", 10) + b"\x20\0\0\0" + b"\x9f\0\0\x77\0\0" + b"ICCP"
    yield "webp-profile.webp", _riff(profile + b"\xff\xff\xff\x7f" + plain[12:])


# PPM


def _ppm(_: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for head in ("P6 99999 99999 255", "P6 9459 9459 255", "P6 9 9 65535", "P6 9 9 70000",
                 "P6 9 9 0", "P6 -9 9 255", "P6 9 9 -1", "P6 0 0 255", "P5 9459 9459 65535",
                 "P4 9459 9459", "P6 9459 9459 7", "P3 9459 9459 255", "P1 9459 9459",
                 "Pf 9459 9459 -1", "Pf 9 9 0", "Pf 9 9 nan", "P6 x y z", "P7 9 9 255",
                 "P0CMYK 9 9 255", "P6"):  # fmt: skip
        yield f"ppm-{head.replace(' ', '-')}.ppm", head.encode() + b"\n" + bytes(299)
    yield "ppm-digits.ppm", b"P6 " + b"9" * 5000 + b" 9 255\n"
    yield "ppm-long-header.ppm", b"P6 " + b"#" * 1_000_000 + b"\n9 9 255\n" + bytes(243)
    yield "ppm-comments.ppm", b"P3 9 9 255\n" + b"#\n" * 2_000_000
    yield "ppm-bits-comments.ppm", b"P1 9 9\n" + b"#\n" * 2_000_000
    yield "ppm-one-comment.ppm", b"P3 9 9 255\n#" + b"x" * 5_000_000
    yield "ppm-long-number.ppm", b"P3 9 9 255\n" + b"1" * 5_000_000
    yield "ppm-spaces.ppm", b"P3 9 9 255\n" + b" " * 5_000_000
    yield "ppm-large-number.ppm", b"P3 9 9 255\n999 -5 xx"


# What is no image at all, or two things at once


class _Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('unpickled')",)


def _strangers(sound: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    jpeg, png, gif = sound["plain.jpg"], sound["plain.png"], sound["plain.gif"]
    pipe = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%touch pwned) (w) file\n"
    yield from {
        "nothing.jpg": b"",
        "one-byte.jpg": b"\xff",
        "zeros.jpg": bytes(1_000_000),
        "ones.png": b"\xff" * 1_000_000,
        "letter.jpg": b"Dear all,\nthis is no photograph.\n" * 9,
        "lines.jpg": b"\r\n" * 99_999,
        "page.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "entities.svg": b'<!DOCTYPE s [<!ENTITY a "' + b"&b;" * 999 + b'">]><svg>&a;</svg>',
        "program.eps": pipe,
        "program.jpg": pipe,
        "binary-eps.jpg": b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 30, 99) + bytes(20) + pipe,
        "commands.jpg": b"push graphic-context\nfill 'url(https://localhost/|id)'\n",
        "pickle.jpg": pickle.dumps(_Trap()),
        "script.png": b"#!/bin/sh\ntouch pwned\n",
        "page.pdf": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n" + jpeg,
        "archive.png": gzip.compress(bytes(9_000_000), mtime=0),
        "icon.png": b"\0\0\1\0\1\0\0\0\0\0\1\0\x20\0" + struct.pack("<II", 0xFFFFFFFF, 22) + png,
        "photoshop.jpg": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 300_000, 300_000, 8, 3),
        "film.gif": b"\0\0\0\0\x11\xaf" + b"\xff" * 200,
        "targa.bmp": b"\0\0\x0a\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\x18\0" + b"\xff" * 999,
        "movie.jpg": b"\0\0\0\x20ftypavif" + bytes(99),
        "jpeg-then-archive.jpg": jpeg + b"PK\x03\x04" + bytes(999),
        "gif-and-script.gif": b"GIF89a/*" + gif[8:] + b"*/=1;alert(1)",
        "png-then-page.png": png + b"<?php system($_GET['c']); ?>",
        "png-before-jpeg.png": png[:60] + jpeg,
        "jpeg-called-png.png": jpeg,
    }.items()  # fmt: skip
    for kind, magic in {"bmp": b"BM", "gif": b"GIF89a", "jpg": b"\xff\xd8\xff", "tif": b"II*\0",
                        "webp": b"RIFF\x08\0\0\0WEBP"}.items():  # fmt: skip
        yield f"magic-only.{kind}", magic


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in corpus(*map(int, sys.argv[2:3])):
        (folder / name).write_bytes(content)
