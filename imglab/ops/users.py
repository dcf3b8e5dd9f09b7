"""Three users for a Redis that several people share, as ACL rules: data; nothing here sends them.

What the rules enforce, on Redis 7 or newer and on Valkey: a viewer changes nothing and runs no
script. A producer adds tasks and reads all of its queue, but claims, finishes, cancels, pauses and
deletes nothing, and forges no result. A worker does the work of this queue. None of them reads
another key, sees the configuration or other clients, or empties the server.

What they cannot: Redis does not allow scripts one by one. Whoever may add may also send Lua of
their own; it is bound to the same keys and commands, but not in time. The records of all tasks in
one namespace (`task:*`) are open to each of its producers: give those who do not trust each other
a namespace each. And the user `default` stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from imglab.errors import QueueError, QueueUnavailable
from imglab.language import tr
from imglab.queues import addresses
from imglab.queues.keys import as_pattern

#: Their names.
WORKER = "worker"
USERS = ("producer", WORKER, "viewer")
_READ = (
    "+cluster|slots +exec +exists +hget +hgetall +hkeys +hlen +hmget +hscan +llen +lrange "
    "+multi +ping +time +xrange +xread +xrevrange +zcard +zrange"
)
_ADD = f"{_READ} +hexists +hincrby +hset +lpush +rpush +xadd +xtrim +zadd"
_WORK = f"{_ADD} +blpop +del +expire +hdel +ltrim +rpop +zrem"


def rules(
    passwords: Mapping[str, str], name: str = "image_processing", namespace: str = ""
) -> dict[str, list[str]]:
    """What follows ACL SETUSER for the producer, the worker and the viewer of one queue.

    `passwords` has one for each of them. QueueError when one is empty.
    """
    if re.search(r"\s", namespace + name):
        raise QueueError(tr("With a space in its name, a queue cannot have rules of its own."))
    start = as_pattern(namespace)
    queue = f"{start}{name}:"
    task = f"{start}task:*"
    result = f"{start}result:*"
    own = " ".join(
        f"~{queue}{key}" for key in ("pending*", "delayed", "wake", "events", "batches", "batch:*")
    )
    # In brackets of their own: a SET of any other key would put a text in the place of a list.
    pictures = f"(+get +set +strlen ~{queue}picture:*)"
    users = {
        # Redis assumes that a script writes every key it is given. The selector in brackets allows
        # EVAL with them; commands inside the script are still held against the rules before it.
        "producer": (
            f"{own} ~{task} %R~{queue}* %R~{result} {_ADD} (+eval +evalsha ~{queue}*) {pictures}"
        ),
        WORKER: f"~{queue}* ~{task} ~{result} {_WORK} +eval +evalsha {pictures}",
        "viewer": f"%R~{queue}* %R~{task} %R~{result} {_READ}",
    }
    empty = [user for user in users if not passwords.get(user)]
    if empty:
        raise QueueError(
            tr("Without a password anybody is the {user}: give each user one.", user=empty[0])
        )
    commands: dict[str, list[str]] = {}
    for user, words in users.items():
        single_rules = re.findall(
            r"\(\+.*?\)(?=\s|$)|\S+", words
        )  # what is in brackets is one rule
        commands[user] = ["reset", "on", f">{passwords[user]}", *single_rules]
    return commands


def address_for(user: str, password: str, url: str = "") -> str:
    """The address of a Redis for one of the users; `url` is the one that its administrator has.

    Without that, HOST:PORT is left to fill in. QueueUnavailable for what is no address.
    """
    if not url:
        return f"redis://{user}:{password}@HOST:PORT"
    addresses.read(url)
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] not in ("redis", "rediss", "unix"):
        raise QueueUnavailable(addresses.NO_ADDRESS)
    place = parts.netloc.rpartition("@")[2]
    # Whoever is named behind the ? is the administrator.
    options = parse_qsl(parts.query, keep_blank_values=True)
    rest = [(name, value) for name, value in options if name not in ("username", "password")]
    netloc = f"{user}:{password}@{place}"
    return parts._replace(netloc=netloc, query=urlencode(rest), fragment="").geturl()
