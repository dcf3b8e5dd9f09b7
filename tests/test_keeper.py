"""The files of the project's own server: spoilt, taken, locked by who stands still."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap

import pytest
from helpers.clock import until
from helpers.processes import started
from helpers.server import free_port
from typer.testing import CliRunner

from imglab.cli.server import app
from imglab.errors import QueueUnavailable
from imglab.queues.connection import connect
from imglab.queues.own_password import STATE, read_state
from imglab.server import keeper
from imglab.server import lifecycle as server

SPOILT = {
    "empty": b"",
    "null": b"null",
    "a number": b"7",
    "a list": b"[6379]",
    "cut": b'{"port": 63',
    "no UTF-8": b'{"port": "\xff"}',
    "too deep": b"[" * 100_000,
    "a word for a port": b'{"port": "x", "run_id": "a", "keeper": 9}',
    "true for a port": b'{"port": true, "run_id": "a", "keeper": 9}',
    "no port at all": b'{"port": 65536, "run_id": "a", "keeper": 9}',
    "a number for a run": b'{"port": 6379, "run_id": 1, "keeper": 9}',
    "no keeper": b'{"port": 6379, "run_id": "a"}',
    # A signal to these would reach every process of ours, or our own group.
    "keeper -1": b'{"port": 6379, "run_id": "a", "keeper": -1}',
    "keeper 0": b'{"port": 6379, "run_id": "a", "keeper": 0}',
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A project without a server yet, with a port of its own; gives the server's folder."""
    monkeypatch.setattr(server, "PORT", free_port())
    monkeypatch.setenv("IMGLAB_ROOT", str(tmp_path))
    monkeypatch.setenv("IMGLAB_REDIS_GRACE", "3")
    monkeypatch.delenv("IMGLAB_REDIS_URL", raising=False)
    yield tmp_path / ".imglab" / "redis"
    server.stop()


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT)
def test_what_cannot_be_used_of_a_note_is_no_note(home, spoilt):
    home.mkdir(parents=True)
    (home / STATE).write_bytes(spoilt)
    assert read_state(home) is None
    assert server.status() is None
    assert server.stop() is False


@pytest.mark.parametrize("spoilt", ["empty", "null", "a word for a port"])
def test_a_spoilt_note_of_nobody_hinders_no_start(home, spoilt):
    home.mkdir(parents=True)
    (home / STATE).write_bytes(SPOILT[spoilt])
    here = server.ensure()
    assert (here.started, here.port) == (True, server.PORT)


@pytest.mark.parametrize("spoilt", ["empty", "null", "a word for a port", "keeper -1"])
def test_a_spoilt_note_of_a_running_server_is_mended_by_its_keeper(home, spoilt):
    before = server.ensure()
    with connect(before.host, before.port) as client:
        client.set("kept", "yes")
        (home / STATE).write_bytes(SPOILT[spoilt])
        here = server.ensure()
        assert (here.started, here.port) == (False, before.port)
        assert client.get("kept") == "yes"
    assert server.stop()


@pytest.mark.parametrize("name", [".imglab", ".imglab/redis", ".imglab/redis/server.json"])
def test_a_file_or_folder_that_is_in_the_way_is_named(home, name):
    in_the_way = home.parent.parent / name
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(STATE):
        in_the_way.mkdir()
    else:
        in_the_way.write_text("mine")
    with pytest.raises(QueueUnavailable, match=re.escape(name)):
        server.ensure()
    assert server.status() is None
    assert server.stop() is False
    said = CliRunner().invoke(app, ["server", "status"])
    assert (said.exit_code, said.output) == (1, "No Redis of this project runs.\n")


@pytest.fixture
def sleeper(home):
    """A process that takes the lock, and stands still with it."""
    home.mkdir(parents=True)
    code = f"""
        import os, signal
        from pathlib import Path
        from imglab.server.keeper import locked
        with locked(Path({str(home / "lock")!r})):
            print("mine", flush=True)
            os.kill(os.getpid(), signal.SIGSTOP)
        """
    words = [sys.executable, "-c", textwrap.dedent(code)]
    with started(*words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "mine\n"
        os.waitpid(process.pid, os.WUNTRACED)  # it stands still
        yield process


def test_who_waits_for_a_lock_says_whom_for_and_goes_on(home, sleeper, monkeypatch, caplog):
    assert keeper.PATIENCE == 5
    monkeypatch.setattr(keeper, "PATIENCE", 0.2)

    def wake(record):
        os.kill(sleeper.pid, signal.SIGCONT)
        return True

    monkeypatch.setattr(keeper.logger, "filters", [wake])
    assert server.ensure().started
    assert caplog.messages == [f"Waiting for process {sleeper.pid}, which holds {home / 'lock'}."]


@pytest.mark.parametrize("act", [server.ensure, server.stop])
def test_nobody_waits_for_ever(home, sleeper, monkeypatch, act):
    monkeypatch.setattr(keeper, "PATIENCE", 0.1)
    monkeypatch.setattr(keeper, "LOCK_TIMEOUT", 0.3)
    with pytest.raises(QueueUnavailable, match=f"kill -CONT {sleeper.pid}"):
        act()
    os.kill(sleeper.pid, signal.SIGCONT)
    sleeper.wait(10)
    act()


def test_a_keeper_that_stands_still_is_named(home, monkeypatch):
    server.ensure()
    pid = read_state(home).keeper
    os.kill(pid, signal.SIGSTOP)
    try:
        with monkeypatch.context() as briefly:
            briefly.setattr(server, "START_TIMEOUT", 0.5)
            with pytest.raises(QueueUnavailable, match=f"process {pid} keeps it"):
                server.stop()
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: server.status() is None)


def test_a_port_taken_by_a_silent_program_is_not_waited_for(home):
    with socket.create_server(("127.0.0.1", server.PORT)):
        assert server.ensure().port != server.PORT
