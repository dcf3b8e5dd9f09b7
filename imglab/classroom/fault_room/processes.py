"""What the operating system says of a process: alive, stopped, or gone."""

from __future__ import annotations

import subprocess
from enum import StrEnum
from pathlib import Path

from imglab.language import tr


class ProcessState(StrEnum):
    """How a process is."""

    ALIVE = "alive"
    #: It stands still until a signal lets it go on.
    STOPPED = "stopped"
    GONE = "gone"


_LINES = {
    ProcessState.ALIVE: tr("{worker}  alive"),
    ProcessState.STOPPED: tr("{worker}  stopped"),
    ProcessState.GONE: tr("{worker}  gone"),
}
#: What `ps` says where there is none.
NO_PROCESS = tr("(no process)")


#: What the letters of the system mean that are not "alive": stopped, and dead in two ways.
_LETTERS = {
    "T": ProcessState.STOPPED,
    "t": ProcessState.STOPPED,
    "Z": ProcessState.GONE,
    "X": ProcessState.GONE,
    "": ProcessState.GONE,
}


def line_of_ps(worker: str, state: ProcessState) -> str:
    """What `ps` of a room says of a worker's process."""
    return _LINES[state].format(worker=worker)


def state_of(pid: int) -> ProcessState:
    """How a process of this machine is."""
    letter = letter_of_proc(pid) if Path("/proc/self/stat").exists() else letter_of_ps(pid)
    return _LETTERS.get(letter, ProcessState.ALIVE)


def letter_of_proc(pid: int) -> str:
    """The letter that Linux has for the state of a process; "" when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    behind_the_name = stat.rpartition(b")")[2]
    return behind_the_name.split()[0].decode()


def letter_of_ps(pid: int) -> str:
    """The same, as the command `ps` of every system tells it."""
    command = ["ps", "-o", "state=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return answer.strip()[:1]
