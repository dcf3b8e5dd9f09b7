"""Several servers that belong together: a cluster with replicas, and a primary with sentinels."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.crc import key_slot

from helpers.clock import until
from helpers.server import Server, binary, free_port
from imglab.queues import QueueSettings, RedisTaskQueue

#: Slots of a cluster.
SLOTS = 16_384
#: A node that says nothing for so long is down; milliseconds.
SILENCE_MS = "1000"
#: The service's name in the sentinels.
SERVICE = "photographs"


@dataclass
class Cluster:
    """Nodes of one cluster: first the primaries, then one replica of each."""

    nodes: list[Server] = field(default_factory=list)

    @property
    def url(self) -> str:
        places = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"redis+cluster://{places}"

    def ask(self, node: Server, *words: object) -> object:
        with redis.Redis(port=node.port, socket_timeout=5, decode_responses=True) as client:
            return client.execute_command(*words)

    def id_of(self, node: Server) -> str:
        return str(self.ask(node, "CLUSTER MYID"))

    def owner(self, namespace: str) -> Server:
        """The node that keeps a namespace, as the first one that lives has it."""
        slot = key_slot(namespace.encode())
        alive = next(node for node in self.nodes if node.process.poll() is None)
        with redis.Redis(port=alive.port, socket_timeout=5) as client:
            client.response_callbacks.clear()
            for first, last, primary, *_ in client.execute_command("CLUSTER SLOTS"):
                if first <= slot <= last:
                    return self.at(primary[1])
        raise AssertionError(slot)

    def at(self, port: int) -> Server:
        return next(node for node in self.nodes if node.port == port)

    def partner(self, node: Server) -> Server:
        """The other one of a primary and its replica."""
        half = len(self.nodes) // 2
        return self.nodes[(self.nodes.index(node) + half) % len(self.nodes)]

    def role(self, node: Server) -> str:
        return self.ask(node, "ROLE")[0]

    def heal(self) -> None:
        """Start again what is dead, and wait until all nodes are there and in step."""
        for node in self.nodes:
            if node.process.poll() is not None:
                node.start()
        until(lambda: all(_is_whole(node) for node in self.nodes), 30)

    @contextmanager
    def queue(self, settings: QueueSettings | None = None) -> Iterator[RedisTaskQueue]:
        """A queue in a slot of its own, gone afterwards with every key it made."""
        namespace = f"{{test-{secrets.token_hex(6)}}}:"
        with RedisTaskQueue(url=self.url, namespace=namespace, settings=settings) as queue:
            yield queue
            queue.delete_namespace()


@contextmanager
def running_cluster(
    kind: str, folder: Path, primaries: int = 3, replicas: int = 0
) -> Iterator[Cluster]:
    """A cluster of three or more nodes, its slots in equal parts."""
    made = Cluster()
    with ExitStack() as stack:
        for number in range(primaries + replicas):
            made.nodes.append(stack.enter_context(_node(kind, folder / f"node-{number}")))
        _introduce(made)
        for number, node in enumerate(made.nodes[:primaries]):
            first = SLOTS * number // primaries
            last = SLOTS * (number + 1) // primaries - 1
            made.ask(node, "CLUSTER ADDSLOTSRANGE", first, last)
        for number, node in enumerate(made.nodes[primaries:]):
            made.ask(node, "CLUSTER REPLICATE", made.id_of(made.nodes[number]))
        made.heal()
        yield made


def _introduce(made: Cluster) -> None:
    for number, node in enumerate(made.nodes):
        made.ask(node, "CLUSTER SET-CONFIG-EPOCH", number + 1)
        first = made.nodes[0]
        if node is not first:
            bus = _bus_of(first)
            made.ask(node, "CLUSTER MEET", "127.0.0.1", first.port, bus)
    until(lambda: all(_known(made, node) == len(made.nodes) for node in made.nodes))


def _node(kind: str, folder: Path):
    folder.mkdir(parents=True)
    options = (
        *("--cluster-enabled", "yes", "--cluster-port", str(free_port())),
        *("--cluster-node-timeout", SILENCE_MS, "--cluster-replica-validity-factor", "0"),
        *("--repl-diskless-sync-delay", "0"),
    )
    return _started(Server(binary(kind), folder, free_port(), options))


def _bus_of(node: Server) -> str:
    return node.options[node.options.index("--cluster-port") + 1]


def _known(made: Cluster, node: Server) -> int:
    return str(made.ask(node, "CLUSTER NODES")).count("connected")


def _is_whole(node: Server) -> bool:
    with redis.Redis(port=node.port, socket_timeout=5, decode_responses=True) as client:
        if client.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
            return False
        if "fail" in str(client.execute_command("CLUSTER NODES")):
            return False
        return client.info("replication").get("master_link_status", "up") == "up"


@contextmanager
def _started(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


@dataclass
class Watched:
    """A primary, its replica, and the sentinels that watch them."""

    servers: list[Server]
    sentinels: list[Server]
    #: In front of the service in an address: name and password of the servers.
    credentials: str = ""
    #: Behind it: those of the sentinels.
    options: str = ""

    @property
    def url(self) -> str:
        places = ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)
        return f"redis+sentinel://{self.credentials}{places}/{SERVICE}{self.options}"

    def primary(self) -> Server | None:
        """The server that most sentinels send clients to."""
        ports = [_primary_of(each) for each in self.sentinels if each.process.poll() is None]
        port = max(set(ports), key=ports.count)
        return next((each for each in self.servers if each.port == port), None)


def _primary_of(sentinel: Server) -> int:
    with redis.Redis(port=sentinel.port, socket_timeout=5, password=_password(sentinel)) as client:
        return int(client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", SERVICE)[1])


def _password(server: Server) -> str | None:
    if "--requirepass" in server.options:
        return server.options[server.options.index("--requirepass") + 1]
    return None


@contextmanager
def running_sentinels(
    kind: str, folder: Path, password: str = "", sentinel_password: str = ""
) -> Iterator[Watched]:
    """A primary and a replica under the eyes of three sentinels."""
    with ExitStack() as stack:
        servers: list[Server] = []
        for number in range(2):
            place = folder / f"server-{number}"
            place.mkdir(parents=True)
            options = ["--repl-diskless-sync-delay", "0"]
            if password:
                options += ["--requirepass", password, "--masterauth", password]
            if servers:
                options += ["--replicaof", "127.0.0.1", str(servers[0].port)]
            server = Server(binary(kind), place, free_port(), tuple(options))
            servers.append(stack.enter_context(_started(server)))
        sentinels = []
        for number in range(3):
            place = folder / f"sentinel-{number}"
            place.mkdir()
            sentinel = _sentinel(kind, place, servers[0], password, sentinel_password)
            sentinels.append(stack.enter_context(_started(sentinel)))
        made = Watched(servers, sentinels)
        if password:
            made.credentials = f":{password}@"
        if sentinel_password:
            made.options = f"?sentinel_password={sentinel_password}"
        until(lambda: all(_sees_all(each) for each in sentinels), 30)
        yield made


def _sentinel(
    kind: str, folder: Path, primary: Server, password: str, sentinel_password: str
) -> Server:
    lines = [
        f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 2",
        f"sentinel down-after-milliseconds {SERVICE} {SILENCE_MS}",
        f"sentinel failover-timeout {SERVICE} 5000",
    ]
    if password:
        lines.append(f"sentinel auth-pass {SERVICE} {password}")
    options: tuple[str, ...] = ("--sentinel",)
    if sentinel_password:
        lines.append(f"sentinel sentinel-pass {sentinel_password}")
        options += ("--requirepass", sentinel_password)
    (folder / "sentinel.conf").write_text("\n".join(lines) + "\n")
    return SentinelServer(binary(kind), folder, free_port(), options)


class SentinelServer(Server):
    """A server that watches others; it writes its file itself."""

    def command(self) -> list[str]:
        file = str(self.folder / "sentinel.conf")
        where = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        return [self.binary, file, *where, *self.options]


def _sees_all(sentinel: Server) -> bool:
    with redis.Redis(port=sentinel.port, socket_timeout=5, password=_password(sentinel)) as client:
        seen = client.sentinel_masters()[SERVICE]
    return seen["num-slaves"] == 1 and seen["num-other-sentinels"] == 2
