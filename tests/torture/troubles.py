"""Filters for workers to import: one that proves which task it ran for, one that raises anything.

Each trouble is a function of its own; `ENDINGS` says with which reason its task has to fail.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import NoReturn

from PIL import Image

from imglab.imaging import BaseFilter, FilterFactory, number
from imglab.project import project_root
from torture.kinds import DEADLY, ENDINGS, colour_of

#: What a task prints, in letters, and how long the text of a huge error is.
MEGABYTES = 3_000_000


class Strange(BaseException):
    """What no `except Exception` catches."""


class Mute(Exception):
    """An exception that leaves when it is asked for its text."""

    def __str__(self) -> str:
        raise SystemExit(3)


class Wrong(Exception):
    """An exception whose text is no text."""

    def __str__(self) -> str:
        return 7  # type: ignore[return-value]  # noqa: PLE0307 - that is the trouble


def raised(kind: str) -> BaseException | None:
    """The exception of a trouble that only raises one; None for the others."""
    ready = {
        "SystemExit": SystemExit(0),
        "SystemExit with a text": SystemExit("enough"),
        "KeyboardInterrupt": KeyboardInterrupt(),
        "CancelledError": asyncio.CancelledError(),
        "GeneratorExit": GeneratorExit(),
        "StopIteration": StopIteration("the end"),
        "half a pair": ValueError("\udcff"),
        "steering text": ValueError("\x1b]0;x\x07\x1b[2J[/x]\n2026-01-01 all is well\u202e"),
        "huge text": ValueError("x" * MEGABYTES),
        "own BaseException": Strange("I am no Exception"),
        "no text": Mute(),
        "text of another type": Wrong(),
        "MemoryError": MemoryError(),
        "full disk": OSError(28, "No space left on device"),
        "group": ExceptionGroup("two", [ValueError("a"), OSError("b")]),
        "assertion without words": AssertionError(),
    }
    return ready.get(kind)


def deeper(level: int) -> int:
    """Call itself until Python has enough."""
    return deeper(level + 1) + 1


def die(kind: str, task: int) -> None:
    """End this process, and leave a mark that says that it was this task."""
    (project_root() / "marks" / f"{os.getpid()}").write_text(f"{kind} {task}")
    if kind == "exit at once":
        os._exit(0)
    if kind == "abort":
        os.abort()
    os.kill(os.getpid(), signal.SIGKILL)


def talk() -> NoReturn:
    """Print megabytes, bytes that are no text among them, then fail."""
    print("x" * MEGABYTES)
    print("\udcff\x1b[2J", file=sys.stderr)
    sys.stdout.flush()
    os.write(1, b"\xff\xfe\x00" * 1000)
    raise RuntimeError("said it all")


@FilterFactory.register
@dataclass(frozen=True)
class StampFilter(BaseFilter):
    """Paints the picture in a colour that is a number: so a file shows which task made it."""

    number: int = number(0, low=0, high=0xFFFFFF)

    def change(self, image: Image.Image) -> Image.Image:
        """Give a picture of one colour."""
        return Image.new("RGB", image.size, colour_of(self.number))


@FilterFactory.register
@dataclass(frozen=True)
class TroubleFilter(BaseFilter):
    """Ends its try in the way that stands at `kind` in ENDINGS."""

    kind: int = number(0, low=0, high=len(ENDINGS) - 1)
    task: int = number(0, low=0, high=0xFFFFFF)

    def change(self, image: Image.Image) -> Image.Image:
        """Give no picture."""
        kind = list(ENDINGS)[self.kind]
        problem = raised(kind)
        if problem is not None:
            raise problem
        if kind in DEADLY:
            die(kind, self.task)
        if kind == "sleep":
            time.sleep(3600)
        if kind == "deep recursion":
            deeper(0)
        if kind == "talkative":
            talk()
        answers = {"returns a text": "a picture", "returns another size": Image.new("RGB", (1, 1))}
        return answers.get(kind)  # type: ignore[return-value]
