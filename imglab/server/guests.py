"""Other machines at the project's own Redis: at one address, as one user, with a password."""

from __future__ import annotations

import ipaddress
import os
import shlex
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from imglab.errors import ImglabError
from imglab.extras import need_posix
from imglab.language import tr
from imglab.project import private_folder
from imglab.queues.own_password import own_home
from imglab.server.keeper import GUESTS, make_password, write_privately
from imglab.server.lifecycle import ensure
from imglab.system_words import told

#: In the folder of a server's data: the guests' password, in a file that only its owner can read.
GUEST_PASSWORD = "guest-password"


def open_to(
    address: str,
    user: str,
    rights: Callable[[str], Iterable[str]],
    home: Path | None = None,
) -> str:
    """Let other machines use the project's own Redis as `user`; return the URL for them.

    It listens at this address of this machine beside its own 127.0.0.1, and stays until `stop`.
    `rights` gives for a password what follows ACL SETUSER and the name. The password is made once,
    and stays the same when the server is stopped and started again.

    ImglabError for what is no address of this machine, or while IMGLAB_REDIS_URL names another
    Redis; QueueUnavailable as for `ensure`.
    """
    need_posix()
    _check_own_is_meant()
    _check_address(address)
    home = (home or own_home()).resolve()
    try:
        private_folder(home)
        password = make_password(home, GUEST_PASSWORD)
        words = shlex.join(["user", user, *rights(password)])
        write_privately(home / GUESTS, words)
    except OSError as error:
        raise ImglabError(
            tr("The folder {home} cannot be used: {error}.", home=home, error=told(error))
        ) from error
    here = ensure(home, address)
    return f"redis://{user}:{password}@{_in_url(address)}:{here.port}"


def _check_own_is_meant() -> None:
    if os.environ.get("IMGLAB_REDIS_URL"):
        raise ImglabError(
            tr(
                "IMGLAB_REDIS_URL names another Redis than the project's own: `unset "
                "IMGLAB_REDIS_URL` first. Who runs that one opens it to other machines."
            )
        )


def _check_address(address: str) -> None:
    """Refuse what other machines cannot reach, and an address that stands for all of them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        raise ImglabError(
            tr(
                "{address!r:.80} is not the address of a machine, such as 192.168.1.10; {own}",
                address=address,
                own=_OWN,
            )
        ) from None
    if found.is_unspecified or found.is_loopback or found.is_link_local:
        raise ImglabError(
            tr(
                "{address} is not an address under which other machines reach this one; {own}",
                address=address,
                own=_OWN,
            )
        )
    if not _is_ours(address):
        raise ImglabError(
            tr("{address} is not an address of this machine; {own}", address=address, own=_OWN)
        )


_OWN = tr("`ip address` (on a Mac `ifconfig`) lists those of this machine.")


def _is_ours(address: str) -> bool:
    family = socket.AF_INET
    if ":" in address:
        family = socket.AF_INET6
    with suppress(OSError), socket.socket(family) as probe:
        probe.bind((address, 0))
        return True
    return False


def _in_url(address: str) -> str:
    if ":" in address:
        return f"[{address}]"
    return address
