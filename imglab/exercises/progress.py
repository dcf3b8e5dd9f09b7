"""What a learner did here: predictions, tries, hints. It stays in one file of this project.

Nothing is sent anywhere. Each entry is a line of JSON, and a line that cannot be read is passed by:
two notebooks may write at once, and a person may have edited the file.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from imglab.project import is_in_project, private_folder, project_home

#: The mode of a file that only its owner can read.
PRIVATE_FILE = 0o600
#: Letters of a prediction that are kept.
MOST_LETTERS = 1000
#: Bytes at the end of the file that are read: years of lessons.
MOST_BYTES = 4 << 20


@dataclass(frozen=True)
class Entry:
    """One thing that happened: what, to which exercise or prediction, and when."""

    #: predicted, checked or hinted.
    what: str
    name: str
    #: Seconds since 1970.
    at: float
    #: The prediction, or how a check ended.
    value: str = ""
    #: The fingerprint of the answer's code.
    code: str = ""


@dataclass
class Record:
    """What became of one exercise so far."""

    name: str
    tries: int = 0
    hints: int = 0
    #: Seconds since 1970; 0 where it has not happened.
    began_at: float = 0.0
    passed_at: float = 0.0

    @property
    def minutes(self) -> float:
        """Minutes from the first try or hint to the first pass; 0 before that."""
        if not self.passed_at:
            return 0.0
        return (self.passed_at - self.began_at) / 60


def path() -> Path:
    """The file that has it all."""
    return project_home() / "progress.jsonl"


def write_down(what: str, name: str, value: str = "", *, code: str = "") -> None:
    """Add one line. Outside of a project, or where the disk says no, nothing is kept."""
    if not is_in_project():
        return
    entry = Entry(what, name, round(time.time(), 3), value[:MOST_LETTERS], code)
    line = json.dumps(asdict(entry)) + "\n"
    with suppress(OSError):
        private_folder(path().parent)
        # One write to the end of the file: lines of two notebooks do not mix.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        file = os.open(path(), flags, PRIVATE_FILE)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)


def entries() -> Iterator[Entry]:
    """All that was written down, oldest first."""
    try:
        with path().open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - MOST_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return
    for line in lines:
        with suppress(ValueError, TypeError, KeyError):
            yield _entry(json.loads(line))


def _entry(values: Any) -> Entry:
    return Entry(
        what=str(values["what"]),
        name=str(values["name"]),
        at=float(values["at"]),
        value=str(values["value"]),
        code=str(values["code"]),
    )


def records() -> list[Record]:
    """What became of each exercise that was tried, in the order of the lessons."""
    found: dict[str, Record] = {}
    for entry in entries():
        if entry.what not in {"checked", "hinted"}:
            continue
        record = found.setdefault(entry.name, Record(entry.name))
        if not record.began_at:
            record.began_at = entry.at
        if entry.what == "hinted":
            record.hints += 1
            continue
        record.tries += 1
        if entry.value == "passed" and not record.passed_at:
            record.passed_at = entry.at
    return [found[name] for name in sorted(found)]


def last_prediction(name: str) -> str | None:
    """What was predicted last under this name; None when nothing was."""
    last = None
    for entry in entries():
        if entry.what == "predicted" and entry.name == name:
            last = entry.value
    return last


def passed_codes(name: str) -> set[str]:
    """The fingerprints of the answers to an exercise that have passed."""
    return {
        entry.code
        for entry in entries()
        if entry.what == "checked" and entry.name == name and entry.value == "passed"
    }
