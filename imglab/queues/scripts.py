"""The Lua scripts of the queue: their text, and the names of their arguments.

A script is `lua/<method>.lua` behind `_names.lua` and what it uses of the other shared files. What
it takes stands in its first line of code, `local worker, limit = unpack(ARGV, 3)`: from there
Python knows the order in which to send the values it has by name, and nobody counts.
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
#: The file that names the keys, the settings and the time: in front of every script, as a whole.
NAMES = "_names"
#: The files that scripts share, each of which uses only those before it.
SHARED = (
    "_common",
    "_odd",
    "_add",
    "_batch",
    "_rare",
    "_process",
    "_finish",
    "_claim",
    "_retry",
    "_reap",
)
_COMMENT = re.compile(r"--.*")
_INCLUDE = re.compile(r"^ *-- Include ([\w ]+)\n", re.MULTILINE)
_DEFINED = re.compile(r"^local (?:function )?(\w+(?:, \w+)*)", re.MULTILINE)
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
    text = composed(own)
    found = _ARGUMENTS.search(own)
    arguments = tuple(found[1].split(", ")) if found else ()
    return Script(name, text, hashlib.sha1(text.encode()).hexdigest(), arguments)


@cache
def by_hash() -> dict[str, Script]:
    """Every script by its SHA-1, which is all that MONITOR shows of it."""
    return {script(name).sha: script(name) for name in names()}


def composed(own: str) -> str:
    """A script as Redis gets it: the names, what it uses of the shared files, and its own text.

    What it does not use is left out, for each function is made anew in each call. And the functions
    of each file are inside one that is called at once: Lua finds a name of an outer function
    directly, but one beside it only behind all that others have found (lfunc.c, luaF_findupval).
    """
    text = own
    needed = _words(own)
    for name in reversed(SHARED):
        items = _used(shared_items(name), needed)
        if items:
            body = "\n\n".join(items)
            text = f"return (function()\n{body}\n\n{text}end)()\n"
    return f"{_priorities()}{(FOLDER / NAMES).with_suffix('.lua').read_text()}\n{text}"


def shared_items(name: str) -> list[str]:
    """The functions and constants of a shared file, each with its comment."""
    text = (FOLDER / f"{name}.lua").read_text()
    return [item for item in text.strip().split("\n\n") if _DEFINED.search(item)]


def with_included(item: str) -> str:
    """An item with what it uses of the files after each `-- Include`, in place of that line."""
    found = _INCLUDE.search(item)
    if not found:
        return item
    below = with_included(item[found.end() :])
    items = [each for name in found[1].split() for each in shared_items(name)]
    included = "\n\n".join(_used(items, _words(below)))
    return f"{item[: found.start()]}{included}\n\n{below}"


def _used(items: list[str], needed: set[str]) -> list[str]:
    """Those of the items that one of the needed words names, or that a used one behind them needs.

    What these need is added to the words.
    """
    used: list[str] = []
    for item in reversed(items):
        if not needed.isdisjoint(_names_in(item)):
            whole = with_included(item)
            used.insert(0, whole)
            # What it includes is there for itself alone.
            needed |= _words(whole) - _names_in(whole)
    return used


def _names_in(text: str) -> set[str]:
    """What a text defines."""
    return set(", ".join(_DEFINED.findall(text)).split(", "))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", _COMMENT.sub("", text)))


def _priorities() -> str:
    words = ", ".join(f"'{priority}'" for priority in PRIORITIES)
    return f"local PRIORITIES = {{{words}}}\n"
