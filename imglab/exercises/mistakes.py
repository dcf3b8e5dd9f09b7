"""Mistakes that everybody makes in any exercise, each with the words that help.

They come before the hint of the case, which would speak of something else.
"""

from __future__ import annotations

import re

from imglab.exercises.same import is_same
from imglab.exercises.words import text_of_error
from imglab.language import tr

NO_RETURN = tr(
    "Your function returned None. A function returns only what stands after return; print shows a "
    "value and returns nothing."
)
NO_PAIR = tr("These are the right values in a list. A pair has round brackets: return a, b.")
NO_LIST = tr("These are the right values in a tuple. A list has square brackets: return [a, b].")
OTHER_CASE = tr("The letters are right, but capital and small letters count: write it exactly so.")
ENDLESS = tr(
    "Something in it has no end in this case. Look at the line above: what would have to change so "
    "that it stops, and which line changes it?"
)
OTHER_VALUES = tr(
    "A function was called with another number of values than it takes. Keep the line with def as "
    "the exercise gives it."
)
NO_REPLY_YET = tr(
    "A command of a pipeline is only noted, and gives the pipeline back: there is no reply yet. "
    "All replies come at once, from execute(). What you need before that, ask without a pipeline."
)
ONLY_CALLED = tr(
    "Hand in the function itself, without brackets after its name: the check calls it, with values "
    "of its own."
)


def of_value(expected: object, got: object) -> str:
    """What is wrong with a value of a kind that everybody knows; "" when nothing is."""
    if got is None and expected is not None:
        return NO_RETURN
    if isinstance(expected, tuple) and type(got) is list and is_same(list(expected), got):
        return NO_PAIR
    if isinstance(expected, list) and type(got) is tuple and is_same(tuple(expected), got):
        return NO_LIST
    if _is_other_case(expected, got):
        return OTHER_CASE
    return ""


def _is_other_case(expected: object, got: object) -> bool:
    """Whether a value is the expected one but for its capital and small letters."""
    if isinstance(expected, str):
        return type(got) is str and expected.lower() == got.lower()
    if isinstance(expected, list | tuple):
        if type(got) is not type(expected) or len(got) != len(expected):
            return False
        return all(map(_is_other_case, expected, got))
    return type(got) is type(expected) and is_same(expected, got)


def of_error(error: BaseException) -> str:
    """What an error of Python's means; "" for one that only the exercise can explain."""
    text = text_of_error(error)
    if not _is_pythons_own(error):
        return _of_script(text)  # what a class of the answer's has may raise when it is read
    if isinstance(error, UnboundLocalError):
        return tr(
            "A variable is read before it gets its first value in this function. Give it a value "
            "first, on every way that leads there."
        )
    if isinstance(error, NameError):
        return tr(
            "{name} is not known where your answer runs: a process of its own, in which only what "
            "your code defines or imports exists. Look for a typing mistake; else import it, or "
            "take it as a parameter.",
            name=_name_in(error),
        )
    if isinstance(error, SyntaxError):
        return tr(
            "Python cannot read the file: line {line} is no Python. A bracket, a quote or a colon "
            "may be missing there, or at the end of the line before.",
            line=error.lineno,
        )
    if isinstance(error, TypeError):
        return _of_type_error(text)
    return _of_script(text)


def _is_pythons_own(error: BaseException) -> bool:
    return type(error).__module__ == "builtins"


def _of_type_error(words: str) -> str:
    if re.search(r"positional argument|takes \d+", words):
        return OTHER_VALUES
    if "'Pipeline'" in words:
        return NO_REPLY_YET
    return _of_script(words)


def _of_script(words: str) -> str:
    """What Redis means when it reports an error in a Lua script."""
    if "Error compiling script" in words:
        return tr(
            "Redis cannot read this Lua. The number after user_script is the line, and line 1 "
            "begins right after the opening quotes. In Lua: if … then … end, for … do … end, and "
            "~= for “not equal”."
        )
    if "user_script:" in words:
        return tr(
            "Redis stopped the script in the line whose number stands after user_script. KEYS and "
            "ARGV count from 1; the number after the script says how many of the words are KEYS. "
            "What is not there, such as the next id of an empty list, is false in Lua."
        )
    return ""


def _name_in(error: NameError) -> str:
    return str(getattr(error, "name", None) or tr("A name"))
