"""What a task asks for: one photograph, or a contact sheet of many. Any engine can call it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from imglab.storage import Storage
from imglab.workers.contact_sheet import FIELD, make_contact_sheet
from imglab.workers.photograph import filter_photograph, never_cancelled


def do_payload(
    payload: Mapping[str, Any],
    pipeline: Iterable[Any],
    storage: Storage,
    check_cancelled: Callable[[], None] = never_cancelled,
) -> dict[str, Any]:
    """Do what a payload asks for, and return its result, as plain JSON.

    See `filter_photograph` and `make_contact_sheet`.
    """
    if FIELD in payload:
        return make_contact_sheet(payload, storage, check_cancelled)
    return filter_photograph(payload, pipeline, storage, check_cancelled)
