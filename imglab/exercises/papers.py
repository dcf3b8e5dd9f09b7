"""What goes into an examination and what comes out of it, as plain data.

Nothing in a report is trusted when it is read: the process that wrote it ran a student's code.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from imglab.exercises.place import Place
from imglab.exercises.words import plain
from imglab.language import tr

#: How an examination can end.
STATES = ("passed", "wrong", "raised", "hung")
#: Bytes of a report at most: five texts of 1,000 letters, and each letter may need twelve bytes.
REPORT_BYTES = 100_000
#: Letters of a case that is told as it begins, and how many of them at most.
CASE_LETTERS = 200
MOST_CASES = 30
#: What makes the text of a report. It is bound now, so that an answer that puts something of its
#: own in place of `json.dumps` changes nothing here.
_to_json = json.JSONEncoder().encode


class Request(NamedTuple):
    """What a notebook asks the examiner."""

    #: Where Python looks for modules in the notebook.
    paths: list[str]
    #: The module of the lesson, and the name of its exercise.
    lesson: str
    name: str
    #: The Redis for the judge, and what its keys begin with; empty when it needs none.
    url: str
    namespace: str
    #: Seconds the whole examination may take.
    limit: float
    #: The answer, as cloudpickle packs it: it is unpacked when the clock runs.
    answer: bytes
    #: Whether each case is told as it begins.
    tells_cases: bool = False


@dataclass(frozen=True)
class Report:
    """How an examination ended."""

    #: One of STATES.
    state: str
    #: The case, in words, and what helps whoever fails in it.
    given: str = tr("your answer")
    hint: str = ""
    expected: str = ""
    got: str = ""
    #: Where the student's code was.
    place: Place | None = None
    #: How many comparisons went well.
    passed: int = 0

    def to_json(self) -> str:
        """The report as one line of text, for `read_report`."""
        return _to_json(asdict(self))


def read_report(text: str | bytes) -> Report | None:
    """The report in a text that may be anything; None when it holds none."""
    try:
        values = json.loads(text)
        if values["state"] not in STATES:
            return None
        return _checked(values)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def case_to_json(given: str) -> str:
    """A case that begins as one line of text, for `read_case`."""
    return _to_json({"case": plain(given, CASE_LETTERS)})


def read_case(text: str | bytes) -> str | None:
    """The case that begins, in a text that may be anything; None when it tells of none."""
    try:
        return plain(json.loads(text)["case"], CASE_LETTERS)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _checked(values: dict[str, Any]) -> Report:
    """The report in a dict, of values of the right types. TypeError or ValueError for others."""
    report = Report(**values)
    texts = {name: plain(values[name]) for name in ("given", "hint", "expected", "got")}
    place = None
    if report.place is not None:
        file, line, function = report.place
        place = Place(plain(file), int(line), plain(function))
    return replace(report, **texts, place=place, passed=int(report.passed))
