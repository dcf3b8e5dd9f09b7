"""Which library speaks to a store: the only place that chooses one."""

from __future__ import annotations

from imglab.extras import need
from imglab.storage.objects import SCHEMES, Objects
from imglab.storage.remote import Remote, check_scheme
from imglab.storage.stores import Store


def open_store(scheme: str, host: str) -> Store:
    """Open a store, in the process that uses it; NotInstalled, with the line, without its extra."""
    need_for(scheme)
    if scheme in SCHEMES:
        return Objects(scheme, host)
    return Remote(scheme, host)


def need_for(scheme: str) -> None:
    """Raise NotInstalled, with the line to type, where the library for this scheme is missing.

    ImageError for the scheme of no store.
    """
    if scheme in SCHEMES:
        need("s3", "obstore")
    else:
        need("sftp", "fsspec", "sshfs")
        check_scheme(scheme)
