"""The own Redis' password: found by whoever may, told to nobody else; a second user, real spies."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import redis
from helpers.clock import until
from helpers.processes import is_alive, started
from helpers.project import make_project
from helpers.server import free_port, new_namespace
from typer.testing import CliRunner

from imglab.cli import load_app
from imglab.errors import QueueUnavailable
from imglab.project import private_folder, project_home
from imglab.queues import RedisTaskQueue
from imglab.queues.connection import connect
from imglab.queues.own_password import PASSWORD, read_password, read_state
from imglab.server import find_binary
from imglab.server import lifecycle as server
from imglab.server.keeper import ask

#: The user called nobody.
NOBODY = 65534


@pytest.fixture
def open_project(monkeypatch):
    """A project that every user can look into, with no server yet and a port of its own."""
    with tempfile.TemporaryDirectory(prefix="imglab-project-", dir="/tmp") as folder:
        root = Path(folder)
        root.chmod(0o755)
        make_project(root)
        monkeypatch.chdir(root)
        monkeypatch.setenv("IMGLAB_ROOT", str(root))
        monkeypatch.setenv("IMGLAB_REDIS_GRACE", "60")
        for name in ("IMGLAB_REDIS_URL", "IMGLAB_REDIS_HOMES", "REDISCLI_AUTH"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(server, "PORT", free_port())
        yield root
        monkeypatch.delenv("IMGLAB_REDIS_URL", raising=False)
        server.stop()


def home() -> Path:
    return project_home() / "redis"


def kept() -> psutil.Process:
    return psutil.Process(read_state(home()).keeper)


def python(code: str, **options) -> str:
    """What another Python prints; it has to end well."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def listening(address: str, port: int, family: socket.AddressFamily) -> socket.socket | None:
    """A socket that listens; None while the threads of a killed server still hold the port."""
    try:
        return socket.create_server((address, port), family=family)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return None


