"""All that a worker can read and write: folders, stores behind addresses, the queue's own Redis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

from imglab.storage.addressed import Addressed
from imglab.storage.base import Write
from imglab.storage.carried import Carried, is_carried
from imglab.storage.folders import Folders
from imglab.storage.urls import is_url


@dataclass(frozen=True)
class Places:
    """A storage that asks another one, by how a path is written; see `Storage`."""

    folders: Folders
    addressed: Addressed
    carried: Carried

    def open(self, path: object) -> BinaryIO:
        """Open a file to read."""
        where = self._of(path)
        file: BinaryIO = where.open(path)
        return file

    def check_writable(self, path: object) -> str:
        """Return the path as results spell it; ImageError when nothing may be written there."""
        return str(self._of(path).check_writable(path))

    def save(self, path: object, write: Write) -> str:
        """Write a file whole, and return its path as results spell it."""
        return str(self._of(path).save(path, write))

    def result_path(self, file_name: str) -> str:
        """Return the path for a result whose task names none: in the folder for results."""
        return self.folders.result_path(file_name)

    def _of(self, path: object) -> Any:
        if is_url(path):
            return self.addressed
        if is_carried(path):
            return self.carried
        return self.folders
