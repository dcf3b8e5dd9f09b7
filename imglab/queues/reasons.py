"""The reasons that a queue itself gives, in this process' language.

They are stored, and read by programs, in the words of the scripts; a reason that a worker told is
shown as it was told.
"""

from __future__ import annotations

import re

from imglab.language import tr

#: A stored reason as a pattern → how it is shown; the groups are its values.
KNOWN = (
    (
        r"worker (?P<worker>\S+) was silent for a whole lease "
        r"\((?P<crashes>\d+) of (?P<most>\d+)\)",
        tr("worker {worker} was silent for a whole lease ({crashes} of {most})"),
    ),
    (
        r"worker (?P<worker>\S+) died \((?P<crashes>\d+) of (?P<most>\d+)\)",
        tr("worker {worker} died ({crashes} of {most})"),
    ),
    ("cancelled before it ran", tr("cancelled before it ran")),
    ("cancelled while it ran", tr("cancelled while it ran")),
    ("it has no record of its own", tr("it has no record of its own")),
    ("its record is of another type", tr("its record is of another type")),
    (
        "its id has characters that no id has",
        tr("its id has characters that no id has"),
    ),
    (
        "its record names no priority that exists",
        tr("its record names no priority that exists"),
    ),
    (
        "it was put in line again, and a worker has it",
        tr("it was put in line again, and a worker has it"),
    ),
    (
        r"it was put in line again, and is (?P<status>\w+)",
        tr("it was put in line again, and is {status}"),
    ),
    (
        "it held another kind of value than it should",
        tr("it held another kind of value than it should"),
    ),
    ("it was mended by hand", tr("it was mended by hand")),
    (
        "it took no more events, and began anew",
        tr("it took no more events, and began anew"),
    ),
)


def reason_in_words(reason: str) -> str:
    """A stored reason for people: translated if it is one of the queue's own."""
    for pattern, words in KNOWN:
        found = re.fullmatch(pattern, reason)
        if found:
            return words.format(**found.groupdict())
    return reason
