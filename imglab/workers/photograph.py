"""One photograph, as a plain function that any engine can call: no queue, no thread, no worker."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from imglab.storage import Storage

if TYPE_CHECKING:
    from imglab.imaging import FilterPipeline

#: How much of a file is hashed at a time, in bytes: a large one is never whole in memory.
HASH_STEP = 1 << 20


def never_cancelled() -> None:
    """Let the work go on: the check of an engine that cancels nothing."""


def filter_photograph(
    payload: Mapping[str, Any],
    pipeline: Iterable[Any],
    storage: Storage,
    check_cancelled: Callable[[], None] = never_cancelled,
) -> dict[str, Any]:
    """Open the photograph that a payload names, filter it, save it; return the result, as JSON.

    The payload has an `image_path`; it may have an `output_path`, and `filters` of its own, which
    then stand in for `pipeline`. Between two steps `check_cancelled` is called: what it raises ends
    the work, and nothing is written. ImagingError for what trying again will not mend.
    """
    # Not before the first photograph: a worker is at hand sooner, and smaller, without Pillow.
    from imglab.imaging import FilterPipeline, format_of, open_image, write_image  # noqa: PLC0415

    began = time.monotonic()
    filters = payload.get("filters")
    if filters is None:
        filters = pipeline
    pipeline = FilterPipeline(filters)
    with storage.open(payload.get("image_path")) as file:
        image = open_image(file)
        output_path = payload.get("output_path")
        if not output_path:
            output_path = storage.result_path(_result_name(file, pipeline))
    # Both are refused now, not after the work.
    name = storage.check_writable(output_path)
    image_format = format_of(name)
    for each in pipeline:
        check_cancelled()
        image = each.apply(image)
    check_cancelled()
    name = storage.save(name, partial(write_image, image, image_format=image_format))
    return {
        "status": "success",
        "output_path": name,
        "width": image.width,
        "height": image.height,
        "seconds": round(time.monotonic() - began, 3),
    }


def _result_name(file: BinaryIO, pipeline: FilterPipeline) -> str:
    """The same content and filters give the same name: running a task twice changes nothing."""
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(HASH_STEP):
        digest.update(chunk)
    digest.update(str(pipeline).encode())
    source = PurePosixPath(file.name)
    return f"{source.stem}-{digest.hexdigest()[:16]}{source.suffix}"
