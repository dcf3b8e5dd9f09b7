"""Where a worker may read and write: a task names paths, and a task may come from anyone."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from imglab.errors import ImageError, ImglabError, NoPhotographs, ResourceExhausted
from imglab.language import tr
from imglab.project import project_root
from imglab.storage.base import Write
from imglab.storage.cannot import cannot
from imglab.storage.exhausted import ran_out
from imglab.storage.names import MAX_NAME, length
from imglab.storage.sizes import check_size
from imglab.storage.whole_file import write_whole
from imglab.system_words import system_words

#: The most folders that a result may lie deep in, below the one that the worker writes to.
MAX_DEPTH = 32
#: What the system says of a folder that is not there, or whose disk is another machine's and gone.
_GONE = (errno.ENOENT, errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.ETIMEDOUT)
#: Control characters, line ends, halves of characters: they could forge a line of the log. So could
#: those that turn the direction of what follows: gpj.exe would read exe.jpg.
UNFIT = re.compile(r"[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Folders:
    """The folders a worker reads from and the one it writes to; links and `..` do not lead out.

    Nor does a link put in after a path was checked: `open` and `save` follow none any more.
    The folders themselves, and whatever is above them, belong to whoever started the worker.
    """

    root: Path
    readable: tuple[Path, ...]
    writable: Path

    @classmethod
    def of_project(cls, read: tuple[str, ...] = (), write: str = "output") -> Folders:
        """Folders to read below `read` (else images/) and `write`, and to write below `write`."""
        root = project_root()
        if not read:
            read = ("images",)
        readable = [root / each for each in read]
        writable = root / write
        return cls(root, (*readable, writable), writable)

    def check_not_bare(self) -> None:
        """Raise NoPhotographs when nothing is in any folder that is there to read from."""
        sources = [folder for folder in self.readable if folder != self.writable]
        if not sources or any(map(_has_something, sources)):
            return
        names = ", ".join(map(self.name, sources))
        raise NoPhotographs(
            tr(
                "This host has no photographs: there is nothing to read in {names}, as when a "
                "shared folder is not mounted. Mount or copy them there, or name the folder they "
                "are in: --images FOLDER.",
                names=names,
            )
        )

    def to_write(self, path: object) -> Path:
        """The real place of a file to write; ImageError when it is outside the writable folder."""
        place, _ = self._inside(path, (self.writable,), "write", "--output")
        return place

    def check_writable(self, path: object) -> str:
        """Return the path as results spell it.

        ImageError outside the writable folder, far below it, for a name that is too long, and
        where this worker has no right to write.
        """
        place, top = self._inside(path, (self.writable,), "write", "--output")
        parts = place.relative_to(top).parts
        if len(parts) > MAX_DEPTH:
            raise ImageError(
                tr("{path!r:.200} is more than {most} folders deep.", path=path, most=MAX_DEPTH)
            )
        for part in parts:
            if length(part) > MAX_NAME:
                raise ImageError(
                    tr(
                        "{path!r:.200} has a name of {size} bytes; {most} is the most.",
                        path=path,
                        size=length(part),
                        most=MAX_NAME,
                    )
                )
        self._check_takes_files(place)
        return self.name(place)

    def _check_takes_files(self, place: Path) -> None:
        """Raise ImageError where no file can be written, as far as two questions can tell."""
        folder = place.parent
        while not os.path.exists(folder):  # noqa: PTH110 - Path's raises where it may not look
            folder = folder.parent
        if not folder.is_dir():
            why = tr("{folder} is no folder", folder=folder)
            raise ImageError(cannot(self.name(place), "written", why))
        effective = os.access in os.supports_effective_ids
        if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
            why = tr("this worker has no right to write in {folder}", folder=folder)
            raise ImageError(cannot(self.name(place), "written", why))

    def result_path(self, file_name: str) -> str:
        """Return the path for a result whose task names none: in the writable folder."""
        return self.name(self.writable.resolve() / file_name)

    def open(self, path: object) -> BufferedReader:
        """Open a file to read: a regular one that is not too large; ImageError else.

        NoPhotographs when it is not there, and nothing else either.
        """
        place, top = self._inside(path, self.readable, "read", "--images")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # without it, a FIFO blocks for ever
        with self._folder_of(place, top) as folder:
            handle = os.open(place.name, flags, dir_fd=folder)
            file = open(self.name(place), "rb", opener=lambda *_: handle)  # noqa: SIM115
        about = os.fstat(handle)
        try:
            _check_readable(self.name(place), about)
        except ImageError:
            file.close()
            raise
        return file

    def save(self, path: object, write: Write) -> str:
        """Write a file whole and return its path as results spell it; missing folders are made.

        ImageError for a path outside the writable folder, and for whatever `write` raises.
        """
        name = self.check_writable(path)
        place, top = self._inside(path, (self.writable,), "write", "--output")
        with self._folder_of(place, top, make=True) as folder:
            write_whole(Path(place.name), write, spelled=name, folder=folder)
        return name

    def name(self, path: Path) -> str:
        """A path as tasks and results write it: from the project's folder on, if it is in there."""
        root = self.root.resolve()
        if path.is_relative_to(root):
            path = path.relative_to(root)
        return path.as_posix()  # what Windows submits is read by a worker on Linux

    def _inside(
        self, path: object, allowed: tuple[Path, ...], verb: str, option: str
    ) -> tuple[Path, Path]:
        """The real place of a file, and that of the allowed folder it is in."""
        if not isinstance(path, str) or not path:
            raise ImageError(
                tr(
                    "A path must be a text such as 'images/sample.jpg', not {path!r:.80}.",
                    path=path,
                )
            )
        try:
            place = (self.root / path).resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a loop of links, too long
            raise ImageError(
                tr("{path!r:.200} is no path to a file: {error}.", path=path, error=error)
            ) from None
        if UNFIT.search(f"{path}{place}"):
            raise ImageError(
                tr("{path!r:.200} is no path to a file: it has invisible characters.", path=path)
            )
        folders = [folder.resolve() for folder in allowed]
        for folder in folders:
            if place.is_relative_to(folder):
                return place, folder
        raise ImageError(_outside(path, ", ".join(map(self.name, folders)), verb, option))

    @contextmanager
    def _folder_of(self, place: Path, top: Path, *, make: bool = False) -> Iterator[int]:
        """The folder a file is in, reached from the top step by step, and through no link."""
        try:
            if make:
                top.mkdir(parents=True, exist_ok=True)
            folder = os.open(top, _folder_flags())
            try:
                for part in place.relative_to(top).parts[:-1]:
                    if make:
                        with suppress(FileExistsError):
                            os.mkdir(part, dir_fd=folder)
                    inner = os.open(part, _folder_flags(), dir_fd=folder)
                    os.close(folder)
                    folder = inner
                yield folder
            finally:
                os.close(folder)
        except OSError as error:
            is_a_source = top != self.writable.resolve()
            if error.errno in _GONE and is_a_source:
                self.check_not_bare()
            done = "written" if make else "read"
            raise _folder_error(self.name(place), done, error) from None


