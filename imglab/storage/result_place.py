"""Where the result of a task goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imglab.errors import ImageError
from imglab.language import tr
from imglab.storage.base import Storage
from imglab.text import told


def result_place(payload: Mapping[str, Any], storage: Storage, otherwise: str = "") -> object:
    """The path that a payload asks for, or that of its `output_name`, or else of this name.

    A path may be anything until the storage has checked it; ImageError for a name that is no text.
    """
    path = payload.get("output_path")
    if path:
        return path
    name = payload.get("output_name") or otherwise
    if not isinstance(name, str) or not name:
        raise ImageError(
            tr(
                "output_name must be a text such as 'holiday/sample.jpg', not {name}.",
                name=told(name),
            )
        )
    return storage.result_path(name)
