"""Object stores and web servers: s3://, gs://, az://, http:// and https://, through obstore.

Credentials are found by obstore, in the environment (AWS_ACCESS_KEY_ID and the like). Its own texts
are never passed on: they repeat addresses, and an address may hold a signature.
"""

from __future__ import annotations

import mimetypes
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from imglab.errors import ImageError, ImglabError, StoreUnavailable
from imglab.language import tr
from imglab.storage.cannot import cannot
from imglab.storage.stores import Changed, Version, timeout_s
from imglab.storage.urls import Url

if TYPE_CHECKING:
    from obstore.store import ObjectStore

#: The schemes of web servers, which are only read.
WEB = ("http", "https")
SCHEMES = ("s3", "gs", "az", *WEB)
#: The longest wait for a connection, in seconds.
CONNECT_S = 5
#: How often a request is repeated before the task is tried again later.
RETRIES = 2
#: What a result in a store is marked with: when its work began, by its worker's clock. Letters
#: alone: Azure takes no hyphen here, and some servers drop what has an underscore.
BEGAN = "imglabbegan"
#: How much of a body is taken at a time, in bytes.
CHUNK = 4 << 20
#: How many names a store is asked for at a time: as many as S3 gives.
PAGE = 1000
_NO_BUCKET = tr("there is no such bucket")
#: What object_store says → what a person should know. The first that fits is said.
_REASONS = (
    (
        r"169\.254\.169\.254|metadata\.google",
        tr("no credentials were found in the environment of this worker"),
    ),
    ("<Code>NoSuchBucket|<Code>ContainerNotFound", _NO_BUCKET),
    ("kind: Timeout", tr("it took longer than its time limit")),
    ("dns error", tr("its host has no address")),
    ("ConnectionRefused", tr("nobody answers there")),
    ("kind: (Connect|Request)", tr("it cannot be reached, or it hung up")),
    ("kind: (Interrupted|Body|Decode)", tr("the connection was lost in the middle")),
)
#: Reasons that trying again does not mend.
_FINAL = (_NO_BUCKET,)
#: The process that used obstore first; a list, so that it is one for the whole module.
_used_by: list[int] = []


class Objects:
    """One bucket, container or web server, opened in the process that uses it."""

    def __init__(self, scheme: str, host: str, store: ObjectStore | None = None) -> None:
        if store is None:
            store = _open(scheme, host)
        self.is_atomic = scheme not in WEB
        self._store: Any = store

    def read(self, url: Url) -> tuple[Version, Iterator[bytes]]:
        """The version of a file, before any of its content, and then that, piece by piece."""
        import obstore  # noqa: PLC0415 - an extra

        with _in_words(url, "read"):
            answer = obstore.get(self._store, url.key)
            return _version(answer.meta), _pieces(url, answer)

    def version(self, url: Url) -> Version | None:
        """The version that is there; None for no file."""
        import obstore  # noqa: PLC0415

        with _in_words(url, "read"):
            try:
                return _version(obstore.head(self._store, url.key))
            except FileNotFoundError:
                return None

    def check_can_write(self, url: Url) -> None:
        """Raise ImageError for a web server."""
        if url.scheme in WEB:
            raise ImageError(cannot(url.text, "written", tr("a web server is only read")))

    def begin(self, url: Url) -> int:
        """When the work began, in nanoseconds: what a later try wrote tells a later time."""
        return time.time_ns()

    def write(self, url: Url, file: BinaryIO, begun: int) -> None:
        """Put a file there in one request, marked with when its work began.

        Where there is a file already, it takes two more: a look, and a request that replaces just
        what was seen. Changed when that one's work began later.
        """
        import obstore  # noqa: PLC0415
        from obstore.exceptions import AlreadyExistsError, PreconditionError  # noqa: PLC0415

        data = file.read()
        attributes: dict[str, str] = {BEGAN: str(begun)}
        kind, _ = mimetypes.guess_type(url.key)
        if kind is not None:
            attributes["Content-Type"] = kind
        # One request each: a file in parts would leave some behind, and have no condition.
        put = partial(
            obstore.put, self._store, url.key, data, attributes=attributes, use_multipart=False
        )
        with _in_words(url, "written"):
            try:
                put(mode="create")
            except AlreadyExistsError:
                try:
                    put(mode=self._condition(url, begun))
                except PreconditionError:
                    raise Changed from None
            except Exception as error:
                if not _knows_no_condition(error):
                    raise
                put(mode="overwrite")

    def _condition(self, url: Url, begun: int) -> Any:
        """What a file is to replace: the very version that is there, if its work began before.

        Whoever may write and not read replaces what there is.
        """
        import obstore  # noqa: PLC0415
        from obstore.exceptions import PermissionDeniedError  # noqa: PLC0415

        try:
            there = obstore.get(self._store, url.key)
        except FileNotFoundError:
            raise Changed from None
        except PermissionDeniedError:
            return "overwrite"
        began = str(there.attributes.get(BEGAN, ""))
        if began.isdecimal() and int(began) > begun:
            raise Changed
        condition = {"e_tag": there.meta["e_tag"]}
        if there.meta["version"] is not None:
            condition["version"] = there.meta["version"]
        return condition

    def walk(self, folder: Url) -> Iterator[tuple[str, Version | None]]:
        """The key of each file below a folder, and its version, page by page."""
        import obstore  # noqa: PLC0415

        if folder.scheme in WEB:
            raise ImageError(
                tr(
                    "{url} cannot be listed: a web server has no list. Give the addresses on "
                    "standard input: imglab submit - --batch NAME",
                    url=folder.text,
                )
            )
        with _in_words(folder, "listed"):
            pages = obstore.list(self._store, folder.key or None, chunk_size=PAGE)
            for page in pages:
                for each in page:
                    yield each["path"], _version(each)


