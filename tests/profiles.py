"""Colour profiles made by hand: three primaries and a curve are all that a simple one has."""

from __future__ import annotations

import struct


def _fixed(number: float) -> bytes:
    return struct.pack(">i", round(number * 65536))


def _point(*xyz: float) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(_fixed, xyz))


def profile(name: str, gamma: float, red: tuple, green: tuple, blue: tuple) -> bytes:
    """A profile of the ICC, version 2: its primaries as XYZ under D50."""
    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(gamma * 256), 0)
    text = name.encode() + b"\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    tags = {
        b"desc": described,
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _point(0.9642, 1, 0.8249),
        b"rXYZ": _point(*red),
        b"gXYZ": _point(*green),
        b"bXYZ": _point(*blue),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    place = 128 + 4 + 12 * len(tags)
    table = struct.pack(">I", len(tags))
    data = b""
    for tag, content in tags.items():
        padded = content + bytes(-len(content) % 4)
        table += tag + struct.pack(">II", place + len(data), len(padded))
        data += padded
    size = 128 + len(table) + len(data)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + _fixed(0.9642) + _fixed(1) + _fixed(0.8249)
    return head.ljust(128, b"\0") + table + data


ADOBE = profile(
    "Adobe RGB", 2.2, (0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087),
    (0.14919, 0.06322, 0.74457),
)  # fmt: skip
P3 = profile(
    "Display P3", 2.2, (0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189),
    (0.15710, 0.06657, 0.78407),
)  # fmt: skip
PROPHOTO = profile(
    "ProPhoto", 1.8, (0.7977, 0.2880, 0), (0.1352, 0.7119, 0), (0.0313, 0.0001, 0.8249)
)
WIDE = {"Adobe RGB": ADOBE, "Display P3": P3, "ProPhoto": PROPHOTO}
