"""What the examiner says of an answer, as a notebook shows it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

from imglab.text import wrapped

#: Letters of a line of a verdict.
WIDTH = 72


@dataclass(frozen=True)
class Verdict:
    """How one check ended, and what helps."""

    exercise: str
    #: passed, not started, wrong, raised or hung.
    state: str
    #: What was looked at: the function and its cell, or the file and when it was saved.
    checked: str = ""
    #: Word → text: given, expected, got, hint.
    lines: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        if self.state == "passed":
            head = f"PASSED {self.exercise}: {self.lines['passed']} of {self.lines['passed']}"
            return wrapped(f"{head}, {self.checked}") if self.checked else head
        head = f"Not yet: {self.exercise}"
        if self.state == "not started":
            return wrapped(f"{head} is not started. Put your code in place of the dots (...).")
        body = [_line(word, text) for word, text in self.lines.items() if text]
        if self.checked:
            body.insert(0, _line("checked", self.checked))
        return "\n".join([head, *body])


def _line(word: str, text: str) -> str:
    return textwrap.fill(f"{word:10}{text}", WIDTH, subsequent_indent=" " * 10)
