"""A program: an sftp server on 127.0.0.1 that shows one folder, for whoever has the one key."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

import asyncssh


async def serve(port: int, keys: Path, shown: Path) -> None:
    await asyncssh.listen(
        "127.0.0.1",
        port,
        server_host_keys=[str(keys / "host_key")],
        authorized_client_keys=str(keys / "authorized"),
        sftp_factory=partial(asyncssh.SFTPServer, chroot=str(shown).encode()),
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
