"""Why something was left out of a batch, in the language of whoever reads it."""

from __future__ import annotations

from imglab.batches.photograph import GONE, HIDDEN, NO_ADDRESS, NO_FILE, NO_PICTURE, NOT_UTF8
from imglab.language import tr

_IN_WORDS = {
    NO_PICTURE: tr("its name ends in none that a picture's does"),
    NOT_UTF8: tr("its name is not UTF-8, and a task is"),
    HIDDEN: tr("its name begins with a dot"),
    NO_FILE: tr("it is no file, or a link to none"),
    GONE: tr("it is gone, or nobody here may read it"),
    NO_ADDRESS: tr("its name cannot stand in an address"),
}


def in_words(reason: str) -> str:
    """A reason, as people read it; what a program reads is the English one in every language."""
    return _IN_WORDS[reason]
