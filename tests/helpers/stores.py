"""Plugin: real servers of pictures, each a process on 127.0.0.1: S3 (moto), a web server, sftp."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from helpers.clock import until
from helpers.project import ROOT
from helpers.server import free_port

#: How long a server may take until it answers, in seconds.
START_S = 60
#: What a secret looks like that must never be shown.
SECRET = "kz8-never-to-be-shown"
MOTO = "import sys; from moto.server import main; main(sys.argv[1:])"
SFTP = Path(__file__).parent / "sftp_server.py"


@dataclass
class Machine:
    """A server, and the folder that it shows, if it has one."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass
class Bucket:
    """A bucket that no other test has."""

    name: str
    endpoint: str

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    @property
    def environment(self) -> dict[str, str]:
        """What a worker's environment says of it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "a-key",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    def store(self):
        """The bucket by obstore's own hand: for what a test puts there, or looks at."""
        from obstore.store import S3Store

        return S3Store(
            self.name,
            endpoint=self.endpoint,
            access_key_id="a-key",
            secret_access_key=SECRET,
            region="us-east-1",
            client_options={"allow_http": True},
        )

    def put(self, key: str, data: bytes) -> None:
        self.store().put(key, data)

    def get(self, key: str) -> bytes:
        return bytes(self.store().get(key).bytes())

    def names(self) -> list[str]:
        return sorted(each["path"] for page in self.store().list() for each in page)


@contextmanager
def serving(folder: Path, port: int, *command: str, shown: Path | None = None) -> Iterator[Machine]:
    """A server in a process of its own, from its first answer on until it is ended."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([sys.executable, *command], stdout=log, stderr=log, cwd=folder)
    machine = Machine(process, port, shown or folder)
    try:
        until(lambda: _answers(port) or process.poll() is not None, START_S)
        assert process.poll() is None, (folder / "log").read_text()
        yield machine
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def new_bucket(endpoint: str) -> Bucket:
    bucket = Bucket(f"test-{secrets.token_hex(6)}", endpoint)
    make_bucket(bucket)
    return bucket


def make_bucket(bucket: Bucket) -> None:
    """Make it: nothing of ours and nothing of obstore's does."""
    asked = urllib.request.Request(f"{bucket.endpoint}/{bucket.name}", method="PUT")
    with urllib.request.urlopen(asked):
        pass


@contextmanager
def running_moto(folder: Path, port: int | None = None) -> Iterator[Machine]:
    """A server that speaks S3, empty at its start; on a port of its own unless one is named."""
    if port is None:
        port = free_port()
    with serving(folder, port, "-c", MOTO, "-H", "127.0.0.1", "-p", str(port)) as machine:
        yield machine


@contextmanager
def running_sftp(folder: Path, port: int | None = None) -> Iterator[Machine]:
    """An sftp server; `folder/home` is the home of whoever may come in.

    With its port named, it is one that ran there before, started again.
    """
    shown = folder / "shown"
    if port is None:
        port = free_port()
        shown.mkdir()
        _make_keys(folder, port)
    words = (str(SFTP), str(port), str(folder), str(shown))
    with serving(folder, port, *words, shown=shown) as machine:
        yield machine


def _make_keys(folder: Path, port: int) -> None:
    import asyncssh  # it takes half a second, and few tests need it

    home = folder / "home" / ".ssh"
    home.mkdir(parents=True)
    own = asyncssh.generate_private_key("ssh-ed25519")
    host = asyncssh.generate_private_key("ssh-ed25519")
    own.write_private_key(str(home / "id_ed25519"))
    host.write_private_key(str(folder / "host_key"))
    (folder / "authorized").write_bytes(own.export_public_key())
    known = f"[127.0.0.1]:{port} ".encode() + host.export_public_key()
    (home / "known_hosts").write_bytes(known)


@pytest.fixture(scope="session")
def moto(tmp_path_factory) -> Iterator[Machine]:
    """A server that speaks S3."""
    with running_moto(tmp_path_factory.mktemp("moto")) as machine:
        yield machine


@pytest.fixture
def bucket(moto, monkeypatch) -> Bucket:
    """An empty bucket; the environment says how it is reached."""
    bucket = new_bucket(moto.endpoint)
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    return bucket


@pytest.fixture(scope="session")
def web(tmp_path_factory) -> Iterator[Machine]:
    """A web server with the project's photographs."""
    folder = tmp_path_factory.mktemp("web")
    shutil.copy(ROOT / "images" / "sample.jpg", folder)
    port = free_port()
    words = ("-m", "http.server", str(port), "--bind", "127.0.0.1")
    with serving(folder, port, *words) as machine:
        yield machine


@pytest.fixture(scope="session")
def sftp_server(tmp_path_factory) -> Iterator[Machine]:
    with running_sftp(tmp_path_factory.mktemp("sftp")) as machine:
        yield machine


@pytest.fixture
def sftp(sftp_server, monkeypatch) -> tuple[str, Path]:
    """The address of an empty folder on an sftp server, and that folder as it lies on the disk."""
    monkeypatch.setenv("HOME", str(sftp_server.folder.parent / "home"))
    name = f"test-{secrets.token_hex(6)}"
    folder = sftp_server.folder / name
    folder.mkdir()
    who = getpass.getuser()
    return f"sftp://{who}@127.0.0.1:{sftp_server.port}/{name}", folder


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that knows nothing of the tests' own stores, and more."""
    bare = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    return {**bare, **more}
