"""A student's values and errors in words: cut at a bound, whatever their own text does.

A `repr` or `str` that anybody wrote may raise, be of any length, or hold what no pipe takes. (One
that never ends is ended by the clock of the examination.)
"""

from __future__ import annotations

from imglab.language import tr
from imglab.text import short

#: Letters of a text that are kept.
TEXT_LETTERS = 1000


def plain(text: str, length: int = TEXT_LETTERS) -> str:
    """The text as a `str` of at most so many letters; what steers a terminal is an escape."""
    # A class that inherits from str may have a slice of its own: this is the real one.
    letters = str.__getitem__(text, slice(length + 1))
    return short("".join(map(_readable, letters)), length)


def told(value: object) -> str:
    """The repr of a value, or a sentence where it has none."""
    try:
        return plain(repr(value))
    except BaseException as error:  # noqa: BLE001 - a repr of anybody's raises what it likes
        return tr(
            "a {kind}, whose repr raises {error}",
            kind=type(value).__name__,
            error=type(error).__name__,
        )


def told_error(error: BaseException) -> str:
    """The kind of an error, and its text."""
    kind = type(error).__name__
    text = text_of_error(error)
    if not text:
        return kind
    return f"{kind}: {text}"


def text_of_error(error: BaseException) -> str:
    """The text of an error, or a sentence where it has none that can be read."""
    try:
        return plain(str(error))
    except BaseException as other:  # noqa: BLE001 - so does the text of an error
        return tr("its text cannot be read, for that raises {error}", error=type(other).__name__)


def _readable(letter: str) -> str:
    if letter.isprintable() or letter in "\n\t":
        return letter
    return letter.encode("unicode_escape").decode("ascii")
