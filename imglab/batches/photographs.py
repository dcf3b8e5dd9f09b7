"""Photographs, found one after the other: never all of them in memory."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from imglab.batches import in_stores
from imglab.batches.inside import from_here
from imglab.batches.photograph import GONE, NO_FILE, Photograph, why_not
from imglab.errors import ImageError
from imglab.language import tr
from imglab.storage.urls import is_url
from imglab.text import is_utf8


@dataclass
class Found:
    """Photographs as they are found, and what else was there."""

    photographs: Iterable[Photograph]
    #: Why something was left out -> how often.
    left_out: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[Photograph]:
        return iter(self.photographs)


def find(places: Iterable[str | Path]) -> Found:
    """The photographs in some folders and below, and those that are named themselves.

    A place may be an address such as s3://BUCKET/FOLDER/. Links to folders are not followed.
    Of several places each keeps its own, so that no two photographs have one.
    ImageError for a place that there is not.
    """
    found = Found(())
    roots = [_existing(place) for place in places]
    found.photographs = _walk(roots, len(roots) > 1, found.left_out)
    return found


def named(names: Iterable[str]) -> Found:
    """The photographs that are named, one after the other; what is none is left out."""
    found = Found(())
    found.photographs = _named(names, found.left_out)
    return found


def _existing(place: str | Path) -> Path | in_stores.Root:
    if isinstance(place, str) and is_url(place):
        return in_stores.existing(place)
    place = Path(place)
    if not is_utf8(str(place)):
        raise ImageError(
            tr("The name of {place} is not UTF-8, and a task is. Rename it.", place=place)
        )
    if not place.exists():
        raise ImageError(
            tr("{place} is no file and no folder. Nothing was added; check the path.", place=place)
        )
    return place.resolve()


def _walk(
    roots: Iterable[Path | in_stores.Root], with_root: bool, left_out: Counter[str]
) -> Iterator[Photograph]:
    for root in roots:
        if isinstance(root, in_stores.Root):
            yield from in_stores.walk(root, with_root, left_out)
            continue
        if root.is_dir():
            yield from _below(root, with_root, left_out)
            continue
        photograph = _taken(str(root), from_here(str(root)), left_out)
        if photograph:
            yield photograph


def _below(root: Path, with_root: bool, left_out: Counter[str]) -> Iterator[Photograph]:
    """All below a folder: a folder's own before those of the folders in it."""
    begin = f"{str(root).rstrip('/')}/"
    waiting = [str(root)]
    while waiting:
        folder = waiting.pop()
        deeper = []
        try:
            entries = os.scandir(folder)
        except OSError:
            left_out[GONE] += 1
            continue
        with entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith("."):
                        deeper.append(entry.path)
                    continue
                inside = entry.path.removeprefix(begin)
                if with_root:
                    inside = from_here(entry.path)
                photograph = _taken(entry.path, inside, left_out)
                if photograph:
                    yield photograph
        waiting.extend(sorted(deeper, reverse=True))


def _named(names: Iterable[str], left_out: Counter[str]) -> Iterator[Photograph]:
    addressed = in_stores.Named(left_out)
    folders: dict[str, str] = {}
    for name in names:
        if is_url(name):
            yield from addressed.one(name)
            continue
        folder, slash, bare = name.rpartition("/")
        start = "."
        if slash:
            start = f"{folder}/"
        if folder not in folders:
            # Resolved once: a hundred thousand names are in few folders.
            folders[folder] = str(Path(start).resolve())
        path = f"{folders[folder].rstrip('/')}/{bare}"
        photograph = _taken(path, from_here(path), left_out)
        if photograph:
            yield photograph


def _taken(path: str, inside: str, left_out: Counter[str]) -> Photograph | None:
    """The photograph at a path; None for what is left out."""
    reason = why_not(path)
    if reason:
        left_out[reason] += 1
        return None
    try:
        about = os.stat(path)  # noqa: PTH116 - for a hundred thousand of them, Path is slow
    except OSError:
        left_out[GONE] += 1
        return None
    if not stat.S_ISREG(about.st_mode):
        left_out[NO_FILE] += 1
        return None
    return Photograph(path, inside, about.st_size, about.st_mtime_ns)
