"""Addresses of pictures in stores: what is one, and what is refused before any store hears of it.

Stores, and the libraries that speak to them, read odd addresses each in a way of its own: one takes
`..` for a folder up, another decodes `%2e`, a third sends a password along. So an address is taken
only if it can be read in one way: scheme, host, and parts that are names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from imglab.errors import ImageError
from imglab.language import tr
from imglab.storage.folders import UNFIT
from imglab.storage.names import length

#: The longest key that S3 takes, in bytes; the others take no less.
MAX_KEY = 1024
#: The highest port of a machine.
MAX_PORT = 65535
#: How an address begins.
_BEGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
#: The schemes whose address may name a user, for no environment does.
_WITH_USER = ("sftp", "ssh")
#: A host, or a bucket.
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
#: What has another meaning in an address than in a name.
_MARKS = {
    "?": tr("a query (?)"),
    "#": tr("a fragment (#)"),
    "%": tr("a percent sign, which may stand for another letter"),
    "\\": tr("a backslash"),
}


@dataclass(frozen=True)
class Url:
    """An address that can be read in one way only."""

    scheme: str
    #: The bucket, or the machine with its port.
    host: str
    #: The names behind it; none of them is empty, `.` or `..`.
    parts: tuple[str, ...]

    @property
    def root(self) -> str:
        """The store that it is in."""
        return f"{self.scheme}://{self.host}"

    @property
    def key(self) -> str:
        """Where it is in the store."""
        return "/".join(self.parts)

    @property
    def text(self) -> str:
        """The address, as results spell it."""
        return f"{self.root}/{self.key}"

    @property
    def folder_text(self) -> str:
        """The address of a folder: with one `/` at its end."""
        return f"{self.text.rstrip('/')}/"

    def is_in(self, folder: Url) -> bool:
        """Whether it lies below a folder: by whole names, so `photos` does not hold `photos-2`."""
        depth = len(folder.parts)
        return self.root == folder.root and self.parts[:depth] == folder.parts

    def below(self, *names: str) -> Url:
        """The address of something below this folder."""
        return Url(self.scheme, self.host, (*self.parts, *names))

    def folder(self) -> Url:
        """The address of the folder it is in."""
        return Url(self.scheme, self.host, self.parts[:-1])


def is_url(path: object) -> bool:
    """Whether a path is meant for a store: it begins with a scheme."""
    return isinstance(path, str) and "://" in path and _BEGIN.match(path) is not None


def parse(text: str) -> Url:
    """The address of one file; ImageError, in words that repeat no secret, for one of none."""
    url = parse_folder(text)
    if not url.parts or text.endswith("/"):
        raise ImageError(
            tr("{url} is the address of a folder; a picture needs a name.", url=harmless(text))
        )
    if length(url.key) > MAX_KEY:
        raise ImageError(
            tr("{url} has a key of more than {most:,} bytes.", url=harmless(text), most=MAX_KEY)
        )
    return url


def parse_folder(text: str) -> Url:
    """The address of a folder or a file; ImageError, in words that repeat no secret, for none."""
    begin = _BEGIN.match(text)
    if begin is None or UNFIT.search(text):
        raise ImageError(
            tr("{url} is no address such as s3://BUCKET/FOLDER/photo.jpg.", url=harmless(text))
        )
    rest = text[begin.end() :]
    for mark, words in _MARKS.items():
        if mark in rest:
            raise _refused(text, tr("an address may not have {mark}", mark=words))
    host, _, path = rest.partition("/")
    scheme = begin[1]
    if scheme != scheme.lower():
        raise _refused(text, tr("write {scheme}:// in small letters", scheme=scheme.lower()))
    _check_host(text, scheme, host)
    names = path.removesuffix("/").split("/")
    if path in ("", "/"):
        names = []
    for name in names:
        if name in ("", ".", ".."):
            raise _refused(text, tr("one of its parts is {name!r}", name=name))
    return Url(scheme, host, tuple(names))


def _check_host(text: str, scheme: str, host: str) -> None:
    user, at, machine = host.rpartition("@")
    if ":" in user or (at and scheme not in _WITH_USER):
        raise _refused(
            text,
            tr(
                "no address may hold a user or a password. Give them to the worker, in its "
                "environment"
            ),
        )
    if at and not _USER.fullmatch(user):
        raise _refused(text, tr("its user has odd letters"))
    if not _HOST.fullmatch(machine):
        raise _refused(text, tr("its bucket or host has odd letters"))
    _, _, port = machine.partition(":")
    if port and not 0 < int(port) <= MAX_PORT:
        raise _refused(text, tr("its port is none: the highest is {most}", most=MAX_PORT))


def _refused(text: str, why: str) -> ImageError:
    return ImageError(tr("{url} is refused: {why}.", url=harmless(text), why=why))


def harmless(text: str) -> str:
    """An address for people, without what may be a secret: user, password, query and fragment."""
    scheme = _BEGIN.match(text)
    if scheme is None:
        return repr(_without_secrets(text)[:100])
    return repr(f"{scheme[0]}{_without_secrets(text[scheme.end() :])}"[:200])


def _without_secrets(rest: str) -> str:
    """What stands behind user and password, and in front of a query; "" where nobody can tell."""
    bare = re.split(r"[?#]", rest, maxsplit=1)[0]
    # A password may have these marks too: then all that was cut off begins in the middle of it.
    if "@" in rest[len(bare) :]:
        return ""
    # Behind the last @ of all: a password may have a slash, which only looks like the host's end.
    return bare.rpartition("@")[2]
