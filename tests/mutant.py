"""A mutant: one change of one file of the package, that some test has to notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: In this order: the directed ones first, they are quick and say best what is wrong.
QUEUE_TESTS = (
    "test_lua.py",
    "test_lua_endings.py",
    "test_lua_care.py",
    "test_queue_contract.py",
    "test_redis_queue.py",
    "test_stateful.py",
)
COMMON = "queues/lua/_common.lua"
FINISH = "queues/lua/_finish.lua"


@dataclass(frozen=True)
class Mutant:
    """One change of one file of the package; `old` stands there exactly once."""

    name: str
    #: What is wrong with it, for people.
    lacks: str
    old: str
    new: str = ""
    file: str = COMMON
    tests: Sequence[str] = QUEUE_TESTS