def _folder_error(name: str, done: str, error: OSError) -> ImglabError:
    """The error for people when the folder of a file cannot be used."""
    words = ran_out(error)
    if words:
        return ResourceExhausted(cannot(name, done, words))
    return ImageError(cannot(name, done, system_words(str(error.strerror))))


def _check_readable(name: str, about: os.stat_result) -> None:
    """Raise ImageError for what is no regular file, and for one that is too large."""
    if not stat.S_ISREG(about.st_mode):
        raise ImageError(tr("{name} cannot be used: it is no regular file.", name=name))
    check_size(name, about.st_size)


def _outside(path: str, folders: str, verb: str, option: str) -> str:
    """What to say of a file that no allowed folder holds."""
    values = {"path": path, "folders": folders, "option": option}
    if verb == "write":
        return tr(
            "{path!r:.200} is outside the folders this worker may write ({folders}). "
            "Move the file, or start the worker with {option} FOLDER.",
            **values,
        )
    return tr(
        "{path!r:.200} is outside the folders this worker may read ({folders}). "
        "Move the file, or start the worker with {option} FOLDER.",
        **values,
    )


def _has_something(folder: Path) -> bool:
    """Whether there is anything in a folder but what begins with a dot."""
    try:
        with os.scandir(folder) as entries:
            return any(not entry.name.startswith(".") for entry in entries)
    except OSError as error:
        # One that may not be listed says nothing of what is in it.
        return error.errno not in _GONE


def _folder_flags() -> int:
    """How to open a folder without following a link. Windows has no such flags, and no workers.

    O_PATH, where it exists, needs no right to list the folder.
    """
    return os.O_DIRECTORY | os.O_NOFOLLOW | getattr(os, "O_PATH", os.O_RDONLY)