def _check_process() -> None:
    """Raise StoreUnavailable in a fork of a process that used obstore: it would wait for ever.

    The threads that speak to all stores of a process are not there in its fork, and a store that is
    opened anew is given the same threads.
    """
    if not _used_by:
        _used_by.append(os.getpid())
    if _used_by[0] != os.getpid():
        raise StoreUnavailable(
            tr(
                "This process is a fork of one that has used stores, and they do not work after a "
                "fork: fork before, or start a process anew (multiprocessing has `spawn` for it)."
            )
        )


def _open(scheme: str, host: str) -> ObjectStore:
    from obstore import store as kinds  # noqa: PLC0415

    seconds = timeout_s()
    options: Any = {
        "timeout": timedelta(seconds=seconds),
        "connect_timeout": timedelta(seconds=min(seconds, CONNECT_S)),
        "allow_http": _allows_http(scheme),
    }
    retries: Any = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=seconds)}
    try:
        match scheme:
            case "s3":
                return kinds.S3Store(host, client_options=options, retry_config=retries)
            case "gs":
                return kinds.GCSStore(host, client_options=options, retry_config=retries)
            case "az":
                return kinds.AzureStore(host, client_options=options, retry_config=retries)
        return kinds.HTTPStore(f"{scheme}://{host}", client_options=options, retry_config=retries)
    except Exception as error:  # noqa: BLE001 - obstore's own text may hold a secret
        raise ImageError(
            tr(
                "{root} cannot be opened ({kind}): look at the credentials in the environment of "
                "this worker.",
                root=f"{scheme}://{host}",
                kind=type(error).__name__,
            )
        ) from None


def _allows_http(scheme: str) -> bool:
    """Whether nothing is encrypted: only where whoever set the worker up wrote http://."""
    if scheme == "http":
        return True
    names = ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AZURE_STORAGE_ENDPOINT")
    return any(os.environ.get(name, "").startswith("http://") for name in names)


def _version(meta: Any) -> Version:
    mark = meta.get("e_tag")
    if not mark:
        mark = meta["last_modified"].isoformat()
    return Version(meta["size"], mark)


def _pieces(url: Url, answer: Any) -> Iterator[bytes]:
    with _in_words(url, "read"):
        yield from answer.stream(min_chunk_size=CHUNK)


def _knows_no_condition(error: Exception) -> bool:
    """Whether a store refused a request for its condition: some that speak S3 know none."""
    return isinstance(error, NotImplementedError) or "status code: 501" in str(error)


@contextmanager
def _in_words(url: Url, done: str) -> Iterator[None]:
    """Turn what obstore raises into an error of ours, in words of ours."""
    _check_process()
    try:
        yield
    except (ImglabError, Changed, GeneratorExit, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - obstore raises classes of its own and built-in ones
        raise _error(url, done, error) from None


def _error(url: Url, done: str, error: Exception) -> ImglabError:
    kind = type(error).__name__
    if kind in ("PermissionDeniedError", "UnauthenticatedError", "PermissionError"):
        why = tr("this worker has no rights there ({root})", root=url.root)
        return ImageError(cannot(url.text, done, why))
    reason = _reason(str(error))
    if isinstance(error, FileNotFoundError) and reason not in _FINAL:
        return ImageError(cannot(url.text, done, tr("it is not there")))
    if reason in _FINAL:
        return ImageError(cannot(url.text, done, f"{reason} ({url.root})"))
    if isinstance(error, ValueError | TypeError):
        return ImageError(cannot(url.text, done, tr("its store does not take such a name")))
    return StoreUnavailable(cannot(url.text, done, f"{reason or kind} ({url.root})"))


def _reason(text: str) -> str:
    """What went wrong, in words of ours; "" where the text tells nothing that we know."""
    status = re.search(r"status code: (\d{3})", text)
    for pattern, words in _REASONS:
        if status and words not in _FINAL:
            continue
        if re.search(pattern, text):
            return words
    if status:
        return tr("its store answers with the code {code}", code=status[1])
    return ""
