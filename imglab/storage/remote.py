"""Whatever else fsspec speaks to, such as sftp://: a name for the time of writing, then a rename.

Credentials are found where each library looks for them: for sftp in ~/.ssh, as `ssh` does.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from imglab.errors import ImageError, ImglabError, StoreUnavailable
from imglab.language import tr
from imglab.storage.cannot import cannot
from imglab.storage.stores import Changed, Version, timeout_s
from imglab.storage.urls import Url

#: How much is read or written at a time, in bytes.
CHUNK = 1 << 20
#: After so many seconds of silence the other side is asked whether it is there, so many times.
ALIVE_S = 5
ALIVE_TIMES = 3
#: Classes of asyncssh, by their names: it is an extra.
_UNKNOWN_SERVER = ("HostKeyNotVerifiable", "KeyExchangeFailed")
_NO_RIGHTS = ("PermissionDenied", "SFTPPermissionDenied")
#: What reaches this machine, or a program: none of it is a store.
_NO_STORES = (
    *("file", "local", "asynclocal", "memory", "data", "cached", "blockcache", "dir", "reference"),
    # These read a file of this machine.
    *("zip", "tar", "libarchive", "git"),
)
#: What is reached by sshfs.
_SSH = ("sftp", "ssh")


class Remote:
    """One machine, connected in the process that uses it."""

    is_atomic = False

    def __init__(self, scheme: str, host: str) -> None:
        check_scheme(scheme)
        with _in_words(Url(scheme, host, ()), "reached"):
            self._files: Any = _connect(scheme, host)

    def read(self, url: Url) -> tuple[Version, Iterator[bytes]]:
        """The version of a file, before any of its content, and then that, piece by piece."""
        version = self.version(url)
        if version is None:
            raise ImageError(cannot(url.text, "read", tr("it is not there")))
        return version, self._pieces(url)

    def _pieces(self, url: Url) -> Iterator[bytes]:
        with _in_words(url, "read"), self._files.open(_place(url), "rb") as file:
            while piece := file.read(CHUNK):
                yield piece

    def version(self, url: Url) -> Version | None:
        """The version that is there; None for no file. ImageError for a folder."""
        with _in_words(url, "read"):
            try:
                about = self._files.info(_place(url))
            except FileNotFoundError:
                return None
            if about["type"] != "file":
                raise ImageError(tr("{name} cannot be used: it is no regular file.", name=url.text))
            return _version(about)

    def check_can_write(self, url: Url) -> None:
        """Return: which of them take no files is only known by trying."""

    def begin(self, url: Url) -> Version | None:
        """The version that is there before the work."""
        return self.version(url)

    def write(self, url: Url, file: BinaryIO, begun: Version | None) -> None:
        """Write under another name, look whether all is as it was, and rename.

        Between that look and the rename somebody else may rename: nobody offers more here.
        """
        place = _place(url)
        temporary = _place(url.folder().below(f".{uuid.uuid4().hex}.tmp"))
        is_there = False
        with _in_words(url, "written"):
            self._files.makedirs(_place(url.folder()), exist_ok=True)
            try:
                file.seek(0)
                with self._files.open(temporary, "wb") as target:
                    is_there = True
                    while piece := file.read(CHUNK):
                        target.write(piece)
                if self.version(url) != begun:
                    raise Changed
                self._files.mv(temporary, place)
                is_there = False
            finally:
                if is_there:
                    with suppress(Exception):  # what cannot be removed does not hide the reason
                        self._files.rm_file(temporary)

    def walk(self, folder: Url) -> Iterator[tuple[str, Version | None]]:
        """The key of each file below a folder, and its version, folder by folder.

        The key and None for a folder below it that nobody here may list, or that is gone.
        """
        top = _place(folder)
        waiting = [top]
        while waiting:
            place = waiting.pop()
            try:
                with _in_words(folder, "listed"):
                    entries = self._files.ls(place, detail=True)
            except ImageError:
                if place == top:
                    raise
                yield place.lstrip("/"), None
                continue
            deeper = []
            for about in sorted(entries, key=_name):
                name = _name(about)
                if about["type"] == "directory":
                    deeper.append(name)
                elif about["type"] == "file":
                    yield name.lstrip("/"), _version(about)
            waiting.extend(reversed(deeper))


def check_scheme(scheme: str) -> None:
    """Raise ImageError for what is no store, and for a store that nobody here can speak to."""
    root = f"{scheme}://"
    if scheme in _NO_STORES or "cache" in scheme:
        raise ImageError(
            tr("{root} is no store; a path on this machine is written bare.", root=root)
        )
    if scheme in _SSH:
        return
    from fsspec import get_filesystem_class  # noqa: PLC0415 - an extra

    try:
        get_filesystem_class(scheme)
    except (ValueError, ImportError):  # a name that it does not know, a library that is not here
        raise _no_store(scheme) from None


def _no_store(scheme: str) -> ImageError:
    return ImageError(
        tr(
            "{root} is no store that imglab knows. It knows s3://, gs://, az://, http://, "
            "https://, sftp://, and what fsspec has a library for on this machine.",
            root=f"{scheme}://",
        )
    )


def _connect(scheme: str, host: str) -> Any:
    if scheme not in _SSH:
        from fsspec.core import url_to_fs  # noqa: PLC0415

        try:
            files, _ = url_to_fs(f"{scheme}://{host}/", skip_instance_cache=True)
        except (TypeError, ValueError, ImportError):  # it wants more than an address
            raise _no_store(scheme) from None
        return files
    from sshfs import SSHFileSystem  # noqa: PLC0415

    user, _, machine = host.rpartition("@")
    name, _, port = machine.partition(":")
    options: dict[str, Any] = {}
    if user:
        options["username"] = user
    if port:
        options["port"] = int(port)
    return SSHFileSystem(
        name,
        # sshfs would believe every server; this is the list of those that `ssh` knows.
        known_hosts=(),
        login_timeout=timeout_s(),
        connect_timeout=timeout_s(),
        keepalive_interval=ALIVE_S,
        keepalive_count_max=ALIVE_TIMES,
        # Another process must not find this connection.
        skip_instance_cache=True,
        **options,
    )


def _place(url: Url) -> str:
    return f"/{url.key}"


def _name(about: dict[str, Any]) -> str:
    return str(about["name"])


def _version(about: dict[str, Any]) -> Version:
    changed = about.get("mtime") or about.get("modify") or about.get("LastModified") or ""
    return Version(int(about["size"]), str(changed))


@contextmanager
def _in_words(url: Url, done: str) -> Iterator[None]:
    """Turn what a library raises into an error of ours; its own text may hold a secret."""
    try:
        yield
    except (ImglabError, Changed, GeneratorExit, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - each library has classes of its own
        raise _error(url, done, error) from None


def _error(url: Url, done: str, error: Exception) -> ImglabError:
    name = url.text.rstrip("/")
    kind = type(error).__name__
    if isinstance(error, FileNotFoundError):
        return ImageError(cannot(name, done, tr("it is not there")))
    if kind in _UNKNOWN_SERVER:
        why = tr(
            "nobody here knows its server's key. Look at it with `ssh` once, as the user who runs "
            "this worker"
        )
        return ImageError(cannot(name, done, why))
    if isinstance(error, PermissionError) or kind in _NO_RIGHTS:
        why = tr("this worker has no rights there ({root})", root=url.root)
        return ImageError(cannot(name, done, why))
    return StoreUnavailable(cannot(name, done, f"{_passing(error)} ({url.root})"))


def _passing(error: Exception) -> str:
    """What went wrong, and may be over by the next try."""
    kind = type(error).__name__
    if isinstance(error, ConnectionRefusedError):
        return tr("nobody answers there")
    if isinstance(error, TimeoutError):
        return tr("it took longer than its time limit")
    if isinstance(error, ConnectionError | EOFError) or "Connection" in kind or "Closed" in kind:
        return tr("the connection was lost in the middle")
    return kind
