"""A Redis of the project's own: found, or started, and kept while somebody needs it."""

from imglab.queues.own_password import own_home
from imglab.server.binary import find_binary
from imglab.server.lifecycle import RedisServer, ServerStatus, ensure, status, stop

__all__ = ["RedisServer", "ServerStatus", "ensure", "find_binary", "own_home", "status", "stop"]
