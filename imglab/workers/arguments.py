"""What a worker may be asked for: the value itself, or a sentence that says what was meant."""

from __future__ import annotations

from collections.abc import Iterable

from imglab.errors import ImglabError
from imglab.language import tr
from imglab.memory import as_bytes
from imglab.queues.arguments import as_names
from imglab.storage import storage_for
from imglab.text import told

#: The most tasks that a worker may claim in one round trip.
MAX_PREFETCH = 500


def checked_prefetch(prefetch: int, max_crashes: int) -> int:
    """The number itself; ImglabError when it is out of range."""
    most = MAX_PREFETCH
    # After a crash nobody knows which task did it: here one crash would bury its neighbours.
    if max_crashes == 1:
        most = 1
    is_whole = isinstance(prefetch, int) and not isinstance(prefetch, bool)
    if not is_whole or not 1 <= prefetch <= most:
        raise ImglabError(
            tr(
                "prefetch must be 1 to {most}, and 1 where max_crashes is 1; not {prefetch}.",
                most=MAX_PREFETCH,
                prefetch=told(prefetch),
            )
        )
    return prefetch


def checked_max_tasks(max_tasks: int | None) -> int | None:
    """The number itself, None for any; ImglabError for what is none."""
    if max_tasks is None:
        return None
    is_whole = isinstance(max_tasks, int) and not isinstance(max_tasks, bool)
    if not is_whole or max_tasks < 1:
        raise ImglabError(
            tr(
                "max_tasks must be a whole number from 1 on, not {max_tasks}.",
                max_tasks=told(max_tasks),
            )
        )
    return max_tasks


def checked_max_memory(max_memory: int | str | None) -> int | None:
    """The bytes of it, None for any; ImglabError for what is no size."""
    if max_memory is None:
        return None
    return as_bytes(max_memory, "max_memory")


def as_prefixes(prefixes: Iterable[str] | None) -> tuple[str, ...] | None:
    """The prefixes as a spec has them, None for those of the environment; ImglabError for none."""
    if prefixes is None:
        return None
    names = as_names(prefixes, "prefixes")
    storage_for(prefixes=names)
    return names
