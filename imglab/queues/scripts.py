"""The Lua scripts of the queue: their text, and the names of their arguments.

A script is `lua/<method>.lua` behind `_common.lua` and the other shared files that its header says
it needs. What it takes stands in its first line of code, `local worker, limit = unpack(ARGV, 3)`:
from there Python knows the order in which to send the values it has by name, and nobody counts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from imglab.queues.vocabulary import PRIORITIES

FOLDER = Path(__file__).with_name("lua")
#: What stands in front of every script, and what only in front of those that need it.
COMMON = "_common"
_NEEDS = re.compile(r"^-- Needs ([\w ]+)$", re.MULTILINE)
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
    text = preamble(own) + own
    found = _ARGUMENTS.search(own)
    arguments = tuple(found[1].split(", ")) if found else ()
    return Script(name, text, hashlib.sha1(text.encode()).hexdigest(), arguments)


@cache
def by_hash() -> dict[str, Script]:
    """Every script by its SHA-1, which is all that MONITOR shows of it."""
    return {script(name).sha: script(name) for name in names()}


def preamble(own: str) -> str:
    """What stands in front of a script's own text."""
    needed = _NEEDS.search(own)
    shared = [COMMON, *(needed[1].split() if needed else ())]
    words = ", ".join(f"'{priority}'" for priority in PRIORITIES)
    texts = [(FOLDER / f"{each}.lua").read_text() for each in shared]
    return "".join([f"local PRIORITIES = {{{words}}}\n", *texts])
