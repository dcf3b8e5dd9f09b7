"""A client for the node of a Redis Cluster that keeps one slot; it follows the slot.

All keys of a queue are in one slot, because its namespace has a hash tag. So one node at a time
serves a queue, and a plain client for that node is all that is needed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import redis
from redis.crc import key_slot
from redis.exceptions import MovedError

from imglab.errors import QueueError
from imglab.language import tr
from imglab.queues.addresses import CLUSTER
from imglab.queues.following import Following, as_words, is_over_tls, options_of, short

#: In an entry of CLUSTER SLOTS: its first and last slot, and the nodes, the primary first.
_FIRST = 0
_LAST = 1
_NODES = 2


class Slot:
    """One slot of a cluster, and who may know where it is; without a number, any node will do."""

    def __init__(self, seeds: Sequence[tuple[str, int]], number: int | None) -> None:
        self.seeds = tuple(seeds)
        self.number = number
        #: All nodes that anybody told of.
        self._nodes = set(seeds)
        #: Where a node has sent us.
        self._hint: tuple[str, int] | None = None

    def goes_to(self, host: str, port: int) -> None:
        """Note where it is now, as a node said."""
        if host:  # else it does not know its own name
            self._hint = (host, port)

    def find(self, kind: type[redis.Connection], options: dict[str, Any]) -> tuple[str, int]:
        """Host and port of the node that keeps it. ConnectionError when no node tells."""
        hint = self._hint
        self._hint = None
        if hint is not None:
            return hint
        # In any order: one that was cut off from the others may be wrong about all of them.
        nodes = random.sample(sorted(self._nodes), len(self._nodes))
        told = ""
        for host, port in nodes:
            try:
                layout = _layout(kind, {**options, "host": host, "port": port})
            except redis.AuthenticationError:
                raise  # all nodes have the same users
            except (redis.ConnectionError, redis.TimeoutError) as error:
                told = str(error)
                continue
            owner = self._owner(layout, host)
            if self.number is None:
                return host, port
            if owner is not None:
                return owner
            told = tr("no node keeps the slot {number}", number=self.number)
        raise redis.ConnectionError(told)

    def _owner(self, layout: list[Any], asked: str) -> tuple[str, int] | None:
        """The node that keeps it, if one does; all nodes are remembered."""
        owner = None
        self._nodes = set(self.seeds)
        for entry in layout:
            # A node without a name of its own is where it was asked.
            nodes = [(node[0] or asked, node[1]) for node in entry[_NODES:]]
            self._nodes.update(node for node in nodes if node[0] != "?")
            if self.number is not None and entry[_FIRST] <= self.number <= entry[_LAST]:
                owner = nodes[0]
        return owner


def _layout(kind: type[redis.Connection], options: dict[str, Any]) -> list[Any]:
    """Which node keeps which slots, as the node at this place says."""
    connection: Any = kind(**options)
    try:
        connection.connect()
        connection.send_command("CLUSTER", "SLOTS")
        layout: list[Any] = connection.read_response()
    finally:
        connection.disconnect()
    return layout


class _ToSlot(Following):
    """A connection to whoever keeps a slot."""

    #: What asks where that is.
    kind: type[redis.Connection] = redis.Connection

    def __init__(self, *, slot: Slot, **options: Any) -> None:
        self._slot = slot
        self._to_ask = short(options)
        super().__init__(**options)  # type: ignore[no-untyped-call]

    def _connect(self) -> Any:
        self.host, self.port = self._slot.find(self.kind, self._to_ask)
        return super()._connect()  # type: ignore[no-untyped-call]

    def goes_to(self, host: str, port: int) -> None:
        self._slot.goes_to(host, port)


class _ToSlotOverTLS(_ToSlot, redis.SSLConnection):
    """The same over TLS."""

    kind = redis.SSLConnection


class ClusterPool(redis.ConnectionPool):
    """Connections to the node that keeps one slot."""

    #: What they are in, in words.
    place: str
    slot: Slot

    def __repr__(self) -> str:
        return f"<connections to {self.place}>"


def follow(
    client: redis.Redis, seeds: Sequence[tuple[str, int]], number: int | None
) -> redis.Redis:
    """A client for whoever keeps this slot, as whom and how the given one connects."""
    connection_class: Any = _ToSlot
    if is_over_tls(client):
        connection_class = _ToSlotOverTLS
    slot = Slot(seeds, number)
    pool: Any = ClusterPool(connection_class, slot=slot, **options_of(client))
    pool.slot = slot
    pool.place = tr("the cluster of {seeds}", seeds=as_words(seeds))
    return redis.Redis.from_pool(pool)


def guard(client: redis.Redis, start: str) -> tuple[str, ...]:
    """A key that never exists, to be named to every script; none outside of a cluster.

    It begins as the queue's own, for users who may name no others.

    While the keys of a slot go to another node one by one, a script that finds all that it names
    would begin, and break off in the middle at a task that has gone. One key that is not there, and
    the node refuses it before its first step.
    """
    if isinstance(client.connection_pool, ClusterPool):
        return (f"{start}:nothing",)
    return ()


def is_new_to(client: redis.Redis, info: Any, answer: Any) -> bool:
    """Whether a client for one server, or for any node, has found itself in a cluster.

    It can be told by what the server says of itself, and where that is forbidden by its answer to a
    command about a key.
    """
    pool = client.connection_pool
    if isinstance(pool, ClusterPool) and pool.slot.number is not None:
        return False
    if isinstance(answer, MovedError):
        return True
    # Redis has the one word, Valkey the other.
    return isinstance(info, dict) and CLUSTER in (info.get("redis_mode"), info.get("server_mode"))


def follow_namespace(client: redis.Redis, namespace: str) -> redis.Redis:
    """A client for the node of a cluster that keeps everything in a namespace.

    `client` is one for any node. QueueError for a namespace that is not all in one slot.
    """
    pool: Any = client.connection_pool
    if isinstance(pool, ClusterPool):
        seeds = pool.slot.seeds
    else:
        given = pool.connection_kwargs
        if "host" not in given:
            raise QueueError(
                tr(
                    "The Redis behind this socket's file is a node of a cluster. Write the address "
                    "of the cluster: redis+cluster://HOST:PORT,HOST:PORT."
                )
            )
        seeds = ((given["host"], int(given["port"])),)
    if not _has_hash_tag(namespace):
        raise QueueError(
            tr(
                "The Redis at {seeds} is a cluster, in which all keys of a queue have to be "
                "in one slot: give the queue a namespace with a hash tag, such as "
                "namespace='{{eu}}:' (in a terminal --namespace '{{eu}}:').",
                seeds=as_words(seeds),
            )
        )
    return follow(client, seeds, key_slot(namespace.encode()))


def _has_hash_tag(namespace: str) -> bool:
    """Whether whatever stands behind this namespace is in one slot."""
    _, brace, behind = namespace.partition("{")
    return bool(brace) and behind.find("}") > 0
