"""Which storage a worker has: the only place that chooses one."""

from __future__ import annotations

from imglab.storage.base import Storage
from imglab.storage.folders import Folders


def storage_for(read: tuple[str, ...] = (), write: str = "output") -> Storage:
    """Return the storage for what a worker may read and write, as its command line names it."""
    return Folders.of_project(read, write)
