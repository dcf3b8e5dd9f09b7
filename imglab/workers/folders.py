"""Where a worker may read and write: a task names paths, and a task may come from anyone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from imglab.errors import ImageError


def project_root() -> Path:
    """The project's folder: IMGLAB_ROOT, else the nearest one upwards with images/ and output/.

    Without one it is the current folder. Relative paths in tasks start from it, so that a notebook,
    a terminal and a worker mean the same file by the same words.
    """
    if named := os.environ.get("IMGLAB_ROOT"):
        return Path(named).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "images").is_dir() and (folder / "output").is_dir():
            return folder
    return here


def project_home() -> Path:
    """The project's own data, out of sight and ignored by git: the server's files and the logs."""
    return project_root() / ".imglab"


@dataclass(frozen=True)
class Folders:
    """The folders a worker reads from and the one it writes to; links and `..` do not lead out."""

    root: Path
    readable: tuple[Path, ...]
    writable: Path

    @classmethod
    def of_project(cls, read: tuple[str, ...] = (), write: str = "output") -> Folders:
        """Read below `read` (else images/) and `write`; write below `write` only."""
        root = project_root()
        writable = root / write
        return cls(root, (*(root / each for each in read or ("images",)), writable), writable)

    def to_read(self, path: object) -> Path:
        """The real place of a file to read; ImageError when it is outside the readable folders."""
        return self._inside(path, self.readable, "read", "--images")

    def to_write(self, path: object) -> Path:
        """The real place of a file to write; ImageError when it is outside the writable folder."""
        return self._inside(path, (self.writable,), "write", "--output")

    def name(self, path: Path) -> str:
        """A path as tasks and results write it: from the project's folder on, if it is in there."""
        root = self.root.resolve()
        return str(path.relative_to(root) if path.is_relative_to(root) else path)

    def _inside(self, path: object, allowed: tuple[Path, ...], verb: str, option: str) -> Path:
        if not isinstance(path, str) or not path:
            raise ImageError(
                f"A path must be a text such as 'images/sample.jpg', not {path!r:.80}."
            )
        try:
            place = (self.root / path).resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a NUL, a loop of links, too long
            raise ImageError(f"{path!r:.200} is no path to a file: {error}.") from None
        if not any(place.is_relative_to(folder.resolve()) for folder in allowed):
            names = ", ".join(self.name(folder.resolve()) for folder in allowed)
            raise ImageError(
                f"{path!r:.200} is outside the folders this worker may {verb} ({names}). "
                f"Move the file, or start the worker with {option} FOLDER."
            )
        return place
