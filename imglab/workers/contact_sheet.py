"""A contact sheet as a task: what became of a batch, at a glance."""

from __future__ import annotations

import math
import time
import unicodedata
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from imglab.errors import ImageError
from imglab.language import tr
from imglab.storage import Storage
from imglab.storage.result_place import result_place
from imglab.storage.urls import is_url
from imglab.text import short, shown, told

if TYPE_CHECKING:
    from PIL.Image import Image

#: The field of a payload that makes it a contact sheet: a list of what is on it.
FIELD = "contact_sheet"
#: The most pictures on one sheet.
MOST = 100
#: Pictures side by side.
COLUMNS = 10
#: Letters of a name that fit below a picture.
NAME_LENGTH = 22


def make_contact_sheet(
    payload: Mapping[str, Any], storage: Storage, check_cancelled: Callable[[], None]
) -> dict[str, Any]:
    """Draw the results that a payload names on one sheet, save it; return the result, as JSON.

    The payload has `contact_sheet`, a list of names below the folder for results, or of addresses,
    and `output_name` or `output_path` for the sheet. In place of one that cannot be opened stands a
    crossed box. ImageError for a payload that asks for something else.
    """
    from PIL import ImageFont  # noqa: PLC0415 - not before the first picture; see photograph.py

    from imglab.imaging import format_of, open_image  # noqa: PLC0415
    from imglab.imaging.sheet import Sheet  # noqa: PLC0415

    began = time.monotonic()
    names = _names(payload)
    name = storage.check_writable(result_place(payload, storage))
    image_format = format_of(name)
    columns = min(COLUMNS, len(names))
    sheet = Sheet(columns, math.ceil(len(names) / columns), ImageFont.load_default(size=11))
    missing = 0
    for number, each in enumerate(names):
        check_cancelled()
        try:
            with storage.open(_place(each, storage)) as file:
                sheet.paste(number, open_image(file).convert("RGBA"))
        except ImageError:
            missing += 1
            sheet.cross_out(number)
        sheet.write_name(number, _plain(PurePosixPath(each).name))
    name = storage.save(name, partial(_write, sheet.image, image_format))
    return {
        "status": "success",
        "output_path": name,
        "pictures": len(names) - missing,
        "missing": missing,
        "seconds": round(time.monotonic() - began, 3),
    }


def _place(name: str, storage: Storage) -> str:
    if is_url(name):
        return name
    return storage.result_path(name)


def _names(payload: Mapping[str, Any]) -> list[str]:
    names: Any = payload[FIELD]
    is_list = isinstance(names, list) and all(isinstance(each, str) for each in names)
    if not is_list or not 1 <= len(names) <= MOST:
        raise ImageError(
            tr(
                "A contact sheet needs a list of 1 to {most} names, not {names}.",
                most=MOST,
                names=told(names),
            )
        )
    return list(names)


def _plain(name: str) -> str:
    """A name in the letters that Pillow's own font has."""
    letters = unicodedata.normalize("NFKD", shown(name))
    plain = "".join(each for each in letters if not unicodedata.combining(each))
    return short(plain.encode("ascii", "replace").decode(), NAME_LENGTH)


def _write(image: Image, image_format: str, file: BinaryIO) -> None:
    image.save(file, image_format)
