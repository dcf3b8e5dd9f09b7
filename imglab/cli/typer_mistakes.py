"""What typer says about a command that was typed wrongly, in this process' language.

Its newer versions ask no catalogue for these sentences, so they are translated as they pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imglab.language import ENGLISH, language, tr

#: What stands in typer's sentences between names and values → the same in this process' language.
PIECES = {
    "Invalid value: ": tr("Invalid value: "),
    "Invalid value for ": tr("Invalid value for "),
    "Missing argument ": tr("Missing argument "),
    "Missing option ": tr("Missing option "),
    "No such option: ": tr("No such option: "),
    "(Possible options: ": tr("(Possible options: "),
    "Did you mean ": tr("Did you mean "),
    "Got unexpected extra argument(s) ": tr("Got unexpected extra argument(s) "),
    "Option '": tr("Option '"),
    " requires an argument.": tr(" requires an argument."),
    " does not take a value.": tr(" does not take a value."),
    "Input should be a valid integer, unable to parse string as an integer": tr(
        "Input should be a valid integer, unable to parse string as an integer"
    ),
    "Input should be a valid number, unable to parse string as a number": tr(
        "Input should be a valid number, unable to parse string as a number"
    ),
    "Input should be greater than or equal to ": tr("Input should be greater than or equal to "),
    "Input should be less than or equal to ": tr("Input should be less than or equal to "),
    # Before typer 0.26:
    " is not a valid integer.": tr(" is not a valid integer."),
    " is not a valid float.": tr(" is not a valid float."),
    " is not in the range ": tr(" is not in the range "),
}


@contextmanager
def mistakes_in_our_words() -> Iterator[None]:
    """Let what typer raises inside the block be told in this process' language."""
    try:
        yield
    except Exception as error:
        # Of all errors, those that typer shows in a frame have this.
        if language() != ENGLISH and hasattr(error, "format_message"):
            _tell_in_our_words(error)
        raise


def _tell_in_our_words(error: Any) -> None:
    words = error.format_message()
    for theirs, ours in PIECES.items():
        words = words.replace(theirs, ours)
    error.format_message = lambda: words
