"""A program on a lead: it tells each step in a line, and waits until we let it go on.

So a lesson can freeze or kill it exactly between two steps, and nobody has to be quick or lucky.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Self

from imglab.errors import ImglabError
from imglab.language import tr
from imglab.project import project_root


class Program:
    """A Python program that prints a line before each step, then reads one: `Program("a.py", "x")`.

    It is killed when nobody holds this object any more, and when this process ends.
    """

    def __init__(self, path: str | Path, *words: object) -> None:
        file = project_root() / path
        if not file.is_file():
            raise ImglabError(
                tr("There is no program {path}: run the cell that saves it.", path=path)
            )
        self._process = subprocess.Popen(
            [sys.executable, str(file), *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # the notebook's interrupt is not for it
        )
        self._end = weakref.finalize(self, _end, self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def line(self) -> str:
        """Wait for the next line that it prints, and return it; "" when it has ended."""
        return self._read().rstrip("\n")

    def go(self) -> None:
        """Let it take its next step."""
        into = self._process.stdin
        assert into is not None  # a pipe, see __init__
        try:
            into.write("\n")
            into.flush()
        except OSError:
            raise ImglabError(tr("This program has ended: it takes no further step.")) from None

    def finish(self) -> list[str]:
        """Let it take every step until it ends; return the lines it printed meanwhile."""
        lines = []
        while True:
            line = self._read()
            if not line:
                break
            lines.append(line.rstrip("\n"))
            if self._process.poll() is None:
                self._let_go()
        self._process.wait()
        return lines

    def _let_go(self) -> None:
        try:
            self.go()
        except ImglabError:
            return  # that line was its last

    def freeze(self) -> None:
        """Stop it where it is (SIGSTOP): it is there, and does nothing, not even a heartbeat."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGSTOP)
            # The signal takes effect a moment later; the system tells when.
            _, status = os.waitpid(self._process.pid, os.WUNTRACED)
            if os.WIFSTOPPED(status):
                return
            self._process.returncode = os.waitstatus_to_exitcode(status)
        raise ImglabError(tr("This program has ended: nothing is left to freeze."))

    def thaw(self) -> None:
        """Let it go on (SIGCONT), as if nothing had happened."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> str:
        """Kill it, `kill -9`: no clean-up, no last word; return the name of what ended it."""
        self._process.kill()
        code = self._process.wait()
        if code < 0:
            return signal.Signals(-code).name
        return tr("exit code {code}", code=code)

    def _read(self) -> str:
        """Wait for the next line, and return it with its line end; "" when it has ended."""
        out = self._process.stdout
        assert out is not None  # a pipe, see __init__
        return out.readline()


def _end(process: subprocess.Popen[str]) -> None:
    """Kill a program and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            try:
                pipe.close()
            except OSError:
                continue  # what was written last never arrived
