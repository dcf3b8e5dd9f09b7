"""What was fetched, or is to be sent, as a file of this machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from io import BytesIO
from typing import BinaryIO

from imglab.errors import ImglabError, StoreUnavailable
from imglab.language import tr
from imglab.storage.base import Write
from imglab.storage.whole_file import write_failure

#: What is larger goes to a file without a name, not into memory; in bytes.
IN_MEMORY = 8 << 20


class Fetched(BytesIO):
    """A file in memory, with the name that results spell."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def gather(pieces: Iterable[bytes], name: str, size: int) -> BinaryIO:
    """Put the pieces of a file of this size together, and return it, at its beginning.

    StoreUnavailable when there are more or fewer bytes than announced; nothing is left behind.
    """
    file: BinaryIO = Fetched(name)
    if size > IN_MEMORY:
        file = scratch(name)
    with ExitStack() as unless_whole:
        unless_whole.callback(file.close)
        left = size
        for piece in pieces:
            left -= len(piece)
            if left < 0:
                break
            file.write(piece)
        if left:
            raise StoreUnavailable(
                tr("{name} has another length than its store announced.", name=name)
            )
        unless_whole.pop_all()
    file.seek(0)
    return file


def scratch(name: str) -> BinaryIO:
    """A real file that no folder shows, with a name for people; it is gone when it is closed."""
    handle, path = tempfile.mkstemp()
    os.unlink(path)  # noqa: PTH108
    return open(name, "w+b", opener=lambda *_: handle)


def fill(file: BinaryIO, write: Write, name: str) -> int:
    """Let `write` fill a file, and return its size; ImglabError for whatever goes wrong."""
    try:
        write(file)
    except ImglabError:
        raise  # it is a sentence already
    except Exception as error:  # encoders raise nearly anything
        raise write_failure(name, error) from error
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size
