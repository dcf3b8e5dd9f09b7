"""Whether two values are equal, though one of them is anybody's."""

from __future__ import annotations

from numbers import Number


def is_same(expected: object, got: object) -> bool:
    """Whether two plain values are equal. No `__eq__` of a student's class is asked for it."""
    if isinstance(expected, list | tuple) and isinstance(got, type(expected)):
        if len(expected) != len(got):
            return False
        return all(map(is_same, expected, got))
    if isinstance(expected, dict) and isinstance(got, dict):
        if len(expected) != len(got):
            return False
        return all(key in got and is_same(value, got[key]) for key, value in expected.items())
    if isinstance(expected, Number):
        return isinstance(got, Number) and bool(expected == got)
    return isinstance(got, type(expected)) and type(expected).__eq__(expected, got) is True
