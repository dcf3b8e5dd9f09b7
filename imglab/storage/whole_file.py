"""A file on disk that is written whole or not at all."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from functools import partial
from pathlib import Path

from imglab.errors import ImageError, ImglabError, ResourceExhausted
from imglab.language import tr
from imglab.storage.base import Write
from imglab.storage.exhausted import ran_out
from imglab.system_words import system_words


def write_whole(path: Path, write: Write, *, spelled: str, folder: int | None = None) -> None:
    """Let `write` fill a file: whoever looks sees the old file or the whole new one.

    With the descriptor of an open `folder`, `path` is a bare name in there; else missing folders
    are made. ResourceExhausted for a full disk or too little memory, ImageError for whatever else
    goes wrong, with the path as it is `spelled` for people.
    """
    # In the same folder: to rename is one step only within one file system.
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    # Who may read the file is for the umask to say.
    create = partial(os.open, mode=0o666, dir_fd=folder)
    try:
        if folder is None:
            path.parent.mkdir(parents=True, exist_ok=True)
        # A real file, with a descriptor: Pillow then encodes without the GIL.
        # It is readable too: of several pages, a TIFF reads again what it wrote.
        with open(temporary, "x+b", opener=create) as file:
            write(file)
        os.replace(temporary, path, src_dir_fd=folder, dst_dir_fd=folder)
    except ImglabError:
        raise  # it is a sentence already
    except Exception as error:  # encoders raise nearly anything
        raise write_failure(spelled, error) from error
    finally:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)


def write_failure(spelled: str, error: Exception) -> ImglabError:
    """The error for people, with a reason that is never empty."""
    words = ran_out(error)
    if words:
        return ResourceExhausted(
            tr("Cannot write {spelled}: {words}", spelled=spelled, words=words)
        )
    said = system_words(getattr(error, "strerror", None) or "")
    reason = said or str(error) or type(error).__name__
    return ImageError(tr("Cannot write {spelled}: {reason}", spelled=spelled, reason=reason))
