"""What a worker must be told before it touches the photographs and the places of some tasks."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer

from imglab.cli.common import read_by_default
from imglab.cli.engines import OURS
from imglab.language import tr, tr_count
from imglab.storage.urls import is_url
from imglab.text import shown

#: How many names, and how many places, such a sentence has at most.
NAMED = 5


def say_what_to_allow(names: Iterable[str], to: str, engine: str = OURS) -> None:
    """Say which of these a worker does not touch by itself: their tasks would fail."""
    places = list(names)
    _say_images([Path(name) for name in places if not is_url(name)], engine)
    prefixes = [f"read:{_folder(name)}" for name in places if is_url(name)]
    if to:
        prefixes.append(_folder(to.rstrip("/") + "/"))
    if prefixes:
        words = tr(
            "A worker must be told which addresses it may touch: imglab worker {options}",
            options=_options(engine, "--prefix", prefixes),
        )
        typer.echo(shown(words), err=True)


def _folder(name: str) -> str:
    """The folder of an address: itself, if it is one."""
    from imglab.batches.in_stores import root_of

    root = root_of(name)
    url = root.url
    if not root.is_folder:
        url = url.folder()
    return url.text.rstrip("/") + "/"


def _say_images(files: Iterable[Path], engine: str) -> None:
    """Say which of them a worker without --images would not read."""
    strangers = list(_strangers(files))
    if not strangers:
        return
    folders = []
    for file in strangers:
        # A link's task names the file behind it, so it is the folder of that which is read.
        place = file.resolve()
        if not place.is_dir():
            place = place.parent
        folders.append(_from_here(place))
    words = tr(
        "A worker must be told that it may read {names}: imglab worker {options}",
        names=_some([str(file) for file in strangers]),
        options=_options(engine, "--images", folders),
    )
    typer.echo(shown(words), err=True)


def _strangers(files: Iterable[Path]) -> Iterator[Path]:
    from imglab.storage import Folders

    readable = [folder.resolve() for folder in Folders.of_project(read_by_default()).readable]
    for file in files:
        place = file.resolve()
        if not any(place.is_relative_to(folder) for folder in readable):
            yield file


def _from_here(place: Path) -> str:
    """A folder as one types it in the current one."""
    here = Path.cwd()
    if place.is_relative_to(here):
        place = place.relative_to(here)
    return str(place)


def _some(names: list[str]) -> str:
    """The first of some names, and how many there are beside."""
    words = ", ".join(names[:NAMED])
    if len(names) <= NAMED:
        return words
    return tr_count(
        "{names} and {count:,} more", "{names} and {count:,} more", len(names) - NAMED, names=words
    )


def _options(engine: str, option: str, values: Iterable[str]) -> str:
    """What stands behind `imglab worker`: each value once, and no more of them than one types."""
    options = [f"{option} {shlex.quote(value)}" for value in dict.fromkeys(values)]
    words = options[:NAMED]
    if engine != OURS:
        words.insert(0, f"--engine {engine}")
    if len(options) > NAMED:
        words.append("…")
    return " ".join(words)
