"""Pillow's warnings about odd metadata, kept quiet: they name no file, and nobody can act on them.

`warnings.catch_warnings` is not for threads: of two that overlap, the later one puts back what the
earlier one had set. So one filter of ours stands while anybody reads a picture.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
#: The filters that are set at the moment, one for each who reads; all of them are alike.
_set: list[Any] = []


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Ignore what Pillow only warns of; its warning of too many pixels is of another kind."""
    with _lock:
        if not _set:
            warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        ours = warnings.filters[0]
        _set.append(ours)
    try:
        yield
    finally:
        with _lock:
            _set.pop()
            if not _set and ours in warnings.filters:
                warnings.filters.remove(ours)  # type: ignore[attr-defined]
