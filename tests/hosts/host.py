"""A host: a name, addresses, processes and a view of the disk of its own, on this machine.

A process holds the namespaces (`unshare`), and they are gone with it. They have no names, so two
runs never meet. The holder reads from a pipe of ours: however we end, it ends as well, and with it
every process of the host and each end of its cables.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from helpers.project import ROOT

#: What a host has of its own. The process that holds it is number 1 there: all others die with it.
HOLD = (
    *("unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child"),
    *("--mount-proc", "cat"),
)
#: Where a host puts what is its own; on this machine itself nothing is put there.
SHELF = Path("/srv")
#: Where the commands of this project and of the system are.
PATH = f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
#: Seconds that a short command may take.
COMMAND_TIMEOUT_S = 60
#: What Linux calls a network of one's own, for setns.
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


class Host:
    """One host; `with Host(…)` has it, and nothing of it is left afterwards."""

    def __init__(self, name: str) -> None:
        self.name = name
        #: Where its project is: each host has it at another place.
        self.project = SHELF / name
        #: What was typed and left running.
        self._running: list[subprocess.Popen[str]] = []
        self._holder = subprocess.Popen(HOLD, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._holder.stdin.write(b"there?\n")
        self._holder.stdin.flush()
        assert self._holder.stdout.readline(), f"no namespaces for {name}"
        (first,) = psutil.Process(self._holder.pid).children()
        #: Its process number 1, by the number it has outside.
        self.pid = first.pid
        self.run("hostname", name)
        self.run("mount", "-t", "tmpfs", "none", str(SHELF))
        self.run("mkdir", "-p", f"{self.project}/images", f"{self.project}/output")
        self.run("ip", "link", "set", "lo", "up")

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        """Let the host go, with all that runs on it."""
        self._holder.stdin.close()
        self._holder.wait()
        self._holder.stdout.close()
        for process in self._running:
            process.wait()
            if process.stdout:
                process.stdout.close()

    # What a person does there

    def run(self, *words: str) -> str:
        """What a command prints; CalledProcessError when it fails."""
        return subprocess.run(
            self._inside(*words),
            check=True,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
        ).stdout

    def type(self, lines: str) -> subprocess.CompletedProcess[str]:
        """Type lines in a terminal of this host, in its project, and wait for them."""
        process = self.start(lines, subprocess.PIPE)
        out, _ = process.communicate(timeout=COMMAND_TIMEOUT_S)
        self._running.remove(process)
        return subprocess.CompletedProcess(lines, process.returncode, out)

    def start(self, lines: str, stdout: object) -> subprocess.Popen[str]:
        """Type lines in a terminal of this host, and leave them running."""
        process = subprocess.Popen(
            self._inside("env", "-C", str(self.project), "bash", "-c", lines),
            env={"PATH": PATH, "LANG": "C.UTF-8", "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._running.append(process)
        return process

    def mount(self, folder: Path, name: str, *options: str) -> None:
        """Show a folder of this machine as one of the host's project."""
        self.run("mount", "--bind", *options, str(folder), f"{self.project}/{name}")

    def unmount(self, name: str) -> None:
        """Take a folder away, as when a shared disk goes: open files stay open."""
        self.run("umount", "--lazy", f"{self.project}/{name}")

    @contextmanager
    def network(self) -> Iterator[None]:
        """Let this thread connect from the host in the block, as if the program ran there."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
        try:
            _enter(there)
            yield
        finally:
            _enter(here)
            os.close(there)
            os.close(here)

    def _inside(self, *words: str) -> list[str]:
        names = ("--net", "--mount", "--uts", "--pid")
        return ["nsenter", "--target", str(self.pid), *names, "--", *words]


def _enter(network: int) -> None:
    if _libc.setns(network, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
