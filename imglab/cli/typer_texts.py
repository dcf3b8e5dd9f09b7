"""The texts of typer's that a terminal shows, for our catalogue."""

from __future__ import annotations

from typing import Any

from imglab.language import tr

#: What it asks gettext for; see `typer_words.speak`. They are here to be in the catalogue.
WORDS = (
    tr("Arguments"),
    tr("Options"),
    tr("Commands"),
    tr("[default: {}]"),
    tr("[required]"),
    tr("Error"),
    tr("Aborted."),
    tr("Missing command."),
    tr("No such command {name!r}."),
    tr("Try [blue]'{command_path} {help_option}'[/] for help."),
)

#: What it says about a command that was typed wrongly, between names and values → the same in this
#: process' language. Its newer versions ask no catalogue for that.
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


def tell_in_our_words(error: Any) -> None:
    """Translate what an error of typer's says, piece by piece."""
    words = error.format_message()
    for theirs, ours in PIECES.items():
        words = words.replace(theirs, ours)
    error.format_message = lambda: words
