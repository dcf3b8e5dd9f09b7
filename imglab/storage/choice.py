"""Which storage a worker has: the only place that chooses one."""

from __future__ import annotations

from imglab.storage.addressed import Addressed
from imglab.storage.base import Storage
from imglab.storage.carried import Carried, Shelf
from imglab.storage.folders import Folders
from imglab.storage.opened import need_for
from imglab.storage.places import Places
from imglab.storage.prefixes import Prefixes


def storage_for(
    read: tuple[str, ...] = (),
    write: str = "output",
    prefixes: tuple[str, ...] | None = None,
    shelf: Shelf | None = None,
) -> Storage:
    """Return the storage for what a worker may read and write, as its command line names it.

    Without `prefixes` those of the environment count; `shelf` keeps the pictures that the queue's
    Redis carries. ImglabError for a prefix that is none, NotInstalled
    where the library for one is missing.
    """
    allowed = Prefixes.of(prefixes)
    for url in allowed.readable:
        need_for(url.scheme)
    folders = Folders.of_project(read, write)
    return Places(folders, Addressed(allowed), Carried(shelf))
