"""What works on Windows without Linux in it, and the sentence for what does not.

Nobody here has a Windows: what it lacks is taken away before imglab is imported.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

#: What a Windows has not; other people's packages know it, and are loaded before.
LACKS = """
import asyncio, concurrent.futures.process, multiprocessing.util, pathlib, random, shutil, tempfile
import PIL.Image, redis, rich.console, rich.progress, rich.table, typer, typer.testing
import json, os, signal, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "readline"):
    sys.modules[name] = None
for name in (
    *("O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_PATH", "fork", "getuid", "geteuid", "getgid"),
    *("setsid", "killpg", "getpgid", "register_at_fork", "WNOHANG", "mkfifo", "uname", "fchmod"),
):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGKILL", "SIGSTOP", "SIGCONT", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGCHLD", "SIGUSR1"):
    delattr(signal, name)
"""
#: Types each command line, and gives what it printed and its exit code.
TYPE_EACH = """
import contextlib, io
from imglab.cli import main
told = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["imglab", *words]
    out, code = io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    told.append([out.getvalue(), code])
print(json.dumps(told))
"""
#: Filters a picture, one by one and as a batch; queues in memory and in Redis.
IN_PYTHON = """
from imglab import BatchProcessor, FilterPipeline, RedisTaskQueue, TaskQueue, open_image
pipeline = FilterPipeline.parse("edges")
size = pipeline.apply(open_image("images/sample.png")).size
report = BatchProcessor(pipeline).process(["images/sample.png"], "output")
memory = TaskQueue()
memory.add_task({"image_path": "images/sample.png"})
tasks = RedisTaskQueue(url=sys.argv[1], namespace=sys.argv[2])
tasks.add_task({"image_path": "images/sample.png"})
print(json.dumps([size, len(report.done), memory.get_stats().pending, tasks.get_stats().pending]))
"""
#: What needs Linux or macOS.
NOT_THERE = (
    ("worker", "--burst"),
    ("lab",),
    ("demo",),
    ("server", "start"),
    ("stats",),  # with no Redis named, it would start one
    ("doctor", "--class"),
    ("chaos", "--tasks", "10"),
)


@pytest.fixture
def windows(project):
    """Run code in a Python that lacks what Windows lacks; what it prints, as data."""

    def run(code: str, *arguments: str) -> object:
        done = subprocess.run(
            [sys.executable, "-c", LACKS + code, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_pictures_and_queues_work_there(windows, valkey, queue):
    size, succeeded, in_memory, in_redis = windows(IN_PYTHON, valkey.url, queue.namespace)
    assert (size, succeeded, in_memory, in_redis) == ([90, 60], 1, 1, 1)


def test_a_producer_works_there_from_a_terminal(windows, valkey, queue, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    where = ("--namespace", queue.namespace)
    lines = [
        ("submit", "images/sample.png", "--json", *where),
        ("stats", "--json", *where),
        ("failed", "list", *where),
        ("trace", "nobody", *where),
    ]
    submitted, stats, failed, trace = windows(TYPE_EACH, json.dumps(lines))
    assert [end for _, end in (submitted, stats, failed)] == [0, 0, 0]
    assert len(json.loads(submitted[0])) == 1
    assert json.loads(stats[0])["pending"] == 1
    assert "nobody" in trace[0]
    assert queue.get_stats().pending == 1


def test_what_needs_linux_says_how_to_have_it(windows, monkeypatch):
    monkeypatch.delenv("IMGLAB_REDIS_URL", raising=False)
    for words, (out, code) in zip(
        NOT_THERE, windows(TYPE_EACH, json.dumps(NOT_THERE)), strict=True
    ):
        assert code == 1, (words, out)
        assert "WSL2" in out, (words, out)
        assert "Traceback" not in out
