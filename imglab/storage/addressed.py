"""Pictures behind addresses as a storage: who may touch what, and which version counts."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import BinaryIO

from imglab.errors import ImageError, StoreUnavailable
from imglab.language import tr
from imglab.storage.base import Write
from imglab.storage.bodies import fill, gather, scratch
from imglab.storage.opened import open_store
from imglab.storage.prefixes import Prefixes
from imglab.storage.sizes import check_size
from imglab.storage.stores import Changed, Store, Version
from imglab.storage.urls import Url, parse

#: How often a file is read that changes each time while it is read.
READS = 3
#: How many files may be under way that are not written yet; those of failed tasks are among them.
UNDER_WAY = 64


class Addressed:
    """Reads and writes below some prefixes; each process opens its own stores.

    A result is fenced where the store can: it replaces nothing that was written by somebody who
    began later. So of two tries of one task the one that was taken for dead changes nothing.
    """

    def __init__(
        self, prefixes: Prefixes, opener: Callable[[str, str], Store] = open_store
    ) -> None:
        self.prefixes = prefixes
        self._open_store = opener
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._stores: dict[str, Store] = {}
        self._begun: OrderedDict[str, object] = OrderedDict()

    def open(self, path: str) -> BinaryIO:
        """Fetch a file, within the limit of its size, and in one version; see `Storage`."""
        url = parse(path)
        self.prefixes.check_readable(url)
        with self._forgetting(url) as store:
            for _ in range(READS):
                file = _fetch(store, url)
                if file is not None:
                    return file
        raise StoreUnavailable(
            tr("{url} changes whenever it is read ({times} times).", url=url.text, times=READS)
        )

    def check_writable(self, path: str) -> str:
        """Return the address as results spell it; ImageError when nothing may be written there."""
        url = parse(path)
        self.prefixes.check_writable(url)
        with self._forgetting(url) as store:
            store.check_can_write(url)
            self._begun[url.text] = store.begin(url)
        while len(self._begun) > UNDER_WAY:
            self._begun.popitem(last=False)
        return url.text

    def save(self, path: str, write: Write) -> str:
        """Write a file whole, unless somebody else did so meanwhile; see `Storage`.

        StoreUnavailable when somebody wrote something else there since `check_writable`.
        """
        url = parse(path)
        self._begin_anew_after_a_fork()
        if url.text not in self._begun:
            self.check_writable(path)
        begun = self._begun.pop(url.text)
        with self._forgetting(url) as store, scratch(url.text) as file:
            fill(file, write, url.text)
            try:
                store.write(url, file, begun)
            except Changed:
                if not _has_this(store, url, file):
                    raise StoreUnavailable(
                        tr(
                            "{url} was written by somebody else while this task ran: that file "
                            "was left alone.",
                            url=url.text,
                        )
                    ) from None
        return url.text

    def _forgetting(self, url: Url) -> _Forgetting:
        self._begin_anew_after_a_fork()
        return _Forgetting(self._stores, url.root, lambda: self._store(url))

    def _begin_anew_after_a_fork(self) -> None:
        """Forget what a parent opened: in another process it does not work."""
        if self._process != os.getpid():
            self._begin()

    def _store(self, url: Url) -> Store:
        if url.root not in self._stores:
            self._stores[url.root] = self._open_store(url.scheme, url.host)
        return self._stores[url.root]


class _Forgetting:
    """A store for the time of a block; one that fails is opened anew the next time."""

    def __init__(self, stores: dict[str, Store], root: str, get_store: Callable[[], Store]) -> None:
        self._stores = stores
        self._root = root
        self._get_store = get_store

    def __enter__(self) -> Store:
        return self._get_store()

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, StoreUnavailable):
            self._stores.pop(self._root, None)


def _fetch(store: Store, url: Url) -> BinaryIO | None:
    """A file in one version; None when it changed meanwhile."""
    version, pieces = store.read(url)
    check_size(url.text, version.size)
    file = gather(pieces, url.text, version.size)
    if store.is_atomic or _is_still(store, url, version):
        return file
    file.close()
    return None


def _is_still(store: Store, url: Url, version: Version) -> bool:
    """Whether a file is in this version, as far as its server tells."""
    try:
        return store.version(url) == version
    except ImageError:  # it gives files, and no answers about them
        return True


def _has_this(store: Store, url: Url, file: BinaryIO) -> bool:
    """Whether the very content of a file is there: then another try of this task has written it."""
    version, pieces = store.read(url)
    if version.size != file.seek(0, os.SEEK_END):
        return False
    file.seek(0)
    return _agree(pieces, file)


def _agree(pieces: Iterator[bytes], file: BinaryIO) -> bool:
    return all(bytes(piece) == file.read(len(piece)) for piece in pieces)
