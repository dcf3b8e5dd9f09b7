"""One photograph, as a plain function that any engine can call: no queue, no thread, no worker."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from imglab.storage import Storage
from imglab.storage.names import fitting
from imglab.storage.result_place import result_place

if TYPE_CHECKING:
    from PIL.Image import Image

    from imglab.imaging import BaseFilter, FilterPipeline

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

    The payload has an `image_path`; it may have an `output_path`, or an `output_name` below the
    folder that this worker writes to; `filters` of its own, which then stand in for `pipeline`; and
    for a JPEG a `quality` from 1 to 100 and a `subsampling`. The
    result has `notes` when somebody should know more of it: a colour profile that was converted,
    frames or a transparency that the format cannot hold. Between two steps `check_cancelled` is
    called: what it raises ends the work, and nothing is written. ImagingError for what trying again
    will not mend, ResourceExhausted when memory or disk space ran out.
    """
    # Not before the first photograph: a worker is at hand sooner, and smaller, without Pillow.
    from imglab.imaging import (  # noqa: PLC0415
        FilterPipeline,
        Quality,
        check_fits,
        film_of,
        format_of,
        open_image,
    )

    began = time.monotonic()
    filters = payload.get("filters")
    if filters is None:
        filters = pipeline
    pipeline = FilterPipeline(filters)
    quality = Quality(payload.get("quality"), payload.get("subsampling"))
    with storage.open(payload.get("image_path")) as file:
        image = open_image(file)
        own_name = ""
        if not payload.get("output_path") and not payload.get("output_name"):
            own_name = _result_name(file, pipeline)  # it reads the whole file
        output_path = result_place(payload, storage, own_name)
        # Whatever can be refused is refused now, not after the work.
        name = storage.check_writable(output_path)
        check_fits(name, image.size)
        image_format = format_of(name)
        film = film_of(file, image, image_format)
    for each in pipeline:
        film = film.each(partial(_step, each, check_cancelled))
    check_cancelled()
    name = storage.save(name, partial(film.write, image_format=image_format, quality=quality))
    result = {
        "status": "success",
        "output_path": name,
        "width": film.first.width,
        "height": film.first.height,
        "seconds": round(time.monotonic() - began, 3),
    }
    notes = film.notes(image_format)
    if notes:
        result["notes"] = notes
    return result


def _step(each: BaseFilter, check_cancelled: Callable[[], None], image: Image) -> Image:
    check_cancelled()
    return each.apply(image)


def _result_name(file: BinaryIO, pipeline: FilterPipeline) -> str:
    """The same content and filters give the same name: running a task twice changes nothing."""
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(HASH_STEP):
        digest.update(chunk)
    digest.update(str(pipeline).encode())
    source = PurePosixPath(file.name)
    return fitting(source.stem, f"-{digest.hexdigest()[:16]}{source.suffix}")
