"""`%redis`, `%%redis`, `%monitor` and `%%save`, after `%load_ext imglab.console`.

The first three speak to the Redis of `use(queue)`, else to IMGLAB_REDIS_URL, else to the
project's own.
"""

from __future__ import annotations

import importlib
import os
import re
import shlex
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from imglab import server
from imglab.console import redis_cli
from imglab.errors import ImglabError
from imglab.queues import RedisTaskQueue
from imglab.queues.connection import connect
from imglab.queues.scripts import COMMON_ARGUMENTS, by_hash
from imglab.storage import Folders
from imglab.text import short

_chosen: list[Any] = []
_LINE = re.compile(r"(?P<at>\d+\.\d+) \[\d+ (?P<who>[^\]]+)\] (?P<words>.*)")


def use(queue: RedisTaskQueue) -> None:
    """Let the magics speak to this queue's Redis."""
    _chosen[:] = [queue.redis]


def client() -> Any:
    """The Redis that the magics speak to."""
    if not _chosen:
        url = os.environ.get("IMGLAB_REDIS_URL")
        _chosen.append(connect(url=url or server.ensure().url))
    return _chosen[0]


def redis(line: str, cell: str | None = None) -> None:
    """Print what redis-cli would, for one command or for each line of a cell."""
    for command in [line] if cell is None else [line, *cell.splitlines()]:
        if not command.strip() or command.lstrip().startswith("#"):
            continue
        if cell is not None:
            print(f"> {command.strip()}")  # noqa: T201 - what a magic is for
        try:
            print(redis_cli.run(client(), shlex.split(command)))  # noqa: T201
        except (ImglabError, ValueError) as error:
            print(f"(error) {error}")  # noqa: T201


def monitor(line: str) -> None:
    """`%monitor 20` prints the next 20 commands, `%monitor 3s` those of 3 seconds."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)(s?)\s*", line or "10")
    if not match:
        print("Write %monitor 20 for 20 commands, or %monitor 3s for 3 seconds.")  # noqa: T201
        return
    number, is_seconds = float(match[1]), bool(match[2])
    try:
        for text in watch(number if is_seconds else 60, None if is_seconds else int(number)):
            print(text)  # noqa: T201
    except ImglabError as error:
        print(f"(error) {error}")  # noqa: T201


def save(line: str, cell: str) -> None:
    """Write a cell into a file below output/, such as `%%save output/lesson-04/consumer.py`.

    Its folder is then searched for modules, here and in the processes that are started from here.
    """
    try:
        file = Folders.of_project().to_write(line.strip())
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(cell)
    except (ImglabError, OSError) as error:
        print(f"(error) {error}")  # noqa: T201
        return
    folder = str(file.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
        paths = [folder, os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    sys.modules.pop(file.stem, None)  # an import that follows gets the new text
    importlib.invalidate_caches()
    print(f"Saved {line.strip()}: {len(cell.splitlines())} lines.")  # noqa: T201


def watch(seconds: float, commands: int | None = None) -> Iterator[str]:
    """What anybody sends in so many seconds, at most so many commands: who, and what in words."""
    lines, found = redis_cli.monitor(client()), list[str]()
    done = threading.Event()

    def listen() -> None:
        for each in lines:
            found.append(each)
            if done.is_set():
                return

    # MONITOR's connection blocks until somebody speaks; a thread waits in our place.
    threading.Thread(target=listen, name="monitor", daemon=True).start()
    end, shown, names = time.monotonic() + seconds, 0, dict[str, str]()
    try:
        while time.monotonic() < end and (commands is None or shown < commands):
            if shown == len(found):
                time.sleep(0.02)
                continue
            yield explain(found[shown], names)
            shown += 1
    finally:
        done.set()
        client().ping()  # wakes the thread, which then ends


def explain(line: str, names: dict[str, str]) -> str:
    """One line of MONITOR with the worker that sent it, and a script by its name.

    `names` remembers which connection is which worker's, from one line to the next.
    """
    match = _LINE.match(line)
    if not match:
        return line
    words = [
        word.replace('\\"', '"') for word in re.findall(r'"((?:[^"\\]|\\.)*)"', match["words"])
    ]
    who, command = match["who"], words[0].upper() if words else ""
    if command in ("EVALSHA", "EVAL") and len(words) > 2 and words[1] in by_hash():
        script = by_hash()[words[1]]
        arguments = words[3 + int(words[2]) + COMMON_ARGUMENTS :]
        named = dict(zip(script.arguments, arguments, strict=False))
        if "worker" in named:
            names[who] = named["worker"]
        words = [script.name, *arguments]
    sender = "in a script" if who == "lua" else names.get(who, who)
    return f"{sender:<15}  {' '.join(short(word, 60) for word in words)}"


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext imglab.console` calls."""
    shell.register_magic_function(redis, "line_cell", "redis")
    shell.register_magic_function(monitor, "line", "monitor")
    shell.register_magic_function(save, "cell", "save")
