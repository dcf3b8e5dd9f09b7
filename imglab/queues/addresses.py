"""What an address of Redis may say, read before redis-py sees it.

redis://HOST:PORT/DATABASE is one server, or any node of a cluster. Two kinds of addresses name
several servers: redis+sentinel://HOST:PORT,HOST:PORT/SERVICE are the sentinels that know where the
primary of a service is, redis+cluster://HOST:PORT,HOST:PORT are nodes of a cluster. Name and
password in front of the @ are for the Redis behind them; rediss… means TLS.

No message here repeats an address: it may hold a password.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from imglab.errors import QueueUnavailable
from imglab.language import tr
from imglab.queues.arguments import DEFAULT_PORT

#: What stands behind the + of a scheme.
SENTINEL = "sentinel"
CLUSTER = "cluster"
#: Where they listen when nobody says where.
_DEFAULT_PORTS = {SENTINEL: 26379, CLUSTER: DEFAULT_PORT}
#: What may stand behind the ? of an address, besides what begins with ssl_: the rest is ours.
_OPTIONS = (
    "db",
    "username",
    "password",
    "client_name",
    "socket_timeout",
    "socket_connect_timeout",
)
#: Who we are for the sentinels, which have users of their own.
_SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")
NO_ADDRESS = tr(
    "This is not the address of a Redis. Write redis://HOST:PORT, or rediss:// for TLS; "
    "redis+sentinel://HOST:PORT,HOST:PORT/SERVICE for sentinels, "
    "redis+cluster://HOST:PORT,HOST:PORT for a cluster."
)
_NO_PORT = tr(
    "The port in this address is none: it is a whole number up to 65535, such as in "
    "redis://HOST:6379. (In a password, write %2F for a slash, %40 for @ and %23 for #.)"
)
_NO_SERVICE = tr(
    "Say which service of the sentinels is meant, by the name that their configuration has for "
    "it: redis+sentinel://HOST:PORT,HOST:PORT/SERVICE."
)
_ONE_DATABASE = tr("A cluster has one database: write no other number than 0 into its address.")


@dataclass(frozen=True)
class Address:
    """An address that was read: one server, or several of one kind."""

    #: An address of one server in redis-py's words; with several, of the first one.
    first: str = field(repr=False)
    #: "" for one server, SENTINEL or CLUSTER.
    kind: str = ""
    #: Host and port of each of several.
    hosts: tuple[tuple[str, int], ...] = ()
    #: What the sentinels call the servers that they watch.
    service: str = ""
    #: Who we are for the sentinels.
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)


def read(url: str) -> Address:
    """What an address says. QueueUnavailable, in a sentence, for one that is none.

    It refuses what redis-py would take and then stumble over, or take for something else.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise QueueUnavailable(NO_ADDRESS) from None
    scheme, _, kind = parts.scheme.partition("+")
    if not kind:
        _check_place(parts)
        _check_options(parts.query, scheme)
        return Address(url)
    if scheme not in ("redis", "rediss") or kind not in _DEFAULT_PORTS:
        raise QueueUnavailable(NO_ADDRESS)
    return _read_several(parts, scheme, kind)


def in_database(url: str, database: int) -> str:
    """The same address with this database: each database of a server has keys of its own."""
    parts = urlsplit(url)
    options = parse_qsl(parts.query, keep_blank_values=True)
    options = [(name, value) for name, value in options if name != "db"]
    if parts.scheme == "unix":  # there the path is that of the socket
        options.append(("db", str(database)))
        place = url.partition("?")[0]
    else:
        path = str(database)
        if parts.scheme.endswith(f"+{SENTINEL}"):
            path = f"{parts.path.split('/')[1]}/{database}"
        place = f"{parts.scheme}://{parts.netloc}/{path}"
    if options:
        return f"{place}?{urlencode(options)}"
    return place


def _read_several(parts: SplitResult, scheme: str, kind: str) -> Address:
    credentials, at, places = parts.netloc.rpartition("@")
    hosts = tuple(_host_and_port(place, kind) for place in places.split(","))
    service = ""
    database = parts.path.strip("/")
    if kind == SENTINEL:
        service, _, database = database.partition("/")
        if not service:
            raise QueueUnavailable(_NO_SERVICE)
        # The rest of a password that is not encoded.
        if "@" in parts.path or ":" in service:
            raise QueueUnavailable(_NO_PORT)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    own = {name: options.pop(name, None) for name in _SENTINEL_OPTIONS if kind == SENTINEL}
    host, port = hosts[0]
    if ":" in host:
        host = f"[{host}]"
    place = f"{credentials}{at}{host}:{port}"
    one = parts._replace(scheme=scheme, netloc=place, path=database, query=urlencode(options))
    _check_place(one)
    _check_options(one.query, scheme)
    if kind == CLUSTER and {database, options.get("db", "")} - {"", "0"}:
        raise QueueUnavailable(_ONE_DATABASE)
    return Address(urlunsplit(one), kind, hosts, unquote(service), **own)


def _host_and_port(place: str, kind: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{place}")
        port = parts.port
    except ValueError:
        raise QueueUnavailable(_NO_PORT) from None
    if port is None:
        port = _DEFAULT_PORTS[kind]
    return parts.hostname or "localhost", port


def _check_place(parts: SplitResult) -> None:
    try:
        _ = parts.port
    except ValueError:
        raise QueueUnavailable(_NO_PORT) from None
    database = parts.path.strip("/")
    if parts.scheme not in ("redis", "rediss") or not database or database.isdecimal():
        return
    if "@" in database:  # it is the rest of a password, which is not shown
        raise QueueUnavailable(_NO_PORT)
    raise QueueUnavailable(
        tr(
            "A database is a number, such as in redis://HOST:PORT/0, not {database!r:.40}.",
            database=database,
        )
    )


def _check_options(query: str, scheme: str) -> None:
    for name, value in parse_qsl(query, keep_blank_values=True):
        _check_option(name, value, scheme)


def _check_option(name: str, value: str, scheme: str) -> None:
    if name.startswith("ssl_"):
        if scheme != "rediss":
            raise QueueUnavailable(
                tr("{name} is for TLS: write rediss:// in place of redis://.", name=name)
            )
        return
    if name not in _OPTIONS:
        known = ", ".join(_OPTIONS)
        raise QueueUnavailable(
            tr(
                "An address has no option {name!r:.40} here; there are {known} and ssl_…",
                name=name,
                known=known,
            )
        )
    if name == "db" and not value.isdecimal():
        raise QueueUnavailable(
            tr("A database is a number, such as in ?db=0, not {value!r:.40}.", value=value)
        )
    if name.endswith("_timeout") and not _is_duration(value):
        raise QueueUnavailable(
            tr(
                "{name} is a number of seconds, such as 5, not {value!r:.40}.",
                name=name,
                value=value,
            )
        )


def _is_duration(text: str) -> bool:
    try:
        return 0 <= float(text) < math.inf
    except ValueError:
        return False
