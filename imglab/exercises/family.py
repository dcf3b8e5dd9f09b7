"""A process and all that came from it: counted, and ended together.

Linux gives an orphan to the next process above it that asked for orphans: so nobody gets away, not
even with a session of its own or after a double fork. Elsewhere only the group of the first process
is ended: what made a session of its own stays, until its processor time is used up.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

#: What Linux calls "send me this signal when my parent dies", for prctl.
PR_SET_PDEATHSIG = 1
#: What Linux calls "give me the orphans among those below me", for prctl.
PR_SET_CHILD_SUBREAPER = 36
#: Seconds until all have to be gone; a process in the middle of a system call takes its time.
END_TIMEOUT_S = 5.0
#: Seconds between two looks whether all are gone.
END_LOOK_S = 0.01

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def adopt_orphans() -> None:
    """Become the parent of every process below this one that loses its own, where that is known."""
    if _libc:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def begin_session(parent: int) -> None:
    """Give this process a session and a group of its own, and let it end when its parent dies."""
    os.setsid()
    if _libc:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # already dead, before we could ask
        os._exit(1)


class Family:
    """The processes below this one: a first one, which is the head of its group, and the others."""

    def __init__(self, first: int) -> None:
        self.first = first
        #: How the first one ended: its exit code, or the negative number of a signal.
        self.code: int | None = None

    def note_deaths(self) -> bool:
        """Take note of who ended; return whether nobody is left."""
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
            while process:
                if process == self.first:
                    self.code = os.waitstatus_to_exitcode(status)
                process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        return False

    def end(self) -> None:
        """Kill all of them, and wait until they are gone."""
        limit = time.monotonic() + END_TIMEOUT_S
        while time.monotonic() < limit:
            # The group at once: of a crowd that multiplies, nobody can be missed.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.first, signal.SIGKILL)
            for process in processes_below(os.getpid()):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(process, signal.SIGKILL)
            if self.note_deaths():
                return
            time.sleep(END_LOOK_S)


def processes_below(top: int) -> list[int]:
    """The children of a process, their children, and so on; empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        # It may be gone by now.
        with suppress(OSError, ValueError, IndexError):
            parent = _parent_in(entry.read_bytes())
            children.setdefault(parent, []).append(int(entry.parent.name))
    found: list[int] = []
    waiting = [top]
    while waiting:
        mine = children.get(waiting.pop(), [])
        found += mine
        waiting += mine
    return found


def _parent_in(stat: bytes) -> int:
    """The parent's id in a process's line: the second word behind its name, which is anything."""
    behind_the_name = stat.rpartition(b")")[2]
    return int(behind_the_name.split()[1])
