"""The Lua scripts of the queue: their text, and the names of their arguments.

A script is `lua/<method>.lua` behind the files that all of them share. What it takes stands in its
first line of code, `local worker, limit = unpack(ARGV, 3)`: from there Python knows the order in
which to send the values it has by name, and nobody counts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("lua")
#: What stands in front of every script, in this order.
SHARED = ("_common", "_finish", "_claim")
#: What every script takes before its own arguments: the namespace, and the settings.
COMMON_ARGUMENTS = 2

_ARGUMENTS = re.compile(r"^local ([\w, ]+) = unpack\(ARGV, 3\)", re.MULTILINE)


@dataclass(frozen=True)
class Script:
    """One step of the queue, as Redis runs it."""

    name: str
    text: str
    #: Redis knows a script by the SHA-1 of its text.
    sha: str
    #: Its own arguments by name, in their order; further ones, as many as wanted, may follow.
    arguments: tuple[str, ...]

    def ordered(self, values: Mapping[str, object]) -> list[object]:
        """The values in the order in which the script takes them; KeyError for a missing one."""
        return [values[name] for name in self.arguments]


def names() -> list[str]:
    """Every script there is, by the name of its method."""
    return sorted(path.stem for path in FOLDER.glob("[!_]*.lua"))


@cache
def script(name: str) -> Script:
    """A script, read once."""
    own = (FOLDER / f"{name}.lua").read_text()
    text = _joined((*SHARED, name))
    found = _ARGUMENTS.search(own)
    arguments = tuple(found[1].split(", ")) if found else ()
    return Script(name, text, hashlib.sha1(text.encode()).hexdigest(), arguments)


@cache
def by_hash() -> dict[str, Script]:
    """Every script by its SHA-1, which is all that MONITOR shows of it."""
    return {script(name).sha: script(name) for name in names()}


def _joined(files: Iterable[str]) -> str:
    return "".join((FOLDER / f"{name}.lua").read_text() for name in files)