@contextmanager
def spy(address: str, port: int):
    """Somebody else's program at a port: it says OK to everything, and keeps what it was told."""
    heard = bytearray()

    def listen(caller: socket.socket) -> None:
        with suppress(OSError), caller:
            while words := caller.recv(4096):
                heard.extend(words)
                caller.sendall(b"+OK\r\n" * words.count(b"*"))

    def accept() -> None:
        with suppress(OSError):
            while True:
                caller, _ = listener.accept()
                threading.Thread(target=listen, args=[caller], daemon=True).start()

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with until(lambda: listening(address, port, family)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield heard
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


# Another user


def test_another_user_reads_nothing_and_cannot_use_the_server(open_project):
    if os.getuid():
        assert not os.environ.get("CI"), "CI is root, who can be another user"
        pytest.skip("only root can be another user")
    before = os.umask(0)
    try:
        for folder in (".imglab", ".imglab/redis", ".imglab/logs"):
            (open_project / folder).mkdir()  # as an older version left them, open for all
        (open_project / ".imglab/redis/redis.log").touch()
        here = server.ensure()
        private_folder(open_project / ".imglab" / "logs")
    finally:
        os.umask(before)
    for folder in (".imglab", ".imglab/redis", ".imglab/logs"):
        assert stat.S_IMODE((open_project / folder).stat().st_mode) == 0o700
    assert stat.S_IMODE(here.password_file.stat().st_mode) == 0o600
    files = [str(file) for file in open_project.rglob("*") if ".imglab" in file.parts]
    assert str(here.password_file) in files
    told = python(
        f"""
        import json, os, socket
        from imglab.errors import QueueUnavailable
        from imglab.queues import RedisTaskQueue
        from imglab.server import status
        # What is imported late may be where nobody can read it.
        RedisTaskQueue(host="localhost", port={here.port}).close()
        os.setgroups([])
        os.setgid({NOBODY})
        os.setuid({NOBODY})
        assert ".imglab" in os.listdir({str(open_project)!r})
        read = []
        for file in {files}:
            for how in (open, os.listdir, os.stat):
                try:
                    how(file)
                    read.append(file)
                except OSError:
                    pass
        answers = []
        for words in (b"PING", b"KEYS *", b"CONFIG GET requirepass", b"FLUSHALL", b"SHUTDOWN"):
            with socket.create_connection(("127.0.0.1", {here.port})) as visitor:
                visitor.sendall(words + b"\\r\\n")
                answers.append(visitor.recv(100).decode().split()[0])
        try:
            RedisTaskQueue(host="localhost", port={here.port}).get_stats()
        except QueueUnavailable as error:
            answers.append(str(error))
        print(json.dumps([read, answers, status() is None]))
        """
    )
    read, answers, sees_nothing = json.loads(told)
    assert read == [str(open_project / ".imglab")], "it is seen, as in ls, and not looked into"
    assert answers[:-1] == ["-NOAUTH"] * 5
    assert "asks for a password" in answers[-1]
    assert sees_nothing
    assert RedisTaskQueue(host="localhost", port=here.port).get_stats().pending == 0


def test_it_stands_in_no_list_of_processes_and_in_no_log(open_project):
    here = server.ensure()
    word = read_password(home())
    assert len(word) >= 40
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            assert word not in " ".join(process.cmdline())
    for file in home().rglob("*"):
        if file.is_file() and file != here.password_file:
            assert word.encode() not in file.read_bytes()


# Whoever may, finds it


def test_every_way_to_write_the_address_works_without_it(open_project, tmp_path, monkeypatch):
    port = server.ensure().port
    namespace = new_namespace()
    ways = [
        {"host": "localhost", "port": port},
        {"host": "127.0.0.1", "port": port},
        {"url": f"redis://localhost:{port}"},
        {"url": f"redis://127.0.0.1:{port}/0"},
        {"connection": redis.Redis(port=port)},
    ]
    for way in ways:
        with RedisTaskQueue(**way, namespace=namespace) as queue:
            queue.add_task({})
            assert read_password(home()) not in repr(queue) + json.dumps(queue.spec())
            queue.redis.connection_pool.disconnect()
            monkeypatch.chdir(tmp_path)
            monkeypatch.delenv("IMGLAB_ROOT")
            assert queue.get_stats().pending == ways.index(way) + 1
            monkeypatch.setenv("IMGLAB_ROOT", str(open_project))


@pytest.mark.parametrize("root", ["project", "none"])
def test_another_process_finds_it_in_the_project_and_wherever_its_parent_knew_it(
    open_project, tmp_path, monkeypatch, root
):
    port = server.ensure().port
    with RedisTaskQueue(port=port, namespace=new_namespace()) as queue:
        queue.add_task({}, task_id="t1")
        spec = queue.spec()
    folder = tmp_path
    if root == "project":
        monkeypatch.delenv("IMGLAB_REDIS_HOMES")
        folder = open_project / "output"
    monkeypatch.delenv("IMGLAB_ROOT")
    code = f"""
        from imglab.queues import RedisTaskQueue
        print(RedisTaskQueue.from_spec({spec!r}).get_task("worker-1").id)
        """
    assert python(code, cwd=folder) == "t1\n"


def test_the_line_of_status_lets_redis_cli_in(open_project):
    if not shutil.which("redis-cli"):
        assert not os.environ.get("CI"), "redis-cli is missing; .ci/run installs it"
        pytest.skip("no redis-cli here; CI has one")
    port = server.ensure().port
    said = CliRunner().invoke(load_app(), ["server", "status"]).output
    (line,) = [each for each in said.splitlines() if "REDISCLI_AUTH" in each]
    export = line.removeprefix("For redis-cli: ")
    done = subprocess.run(
        ["sh", "-c", f"{export}; redis-cli -p {port} PING; redis-cli -p {port} LLEN nothing"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("PONG\n0\n", "")


def test_jupyterlab_gets_it_for_the_redis_cli_of_its_terminals(open_project, monkeypatch):
    (open_project / "notebooks").mkdir()
    started = []
    monkeypatch.setattr(os, "execv", lambda *command: started.append(command))
    monkeypatch.setenv("REDISCLI_AUTH", "of another server")
    CliRunner().invoke(load_app(), ["lab"], catch_exceptions=False)
    ((_, words),) = started
    word = read_password(home())
    assert os.environ["REDISCLI_AUTH"] == word
    assert word not in " ".join(words)


# Nobody else is told


def test_another_redis_at_6379_is_not_told(open_project):
    with spy("127.0.0.1", server.PORT) as heard:
        here = server.ensure()
        assert here.port != server.PORT
        with connect("localhost", server.PORT) as client, suppress(redis.RedisError):
            client.ping()
        until(lambda: b"PING" in heard)
        assert read_password(home()).encode() not in heard
        assert b"AUTH" not in heard


def test_who_takes_the_port_of_a_killed_server_is_not_told(open_project):
    port = server.ensure().port
    client = connect("localhost", port)
    client.ping()
    keeper = kept()
    served = psutil.Process(server.status().pid)
    for victim in (keeper, served):
        victim.kill()
    until(lambda: not any(is_alive(each.pid) for each in (keeper, served)))
    assert read_state(home()).port == port, "what is written down is old"
    with spy("127.0.0.1", port) as heard, client:
        with suppress(redis.RedisError):
            client.ping()
        assert server.status() is None
        assert server.ensure().port != port
        until(lambda: b"PING" in heard)
        assert read_password(home()).encode() not in heard
        assert b"AUTH" not in heard


def test_who_takes_the_port_while_the_keeper_starts_a_server_there_is_not_told(
    open_project, monkeypatch
):
    really = server._is_free
    looks = iter([True])  # it still looked free
    monkeypatch.setattr(server, "_is_free", lambda port: next(looks, None) or really(port))
    with spy("127.0.0.1", server.PORT) as heard:
        assert server.ensure().port != server.PORT
        assert read_password(home()).encode() not in heard
        assert b"AUTH" not in heard


def test_who_takes_the_port_while_the_keeper_mends_the_server_is_not_told(open_project):
    here = server.ensure()
    client = connect("localhost", here.port)
    keeper = kept()
    served = psutil.Process(server.status().pid)
    keeper.suspend()  # so that the spy is faster
    served.kill()
    until(lambda: not is_alive(served.pid))
    with spy("127.0.0.1", here.port) as heard, client:
        keeper.resume()
        while is_alive(keeper.pid):
            with suppress(redis.RedisError):
                client.ping()
        assert read_password(home()).encode() not in heard
        assert b"AUTH" not in heard
        assert b"PING" in heard


def test_who_has_the_port_on_the_other_localhost_is_not_told(open_project):
    here = server.ensure()
    try:
        with spy("::1", here.port) as heard:
            with connect("::1", here.port) as client, suppress(redis.RedisError):
                client.ping()
            until(lambda: b"PING" in heard)
            assert b"AUTH" not in heard
    except OSError:
        pytest.skip("this machine has no ::1")


def test_a_password_that_is_given_is_the_one_that_is_said(open_project):
    port = server.ensure().port
    with pytest.raises(QueueUnavailable, match="asks for a password"):
        RedisTaskQueue(url=f"redis://:wr0ng@localhost:{port}").get_stats()


def test_no_command_shows_it(open_project):
    here = server.ensure()
    word = read_password(home())
    told = [repr(here), here.url, repr(server.status())]
    for words in ("server start", "server status", "server status --json"):
        said = CliRunner().invoke(load_app(), words.split(), catch_exceptions=False)
        told.append(said.output)
    with connect(here.host, here.port) as client, client.monitor() as monitor:
        RedisTaskQueue(port=here.port).get_stats()
        client.ping()
        told += [str(monitor.next_command()) for _ in range(4)]
    assert word not in "\n".join(told)


# For as long as the project


def test_it_stays_the_same_unless_others_could_read_it(open_project):
    server.ensure()
    first = read_password(home())
    server.stop()
    server.ensure()
    assert read_password(home()) == first
    server.stop()
    (home() / PASSWORD).chmod(0o644)
    here = server.ensure()
    assert read_password(home()) not in ("", first)
    assert stat.S_IMODE((home() / PASSWORD).stat().st_mode) == 0o600
    assert connect(here.host, here.port).ping()


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_text("nonsense")])
def test_a_spoilt_file_is_mended_while_the_server_runs(open_project, monkeypatch, spoil):
    monkeypatch.setenv("IMGLAB_REDIS_GRACE", "3")
    with connect("localhost", server.ensure().port) as client:
        word = read_password(home())
        client.set("kept", "yes")
        spoil(home() / PASSWORD)
        until(lambda: read_password(home()) == word)
        client.connection_pool.disconnect()
        assert client.get("kept") == "yes"


def test_a_keeper_whose_connection_is_cut_goes_on(open_project, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_GRACE", "1")
    with connect("localhost", server.ensure().port) as client:
        client.set("kept", "yes")
        assert client.execute_command("CLIENT", "KILL", "SKIPME", "yes", "TYPE", "normal") == 1
        until(lambda: ask(client)["connected_clients"] == 2)
    keeper = kept()
    until(lambda: not is_alive(keeper.pid))
    with connect("localhost", server.ensure().port) as client:
        assert client.get("kept") == "yes"


def test_a_server_of_an_older_version_is_used_and_its_data_get_a_password_later(open_project):
    private_folder(home())
    code = f"""
        import fcntl, json, os, signal, subprocess, sys
        home, port = {str(home())!r}, {server.PORT}
        options = {{"port": port, "bind": "127.0.0.1", "dir": home, "appendonly": "yes"}}
        words = [word for name in options for word in ("--" + name, str(options[name]))]
        lock = open(home + "/keeper.lock", "a")
        fcntl.flock(lock, fcntl.LOCK_EX)
        old = subprocess.Popen([{find_binary()!r}, *words], stdout=subprocess.DEVNULL)
        signal.signal(signal.SIGTERM, lambda *_: old.terminate())
        sys.stdin.readline()
        note = {{"port": port, "run_id": sys.stdin.readline().strip(), "keeper": os.getpid()}}
        with open(home + "/server.json", "w") as state:
            json.dump(note, state)
        old.wait()
        os.remove(home + "/server.json")
        """
    with (
        started(
            sys.executable, "-c", textwrap.dedent(code), stdin=subprocess.PIPE, text=True
        ) as older,
        redis.Redis(port=server.PORT, decode_responses=True) as plain,
    ):
        until(lambda: ask(plain))
        older.stdin.write("\n" + plain.info()["run_id"] + "\n")
        older.stdin.flush()
        here = server.ensure()
        assert (here.started, here.password_file, here.port) == (False, None, server.PORT)
        with RedisTaskQueue(host="localhost", port=here.port) as queue:
            queue.add_task({})
        assert "REDISCLI_AUTH" not in CliRunner().invoke(load_app(), ["server", "status"]).output
        assert server.stop()
        older.communicate(timeout=10)
        now = server.ensure()
        assert (now.started, now.port) == (True, here.port)
        with pytest.raises(redis.AuthenticationError):
            plain.ping()
    with RedisTaskQueue(host="localhost", port=now.port) as queue:
        assert queue.get_stats().pending == 1
