"""The hosts of a run, and the cables between them: built, cut, joined, and gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

from helpers.project import ROOT

from hosts.host import HOLD, Host

#: The address of Redis' host; each cable has two addresses of its own.
REDIS = "10.77.0.1"
#: The programs that a lab needs.
PROGRAMS = ("ip", "unshare", "nsenter", "mount")


def why_not() -> str:
    """Why this machine cannot have such hosts, as a sentence; empty where it can."""
    missing = [each for each in PROGRAMS if not shutil.which(each)]
    if missing:
        return f"The hosts need {', '.join(missing)}: apt install iproute2 util-linux mount."
    if os.getuid():
        return "Only root may make hosts of its own on this machine: sudo make hosts."
    tried = subprocess.run(HOLD, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if tried.returncode:
        return f"This machine lets nobody make namespaces: {tried.stderr.decode().strip()}."
    return ""


class Lab:
    """Redis' host and the hosts of workers; all of them see the same photographs and results.

    `with Lab(folder) as lab`: the folder stands for the disk that the hosts share.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = folder / "images"
        self.output = folder / "output"
        #: What is of Redis' host alone: its data and its password.
        self.home = folder / "redis-host"
        self.workers: list[Host] = []
        self._stack = ExitStack()

    def __enter__(self) -> Lab:
        shutil.copytree(ROOT / "images", self.images)
        for each in (self.output, self.home):
            each.mkdir()
        with ExitStack() as stack:
            self.redis = stack.enter_context(Host("redis-host"))
            self.redis.run("ip", "address", "add", f"{REDIS}/32", "dev", "lo")
            self._share(self.redis)
            self.redis.run("mkdir", f"{self.redis.project}/.imglab")
            self.redis.mount(self.home, ".imglab")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add_host(self, *, photographs: bool = True) -> Host:
        """One more host, with a cable to Redis' host; it may lack the photographs."""
        number = len(self.workers) + 1
        host = self._stack.enter_context(Host(f"host-{number}"))
        self.workers.append(host)
        self._connect(host, number)
        if photographs:
            self._share(host)
        return host

    def _connect(self, host: Host, number: int) -> None:
        network = f"10.77.{number}"
        cable = self._end(host)
        ends = ("type", "veth", "peer", "name", "eth0", "netns")
        # Not from inside the other processes' names: there the number would be another one.
        enter = ("nsenter", "--target", str(self.redis.pid), "--net", "ip", "link", "add")
        subprocess.run([*enter, cable, *ends, str(host.pid)], check=True)
        self.redis.run("ip", "address", "add", f"{network}.1/24", "dev", cable)
        self.redis.run("ip", "link", "set", cable, "up")
        host.run("ip", "address", "add", f"{network}.2/24", "dev", "eth0")
        host.run("ip", "link", "set", "eth0", "up")
        host.run("ip", "route", "add", "default", "via", f"{network}.1")

    def _share(self, host: Host) -> None:
        host.mount(self.images, "images", "--options", "ro")
        host.mount(self.output, "output")

    def _end(self, host: Host) -> str:
        """What the end of a host's cable is called at Redis' host."""
        return f"to-{host.name}"

    def cut(self, *hosts: Host) -> None:
        """Let everything vanish that is sent to these hosts or by them; nobody is told."""
        for host in hosts:
            self.redis.run("ip", "link", "set", self._end(host), "down")

    def join(self, *hosts: Host) -> None:
        """Let everything through again."""
        for host in hosts:
            self.redis.run("ip", "link", "set", self._end(host), "up")
