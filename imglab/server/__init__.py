"""A Redis of the project's own: found, or started, and kept while somebody needs it.

Each name is loaded when it is asked for: who only may need a server loads no redis.
"""

from typing import TYPE_CHECKING

from imglab.lazy import offer

if TYPE_CHECKING:
    from imglab.queues.own_password import own_home
    from imglab.server.binary import find_binary
    from imglab.server.guests import open_to
    from imglab.server.lifecycle import RedisServer, ServerStatus, ensure, status, stop
else:
    # A type checker must not see it: it would take any name for one of ours.
    __getattr__, __dir__ = offer(
        __name__,
        {
            "RedisServer": "imglab.server.lifecycle",
            "ServerStatus": "imglab.server.lifecycle",
            "ensure": "imglab.server.lifecycle",
            "find_binary": "imglab.server.binary",
            "open_to": "imglab.server.guests",
            "own_home": "imglab.queues.own_password",
            "status": "imglab.server.lifecycle",
            "stop": "imglab.server.lifecycle",
        },
    )

__all__ = [
    "RedisServer",
    "ServerStatus",
    "ensure",
    "find_binary",
    "open_to",
    "own_home",
    "status",
    "stop",
]
