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

#: Modules whose warnings are ignored. The comment makes our filter another than anybody's for the
#: same modules: Python keeps only one of two that are equal.
_MODULES = r"PIL\.(?#imglab)"

_lock = threading.Lock()
#: The filter that stands at the moment, once for each who reads.
_set: list[Any] = []


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Ignore what Pillow only warns of; its warning of too many pixels is of another kind."""
    with _lock:
        # Others may have set filters of theirs meanwhile, or put back what there was before.
        if not _set or _set[-1] not in warnings.filters:
            warnings.filterwarnings("ignore", category=UserWarning, module=_MODULES)
            ours = warnings.filters[0]
        else:
            ours = _set[-1]
        _set.append(ours)
    try:
        yield
    finally:
        with _lock:
            _set.pop()
            if not _set and ours in warnings.filters:
                warnings.filters.remove(ours)  # type: ignore[attr-defined]
