"""A client that follows the primary which the sentinels name: after a fail-over, another server."""

from __future__ import annotations

from typing import Any

import redis
from redis.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)

from imglab.language import tr
from imglab.queues.addresses import Address
from imglab.queues.following import Following, as_words, is_over_tls, options_of, short

#: Of what a connection to the server is made with, what one to a sentinel is not.
_OF_THE_SERVER = ("username", "password", "credential_provider", "db", "client_name")


class _Connection(Following, SentinelManagedConnection):
    """To the primary; each new one asks the sentinels who that is."""


class _TLSConnection(Following, SentinelManagedSSLConnection):
    """The same over TLS."""


class SentinelsRefuse(redis.AuthenticationError):
    """The sentinels ask for a password of their own, and got none or a wrong one."""


class _Sentinels(Sentinel):
    """The sentinels of an address; each that cannot help says why."""

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """Host and port of the primary.

        MasterNotFoundError or SentinelsRefuse, each a sentence without passwords: redis-py's own
        has the repr of each client, which in older versions shows them.
        """
        reasons = []
        for sentinel in self.sentinels:
            try:
                state = _state(sentinel, service_name)
            except redis.AuthenticationError:
                raise SentinelsRefuse(
                    tr(
                        "The sentinel at {place} asks for a password of its own, and got "
                        "none or a wrong one. It stands at the end of the address: "
                        "?sentinel_password=PASSWORD, and sentinel_username where it has users.",
                        place=_place(sentinel),
                    )
                ) from None
            except (redis.RedisError, OSError):
                reasons.append(tr("{place} does not answer", place=_place(sentinel)))
                continue
            if not state:
                reasons.append(
                    tr(
                        "{place} knows no service {service_name!r:.80}",
                        place=_place(sentinel),
                        service_name=service_name,
                    )
                )
            elif self.check_master_state(state, service_name):  # type: ignore[no-untyped-call]
                return state["ip"], state["port"]
            else:
                reasons.append(tr("{place} sees that the primary is down", place=_place(sentinel)))
        raise MasterNotFoundError(tr("of its sentinels, {reasons}", reasons="; ".join(reasons)))


def _state(sentinel: redis.Redis, service: str) -> dict[str, Any]:
    """What a sentinel says of a service's primary; nothing when it knows none."""
    with sentinel:  # it is asked rarely: no connection is kept
        services: Any = sentinel.sentinel_masters()
    return dict(services.get(service, {}))


def _place(sentinel: redis.Redis) -> str:
    given = sentinel.connection_pool.connection_kwargs
    return f"{given['host']}:{given['port']}"


class SentinelPool(SentinelConnectionPool):
    """Connections to the primary of one service."""

    #: Where that is, in words.
    place: str


def follow(client: redis.Redis, address: Address) -> redis.Redis:
    """A client for the primary, as whom and how the given one would connect to its server."""
    options = options_of(client)
    connection_class: Any = _Connection
    if is_over_tls(client):
        connection_class = _TLSConnection
    sentinels = _Sentinels(  # type: ignore[no-untyped-call]
        address.hosts, sentinel_kwargs=_to_ask(client, address)
    )
    pool = SentinelPool(  # type: ignore[no-untyped-call]
        address.service, sentinels, connection_class=connection_class, **options
    )
    pool.place = tr(
        "{service!r:.80} of the sentinels {hosts}",
        service=address.service,
        hosts=as_words(address.hosts),
    )
    return redis.Redis.from_pool(pool)


def _to_ask(client: redis.Redis, address: Address) -> dict[str, Any]:
    options = short(options_of(client))
    for name in _OF_THE_SERVER:
        options.pop(name, None)
    options["username"] = address.sentinel_username
    options["password"] = address.sentinel_password
    options["ssl"] = is_over_tls(client)
    return options
