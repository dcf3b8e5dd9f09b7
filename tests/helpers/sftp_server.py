"""A program: an sftp server on 127.0.0.1 that shows one folder, for whoever has the one key."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

import asyncssh

#: A folder of this name nobody may list, not even root, whom no mode keeps out.
LOCKED = b"locked"


class Server(asyncssh.SFTPServer):
    """One that lists no folder which is called `locked`."""

    def scandir(self, path: bytes):
        """The entries of a folder."""
        if path.rstrip(b"/").endswith(b"/" + LOCKED):
            raise asyncssh.SFTPPermissionDenied("locked")
        return super().scandir(path)


async def serve(port: int, keys: Path, shown: Path) -> None:
    await asyncssh.listen(
        "127.0.0.1",
        port,
        server_host_keys=[str(keys / "host_key")],
        authorized_client_keys=str(keys / "authorized"),
        sftp_factory=partial(Server, chroot=str(shown).encode()),
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
