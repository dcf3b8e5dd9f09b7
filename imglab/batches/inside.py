"""Where a photograph is, seen from the current folder: no two of them are at the same place."""

from __future__ import annotations

import os

from imglab.storage.urls import Url

#: The folder of all that is not below the current folder.
ELSEWHERE = "elsewhere"
#: The part of it for this machine's own files; each store's is called as its scheme.
DISK = "disk"


def from_here(path: str) -> str:
    """The place of a file, by its absolute path.

    What is not below the current folder, or only looks like that, keeps its whole path.
    """
    here = os.getcwd().rstrip("/")  # noqa: PTH109 - asked for each of a hundred thousand
    inside = path.removeprefix(f"{here}/")
    if inside == path or inside.startswith(f"{ELSEWHERE}/"):
        return f"{ELSEWHERE}/{DISK}{path}"
    return inside


def of_store(url: Url) -> str:
    """The place of a photograph in a store."""
    return f"{ELSEWHERE}/{url.scheme}/{url.host}/{url.key}"
