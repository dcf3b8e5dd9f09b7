"""What a hostile producer writes: odd bytes, numbers, JSON, records; all of it drawn."""

from __future__ import annotations

import random

#: Texts that look like numbers, or do not.
NUMBERS = (
    b"",
    b"abc",
    b"-1",
    b"-1000000000",
    b"0x10",
    b"1.5",
    b"1e300",
    b"-1e300",
    b"inf",
    b"-inf",
    b"nan",
    b"9223372036854775807",
    b"99999999999999999999999999",
    b" 7 ",
    b"\xff",
    b"1" * 5000,
)
#: Texts that look like JSON, or do not.
JSONS = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b"7",
    b'"text"',
    b"[" * 100_000,
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b'{"a":' * 50_000,
    b"[" * 1500 + b"]" * 1500,
    b'{"image_path": 1e999}',
    b'{"image_path": NaN}',
    b'{"image_path": "\\ud800"}',
    b'{"image_path": "\xff\xfe"}',
    b'{"image_path": "a", "image_path": "b"}',
    b'{"filters": [{"name": "blur", "radius": 1e308}]}',
    b'{"n": ' + b"9" * 5000 + b"}",
    b'[1, 2, {"error": 1e999}]',
    b'[{"error": "x", "claim": "1:abc"}, null, 3]',
    b'{"a": 1}',
    b'"' + b"x" * 300_000 + b'"',
    b"\x00\x01\x02",
)
#: A payload that a worker can use.
USABLE = b'{"image_path": "images/dot.png", "output_path": "output/foreign.png"}'
#: Fields of a record and what they might hold; a drawn part of them is written.
FIELDS = {
    b"payload": JSONS,
    b"priority": (b"high", b"low", b"normal", b"urgent", b"", b"\xff"),
    b"attempts": NUMBERS,
    b"crashes": NUMBERS,
    b"max_attempts": NUMBERS,
    b"errors": JSONS,
    b"status": (b"completed", b"failed", b"pending", b"", b"\xff"),
    b"claim": (b"", b"1:abc", b"x" * 1000, b"\xff"),
    b"worker": (b"", b"worker-1", b"\xff"),
    b"finished_at": NUMBERS,
    b"added_at": NUMBERS,
    b"cancel": (b"1", b"\xff"),
    b"progress": JSONS,
    b"\xff\x00": (b"x",),
}
#: What names of events may be.
EVENTS = (b"completed", b"failed", b"claimed", b"repaired", b"", b"\xff", b"no such event")
#: Lengths of drawn bytes.
LENGTHS = (1, 2, 10, 40, 101, 1000, 20_000)


def some_bytes(dice: random.Random) -> bytes:
    """Any bytes: of any values, letters, or what steers a terminal or ends a line."""
    length = dice.choice(LENGTHS)
    if dice.random() < 0.4:
        return dice.randbytes(length)
    alphabet = dice.choice((b"abc:._@-", b'"\\{}[],:', b"\n\r\t\x00\x1b", b"task:", b" \xc2\xa0"))
    return bytes(dice.choice(alphabet) for _ in range(length))


def record(dice: random.Random) -> dict[bytes, bytes]:
    """A record of a task in which anything may be wrong."""
    fields: dict[bytes, bytes] = {b"payload": USABLE, b"priority": b"normal", b"status": b"pending"}
    for name, values in FIELDS.items():
        if dice.random() < 0.3:
            fields[name] = dice.choice(values)
    if dice.random() < 0.1:
        del fields[b"payload"]
    return fields


def field(dice: random.Random) -> tuple[bytes, bytes]:
    """One field of a record, and an odd value for it."""
    name = dice.choice(list(FIELDS))
    return name, dice.choice(FIELDS[name])
