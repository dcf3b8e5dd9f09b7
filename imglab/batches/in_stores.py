"""Photographs in stores, listed page by page; whoever submits them may read what they may list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from imglab.batches.photograph import GONE, HIDDEN, NO_ADDRESS, Photograph, why_not
from imglab.errors import ImageError
from imglab.language import tr
from imglab.storage.opened import open_store
from imglab.storage.stores import Store, Version
from imglab.storage.urls import Url, parse, parse_folder


def existing(place: str) -> Url:
    """The address of a folder, or of one photograph, which then is there; ImageError else.

    Whether a folder is there no store can tell: it is there when something is in it.
    """
    url = parse_folder(place)
    if not why_not(url.key) and open_store(url.scheme, url.host).version(url) is None:
        raise ImageError(
            tr("{url} is not there. Nothing was added; check the address.", url=url.text)
        )
    return url


def walk(root: Url, with_root: bool, left_out: Counter[str]) -> Iterator[Photograph]:
    """The photographs below a folder in a store, or the one that is named itself."""
    store = open_store(root.scheme, root.host)
    if not why_not(root.key):
        version = store.version(root)
        if version is not None:
            yield _photograph(root, f"{root.host}/{root.key}", version)
        return
    start = ""
    if with_root:
        start = "/".join((root.host, *root.parts, ""))
    begin = root.folder_text.removeprefix(f"{root.root}/")
    for key, version in store.walk(root):
        if version is None:
            left_out[GONE] += 1
            continue
        inside = key.removeprefix(begin)
        reason = _why_not(inside)
        if reason:
            left_out[reason] += 1
            continue
        try:
            url = parse(f"{root.root}/{key}")
        except ImageError:
            left_out[NO_ADDRESS] += 1
            continue
        yield _photograph(url, start + inside, version)


class Named:
    """Photographs whose addresses are named, each looked at; a store is opened once."""

    def __init__(self, left_out: Counter[str]) -> None:
        self._left_out = left_out
        self._stores: dict[str, Store] = {}

    def one(self, name: str) -> Iterator[Photograph]:
        """The photograph at an address; none, and the reason noted, where there is none."""
        try:
            url = parse(name)
        except ImageError:
            self._left_out[NO_ADDRESS] += 1
            return
        reason = _why_not(url.key)
        if reason:
            self._left_out[reason] += 1
            return
        version = self._store(url).version(url)
        if version is None:
            self._left_out[GONE] += 1
            return
        yield _photograph(url, f"{url.host}/{url.key}", version)

    def _store(self, url: Url) -> Store:
        if url.root not in self._stores:
            self._stores[url.root] = open_store(url.scheme, url.host)
        return self._stores[url.root]


def _why_not(inside: str) -> str:
    """Why a file is not taken, by its name and those of its folders; "" for one that is."""
    if any(part.startswith(".") for part in inside.split("/")):
        return HIDDEN
    return why_not(inside)


def _photograph(url: Url, inside: str, version: Version) -> Photograph:
    return Photograph(url.text, inside, version.size, 0, version.mark)
