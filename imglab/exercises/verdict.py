"""What the examiner says of an answer, as a notebook shows it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

from imglab.language import tr
from imglab.text import wrapped

#: Letters of a line of a verdict.
WIDTH = 72
#: What a line tells, in the reader's language.
_LABELS = {
    "checked": tr("checked"),
    "given": tr("given"),
    "expected": tr("expected"),
    "got": tr("got"),
    "hint": tr("hint"),
}
#: Letters of the column of these words: the longest of them, and a gap.
_LABEL_LETTERS = max(map(len, _LABELS.values())) + 2


@dataclass(frozen=True)
class Verdict:
    """How one check ended, and what helps."""

    exercise: str
    #: passed, not started, wrong, raised or hung.
    state: str
    #: What was looked at: the function and its cell, or the file and when it was saved.
    checked: str = ""
    #: What a line tells → its text: given, expected, got, hint; or passed.
    lines: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        if self.state == "passed":
            count = self.lines["passed"]
            head = tr("PASSED {exercise}: {count} of {count}", exercise=self.exercise, count=count)
            return wrapped(f"{head}, {self.checked}") if self.checked else head
        if self.state == "not started":
            words = tr(
                "Not yet: {exercise} is not started. Put your code in place of the dots (...).",
                exercise=self.exercise,
            )
            return wrapped(words)
        body = [_line(line, text) for line, text in self.lines.items() if text]
        if self.checked:
            body.insert(0, _line("checked", self.checked))
        head = tr("Not yet: {exercise}", exercise=self.exercise)
        return "\n".join([head, *body])


def _line(name: str, text: str) -> str:
    words = f"{_LABELS[name]:{_LABEL_LETTERS}}{text}"
    return textwrap.fill(words, WIDTH, subsequent_indent=" " * _LABEL_LETTERS)
