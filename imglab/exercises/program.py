"""A student's program under watch: it ends in time, says where it hung, its output is bounded."""

from __future__ import annotations

import linecache
import os
import runpy
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from imglab.exercises.place import Place, at_the_limit
from imglab.exercises.words import plain
from imglab.language import tr

#: What a watched program says when its time is over, in front of the place.
_HUNG = "imglab-hung-at "
#: Bytes of its output that are kept, of the beginning and of the end.
KEPT_BYTES = 32_768
#: Seconds to wait for the rest of the output of a program that ended: a child of its own may hold
#: the pipe open.
REST_TIMEOUT_S = 1.0


class Program:
    """A program that runs."""

    def __init__(self, file: Path, *arguments: str, seconds: float, url: str) -> None:
        words = [sys.executable, "-m", "imglab.exercises", str(seconds), str(file), *arguments]
        self._process = subprocess.Popen(
            words,
            env={**os.environ, "IMGLAB_REDIS_URL": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._printed = _Kept(self._process.stdout)
        self._errors = _Kept(self._process.stderr)

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def wait(self) -> int:
        """Wait for its end, and return its exit code."""
        code = self._process.wait()
        self._printed.join(REST_TIMEOUT_S)
        self._errors.join(REST_TIMEOUT_S)
        return code

    @property
    def printed(self) -> str:
        """What it printed: all of it, or the beginning and the end."""
        return self._printed.text()

    @property
    def last_words(self) -> str:
        """The last line of its errors, or nothing."""
        lines = self._errors.text().strip().splitlines()
        if not lines:
            return ""
        return plain(lines[-1])

    @property
    def hung_in(self) -> str:
        """The line in which its time was over, in words; nothing when it ended by itself."""
        before, _, place = self.last_words.partition(_HUNG)
        file, _, number = place.rpartition(":")
        if before or not number.isdecimal():
            return ""
        line = linecache.getline(file, int(number)).strip()
        return tr("line {number} of {file}: {code}", number=number, file=Path(file).name, code=line)


class _Kept(threading.Thread):
    """Reads a pipe to its end, and keeps the beginning and the end of what it brings."""

    def __init__(self, pipe: Any) -> None:
        super().__init__(name="output of a program", daemon=True)
        self._pipe = pipe
        self._first = bytearray()
        self._last = bytearray()
        self.start()

    def run(self) -> None:
        with self._pipe:
            while data := self._pipe.read1(KEPT_BYTES):
                room = KEPT_BYTES - len(self._first)
                self._first += data[:room]
                self._last += data[room:]
                del self._last[:-KEPT_BYTES]

    def text(self) -> str:
        return (self._first + self._last).decode(errors="replace")


def watch(seconds: float, program: str) -> None:
    """Run a program as Python would; when its time is over, say where it is."""
    sys.argv[:] = sys.argv[2:]

    def say(place: Place | None) -> None:
        file, line, _ = place or Place(program, 1, "")
        os.write(2, f"\n{_HUNG}{file}:{line}\n".encode(errors="replace"))

    at_the_limit(seconds, say)
    runpy.run_path(program, run_name="__main__")
