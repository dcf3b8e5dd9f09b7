"""What every store behind an address promises, whatever library speaks to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from imglab.errors import ImglabError
from imglab.language import tr
from imglab.storage.urls import Url

#: The environment variable for the longest that one request may take, in seconds.
TIMEOUT_VARIABLE = "IMGLAB_STORE_TIMEOUT"
#: The longest that one request may take, in seconds, a large picture included.
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Version:
    """One content of a file: another one has another version."""

    #: Bytes.
    size: int
    #: What the store calls this content, or else when it was changed.
    mark: str


class Changed(Exception):
    """Somebody who began later has written a file meanwhile."""


class Store(Protocol):
    """One bucket, or one machine. Each call raises errors for people, without any secret in them.

    ImageError where trying again does not help, StoreUnavailable where it may.
    """

    #: Whether a read gives one version, however often the file is replaced meanwhile.
    is_atomic: bool

    def read(self, url: Url) -> tuple[Version, Iterator[bytes]]:
        """The version of a file, before any of its content, and then that, piece by piece."""
        ...

    def version(self, url: Url) -> Version | None:
        """The version that is there; None for no file."""
        ...

    def check_can_write(self, url: Url) -> None:
        """Raise ImageError when this kind of store takes no files."""
        ...

    def begin(self, url: Url) -> object:
        """What is known of a place before the work whose result goes there; `write` asks for it."""
        ...

    def write(self, url: Url, file: BinaryIO, begun: Any) -> None:
        """Put a file there, whole or not at all.

        Changed, and nothing is written, when somebody who began later has written there since.
        """
        ...

    def walk(self, folder: Url) -> Iterator[tuple[str, Version | None]]:
        """The key of each file below a folder, and its version; never all of them in memory.

        None in place of the version for what is there and cannot be read, such as a folder.
        """
        ...


def timeout_s() -> float:
    """The longest that one request may take, in seconds; ImglabError for what is no number."""
    text = os.environ.get(TIMEOUT_VARIABLE, "")
    if not text:
        return TIMEOUT_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 3600:
        raise ImglabError(
            tr(
                "{variable} is a number of seconds, at most 3600: not {value!r}.",
                variable=TIMEOUT_VARIABLE,
                value=text,
            )
        )
    return seconds
