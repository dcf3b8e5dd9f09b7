"""The names of a pool's workers: worker-1, worker-2 and so on, and never one that is in use."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Container
from typing import Any

from imglab.queues import RedisTaskQueue
from imglab.queues.connection import BLOCK
from imglab.queues.worker_states import LEASES_UNTIL_GONE, WAITS

#: The signal that does nothing: it only asks whether the process is there.
ASK = 0


def free_names(
    queue: RedisTaskQueue, prefix: str, count: int, own: Container[str] = ()
) -> list[str]:
    """So many names that no other worker of the queue has, those with the lowest numbers."""
    if count < 1:
        return []
    taken = taken_names(queue)
    numbered = (f"{prefix}-{number}" for number in itertools.count(1))
    free = (name for name in numbered if name not in own and name not in taken)
    return list(itertools.islice(free, count))


def taken_names(queue: RedisTaskQueue) -> set[str]:
    """The names of those who work on a queue now, or may still do."""
    patience = LEASES_UNTIL_GONE * max(queue.settings.lease, WAITS * BLOCK)
    oldest = queue.server_time() - patience * 1000
    taken = set()
    for name, record in queue.workers().items():
        if record["seen"] >= oldest and not _is_over(record):
            taken.add(name)
    return taken


def _is_over(record: dict[str, Any]) -> bool:
    """Whether the process that a record names is known to be gone, or this one.

    A notebook asks for tasks by hand, under names that its pool may have afterwards.
    """
    if record["host"] != socket.gethostname():
        return False
    if record["pid"] == os.getpid() or record["pid"] < 1:
        return True
    try:
        os.kill(record["pid"], ASK)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # somebody else's, or no number of a process
        return False
    return False
