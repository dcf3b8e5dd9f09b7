"""Photographs in stores, listed page by page; whoever submits them may read what they may list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from imglab.batches.inside import of_store
from imglab.batches.photograph import GONE, HIDDEN, NO_ADDRESS, Photograph, why_not
from imglab.errors import ImageError
from imglab.language import tr
from imglab.storage.opened import open_store
from imglab.storage.stores import Store, Version
from imglab.storage.urls import Url, parse, parse_folder


@dataclass(frozen=True)
class Root:
    """A place in a store that somebody named."""

    url: Url
    #: Whether all below it is meant; else it is one photograph.
    is_folder: bool


def root_of(place: str) -> Root:
    """The place that an address names, by its letters alone: with `/` at its end it is a folder.

    So is one that is not called like a photograph.
    """
    url = parse_folder(place)
    return Root(url, place.endswith("/") or bool(why_not(url.key)))


def existing(place: str) -> Root:
    """A folder, or one photograph, which then is there; ImageError else.

    Whether a folder is there no store can tell: it is there when something is in it.
    """
    root = root_of(place)
    url = root.url
    if not root.is_folder and open_store(url.scheme, url.host).version(url) is None:
        raise ImageError(
            tr("{url} is not there. Nothing was added; check the address.", url=url.text)
        )
    return root


def walk(root: Root, with_root: bool, left_out: Counter[str]) -> Iterator[Photograph]:
    """The photographs below a folder in a store, or the one that is named itself."""
    folder = root.url
    store = open_store(folder.scheme, folder.host)
    if not root.is_folder:
        version = store.version(folder)
        if version is not None:
            yield _photograph(folder, of_store(folder), version)
        return
    begin = folder.folder_text.removeprefix(f"{folder.root}/")
    for key, version in store.walk(folder):
        if version is None:
            left_out[GONE] += 1
            continue
        inside = key.removeprefix(begin)
        reason = _why_not(inside)
        if reason:
            left_out[reason] += 1
            continue
        try:
            url = parse(f"{folder.root}/{key}")
        except ImageError:
            left_out[NO_ADDRESS] += 1
            continue
        if with_root:
            inside = of_store(url)
        yield _photograph(url, inside, version)


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
        version = None
        with suppress(ImageError):  # one that nobody here may read stops no other
            version = self._store(url).version(url)
        if version is None:
            self._left_out[GONE] += 1
            return
        yield _photograph(url, of_store(url), version)

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
