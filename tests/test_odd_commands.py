"""Odd commands in a terminal: a sentence and an exit code, or the right result, never a traceback.

Most run in this process, for they are many; what needs a process of its own is below.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest
from helpers.clock import until
from helpers.processes import started
from helpers.project import ROOT

from imglab import cli

IMGLAB = [sys.executable, "-m", "imglab"]
NO_ADDRESS = "This is not the address of a Redis. Write redis://HOST:PORT"


@dataclass
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@pytest.fixture
def project(project, valkey, monkeypatch):
    """The project, with a Redis, and a terminal that is wide and has no colours."""
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    return project


@pytest.fixture
def imglab(project, queue, monkeypatch, capsys):
    """Run a command in this process; what speaks to a queue speaks to that of the test."""
    before = signal.getsignal(signal.SIGTERM)

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["imglab", *words])
        with pytest.raises(SystemExit) as left:
            cli.main()
        printed = capsys.readouterr()
        return Done(left.value.code or 0, printed.out, printed.err)

    yield run
    signal.signal(signal.SIGTERM, before)


def in_a_process(*words: str, **more) -> subprocess.CompletedProcess[str]:
    settings = {"capture_output": True, "text": True, "timeout": 60, **more}
    return subprocess.run([*IMGLAB, *words], check=False, **settings)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("submit", "images"), "images is a folder, no file"),
        (("submit", "images/none.jpg"), "is no file"),
        (("submit", "x" * 300), "File name too long"),
        (("submit", "/dev/null"), "is no file"),
        (("submit", "images/b\udcff.jpg"), r"The name of images/b\udcff.jpg is not UTF-8"),
        (("submit", "images/\x1b[2J.jpg"), r"images/\x1b[2J.jpg is no file"),
        (("submit", "images/sample.png", "--filters", ":::"), "radius=3"),
        (("submit", "images/sample.png", "--filters", "blur:radius=nan"), "radius"),
        (("submit", "images/sample.png", "--filters", "[/x]"), "No filter '[/x]'"),
        (("submit", "images/sample.png", "--filters", "a\x1b[2J"), r"No filter 'a\x1b[2J'"),
        (("submit", "images/sample.png", "--priority", "[/x]"), "high, normal, low"),
        (("submit", "images/sample.png", "--queue", ""), "The queue's name"),
        (("stats", "--queue", "[/x]\n"), r"The queue's name '[/x]\n'"),
        (("stats", "--namespace", "\udcff"), r"The namespace is a text, not '\udcff'"),
        (("trace", ""), "There is no task"),
        (("trace", "[/x]\x1b[2J"), r"[/x]\x1b[2J"),
        (("failed", "show", "\udcff"), r"\udcff"),
        (("failed", "list", "--limit", "9" * 20), "out of range"),
        (("cancel", "[/x]\x1b[2J"), r"[/x]\x1b[2J"),
        (("cancel", "\udcff"), r"\udcff"),
        (("failed", "requeue", "[/x]"), "Not among the failed or cancelled tasks: [/x]."),
        (("worker", "--output", "images/sample.png"), "is a file: --output needs a folder"),
        (("worker", "--images", "nowhere"), "There is no folder nowhere"),
        (("worker", "--import", "no_such_module"), "there is none of this name"),
        (("worker", "--import", "bad_syntax"), "SyntaxError"),
        (("worker", "--import", "bad_exit"), "SystemExit: 0"),
        (("worker", "--import", "bad_raise"), r"ValueError: boom\x1b[2J\nimglab: all is well"),
        (("worker", "--import", "bad_bytes"), "bad_bytes"),
        (("worker", "--import", "../bad"), "there is none of this name"),
    ],
)
def test_p8_a_mistake_is_told_in_one_sentence_with_exit_code_1(imglab, project, words, sentence):
    (project / "bad_syntax.py").write_text("def f(:\n")
    (project / "bad_exit.py").write_text("raise SystemExit(0)\n")
    (project / "bad_raise.py").write_text(r"raise ValueError('boom\x1b[2J\nimglab: all is well')")
    (project / "bad_bytes.py").write_bytes(b"\xff\xfe")
    done = imglab(*words)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("imglab: ")
    assert sentence in done.err
    assert "should not happen" not in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("monitor", "-n", "-5"), "greater than or equal to 0"),
        (("monitor", "-n", "[/x]"), "valid integer"),
        (("failed", "list", "--limit", "0"), "greater than or equal to 1"),
        (("demo", "--tasks", "-1"), "greater than or equal to 1"),
        (("worker", "--prefetch", "many"), "valid integer"),
        (("[/x]",), "No such command '[/x]'"),
        (("\udcff",), "No such command"),
        (("redis",), "Missing argument"),
        (("stats", "--nothing"), "No such option"),
    ],
)
def test_p8_a_command_that_cannot_be_read_is_told_with_exit_code_2(imglab, words, sentence):
    done = imglab(*words)
    assert done.code == 2
    assert sentence in done.err


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://h?foo=bar", "no option 'foo'"),
        ("{url}?ssl_ca_certs=/x", "ssl_ca_certs is for TLS: write rediss://"),
        ("{url}?max_connections=1", "no option 'max_connections'"),
        ("{url}?encoding=klingon", "no option 'encoding'"),
        (
            "{url}?socket_timeout=soon",
            "socket_timeout is a number of seconds, such as 5, not 'soon'",
        ),
        ("{url}?socket_connect_timeout=-1", "socket_connect_timeout is a number of seconds"),
        ("{url}?socket_timeout=nan", "not 'nan'"),
        ("{url}?db=five", "A database is a number, such as in ?db=0, not 'five'"),
        ("{url}/five", "A database is a number, such as in redis://HOST:PORT/0, not 'five'"),
        ("{url}/77", "DB index is out of range"),
        ("redis://127.0.0.1:1", "No Redis answers at 127.0.0.1:1"),
        ("redis://127.0.0.1:99999", "The port in this address is none"),
        ("unix:///nowhere", "/nowhere"),
        ("redis://[::1", NO_ADDRESS),
        ("http://127.0.0.1", NO_ADDRESS),
        ("7481", NO_ADDRESS),
        ("redis://\x1b[2J", NO_ADDRESS),
    ],
)
def test_p6_an_odd_address_is_told_in_one_sentence_that_names_what_is_odd(
    imglab, valkey, monkeypatch, url, words
):
    monkeypatch.setenv("IMGLAB_REDIS_URL", url.format(url=valkey.url))
    done = imglab("stats")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("imglab: ")
    assert words in done.err
    assert "should not happen" not in done.err


@pytest.mark.parametrize(
    "url", ["redis://:secret/part@h", "redis://:1/secret@h", "redis://u:secret#@h"]
)
def test_p6_a_password_with_odd_letters_is_not_shown_and_the_way_to_write_it_is(
    imglab, monkeypatch, url
):
    monkeypatch.setenv("IMGLAB_REDIS_URL", url)
    done = imglab("stats")
    assert done.code == 1
    assert "write %2F for a slash" in done.err
    assert not re.search("secret|part", done.err)


def test_p6_a_short_time_limit_in_an_address_cuts_no_waiting(imglab, valkey, queue, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", f"{valkey.url}?socket_timeout=0.5")
    assert imglab("stats", "--namespace", queue.namespace).code == 0


def test_what_nobody_thought_of_is_one_sentence_too_and_a_traceback_on_demand(
    imglab, monkeypatch, capsys
):
    def broken(*_: object) -> None:
        raise RuntimeError("a\nb\x1b[2J")

    monkeypatch.setattr("imglab.cli.queue.open_queue", broken)
    done = imglab("stats")
    assert done.code == 1
    assert r"This should not happen: RuntimeError: a\nb\x1b[2J. Please report it" in done.err
    monkeypatch.setenv("IMGLAB_DEBUG", "1")
    monkeypatch.setattr(sys, "argv", ["imglab", "stats"])
    with pytest.raises(RuntimeError):
        cli.main()


def test_a_folder_that_is_none_is_told_with_its_name(imglab, project, monkeypatch):
    monkeypatch.delenv("IMGLAB_REDIS_URL")
    monkeypatch.setenv("IMGLAB_ROOT", str(project / "images/sample.png"))
    done = imglab("stats")
    assert done.code == 1
    assert str(project / "images/sample.png") in done.err
    assert "should not happen" not in done.err


def test_redis_sends_the_bytes_that_were_typed(imglab, queue):
    key = queue.namespace + "odd"
    assert imglab("redis", "SET", key, "\udcff\x01").out == "OK\n"
    assert imglab("redis", "GET", key).out == '"\\xff\\x01"\n'
    assert imglab("redis", "").code == 1


@pytest.mark.parametrize("columns", ["0", "1", "20"])
def test_in_a_narrow_terminal_nothing_of_an_id_is_lost(imglab, queue, monkeypatch, columns):
    queue.add_task({}, task_id="0123456789abcdef")
    queue.mark_failed(queue.get_task("w"), "boom", retry=False)
    monkeypatch.setenv("COLUMNS", columns)
    done = imglab("failed", "list", "--namespace", queue.namespace)
    assert done.code == 0
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 20
    assert "".join(
        line[2:].split("  ")[0].strip() for line in lines if line[2:3].isalnum()
    ).endswith("0123456789abcdef")


# In a process of its own: encodings, closed outputs, signals


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_p10_letters_that_the_terminal_has_not_are_no_traceback(project, queue, encoding):
    queue.add_task({"image_path": "images/año 猫.jpg"}, task_id="odd")
    queue.mark_failed(queue.get_task("w"), "año 猫 \udcff"[:-1], retry=False)
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for words in (("failed", "list"), ("failed", "show", "odd"), ("doctor",)):
        named = (*words, "--namespace", queue.namespace)
        done = in_a_process(*named, env=environment, text=False)
        assert (done.returncode, done.stderr) == (0, b""), words


@pytest.mark.parametrize("words", [("stats",), ("redis", "INFO"), ("--help",)])
def test_an_output_that_nobody_reads_is_no_traceback(project, words):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*IMGLAB, *words], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert done.returncode in (0, 1)
    assert done.stderr == b""


def test_a_full_disk_is_told_in_one_sentence(project):
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device, not a file
        done = subprocess.run([*IMGLAB, "stats"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"imglab: No space left on device.\n")


def test_without_any_output_or_a_home_it_works(project):
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    script = f'"{sys.executable}" -m imglab stats >&- 2>&-'
    assert subprocess.run(["sh", "-c", script], env=environment, check=False).returncode == 0


def test_in_a_folder_that_is_gone_a_worker_says_so(project, monkeypatch):
    gone = project / "gone"
    gone.mkdir()
    monkeypatch.delenv("IMGLAB_ROOT")
    script = f'cd "{gone}" && rmdir "{gone}" && exec "{sys.executable}" -m imglab worker --burst'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["sh", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("imglab: No such file or directory")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGINT, 130)]
)
def test_a_signal_ends_a_watch_quietly(project, queue, number, code):
    command = [*IMGLAB, "stats", "--watch", "--namespace", queue.namespace]
    pipe = subprocess.PIPE
    with started(*command, stdout=pipe, stderr=pipe, text=True) as watch:
        queue.redis.config_resetstat()
        until(
            lambda: queue.redis.info("commandstats").get("cmdstat_lrange", {}).get("calls", 0) > 4
        )
        watch.send_signal(number)
        _, errors = watch.communicate(timeout=20)
    assert (watch.returncode, errors) == (code, "")


def test_a_watch_says_that_redis_is_away_and_goes_on(project, own_server, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", own_server.url)
    command = [*IMGLAB, "stats", "--watch"]
    environment = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm"}
    environment.pop("NO_COLOR")
    with started(*command, stdout=subprocess.PIPE, env=environment) as watch:
        seen = iter(lambda: watch.stdout.read1(65_536), b"")
        assert any(b"completed" in part for part in seen)
        own_server.stop()
        assert any(b"No Redis answers" in part for part in seen)
        own_server.start()
        assert any(b"completed" in part for part in seen)


def test_p9_a_burst_on_a_paused_queue_says_what_it_waits_for(project, queue):
    queue.pause()
    queue.add_task({"image_path": "images/sample.png"})
    command = [*IMGLAB, "worker", "--burst", "--namespace", queue.namespace]
    with started(*command, stdout=subprocess.PIPE, text=True) as worker:
        assert "is paused" in worker.stdout.readline()
        queue.resume()
        words, _ = worker.communicate(timeout=60)
    assert "1 completed, 0 failed" in words
    assert worker.returncode == 0


def test_a_worker_whose_output_nobody_reads_goes_on_working(project, queue):
    queue.add_tasks([{"image_path": "images/sample.png"}] * 3)
    read, write = os.pipe()
    os.close(read)
    command = [*IMGLAB, "worker", "--burst", "--namespace", queue.namespace]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(write)
    assert queue.get_stats().completed == 3
    assert b"Traceback" not in done.stderr
