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
from contextlib import suppress
from functools import cache
from importlib.metadata import packages_distributions
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from imglab import server
from imglab.console import redis_cli
from imglab.console.restarts import explain_in
from imglab.errors import ImglabError
from imglab.language import language, tr
from imglab.queues import RedisTaskQueue
from imglab.queues.connection import connect
from imglab.queues.scripts import COMMON_ARGUMENTS, Script, by_hash
from imglab.storage import Folders
from imglab.text import short, shown

#: The Redis that the magics speak to, once somebody has chosen it or asked for it.
_chosen: list[Any] = []
#: Seconds in which `%monitor 20` has to see its 20 commands.
_MONITOR_TIMEOUT = 60.0
#: Letters of a word of a command that are shown.
_WORD_LETTERS = 60
_LINE = re.compile(r"(?P<at>\d+\.\d+) \[\d+ (?P<who>[^\]]+)\] (?P<words>.*)")


def use(queue: RedisTaskQueue) -> None:
    """Let the magics speak to this queue's Redis."""
    _chosen[:] = [queue.redis]


def client() -> Any:
    """The Redis that the magics speak to."""
    if not _chosen:
        url = os.environ.get("IMGLAB_REDIS_URL")
        if not url:
            url = server.ensure().url
        _chosen.append(connect(url=url))
    return _chosen[0]


def redis(line: str, cell: str | None = None) -> None:
    """Print what redis-cli would, for one command or for each line of a cell."""
    if cell is None:
        _print_reply(line)
        return
    for command in [line, *cell.splitlines()]:
        if _is_command(command):
            print(f"> {command.strip()}")  # noqa: T201 - what a magic is for
            _print_reply(command)


def _is_command(line: str) -> bool:
    text = line.strip()
    return text != "" and not text.startswith("#")


def _print_reply(command: str) -> None:
    if not _is_command(command):
        return
    try:
        print(redis_cli.run(client(), shlex.split(command)))  # noqa: T201
    except (ImglabError, ValueError) as error:
        _print_error(error)


def _print_error(error: Exception) -> None:
    print(f"(error) {shown(error)}")  # noqa: T201


def monitor(line: str) -> None:
    """`%monitor 20` prints the next 20 commands, `%monitor 3s` those of 3 seconds."""
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)(s?)\s*", line or "10")
    if not match:
        print(tr("Write %monitor 20 for 20 commands, or %monitor 3s for 3 seconds."))  # noqa: T201
        return
    number = float(match[1])
    seconds = _MONITOR_TIMEOUT
    commands: int | None = None
    if match[2]:
        seconds = number
    else:
        commands = int(number)
    try:
        for text in watch(seconds, commands):
            print(text)  # noqa: T201
    except ImglabError as error:
        _print_error(error)


def save(line: str, cell: str) -> None:
    """Write a cell into a file below output/, such as `%%save output/lesson-04/consumer.py`.

    Another text that the file held before is kept beside it, as `consumer.py.before`. A program's
    folder is then searched for modules, here and in the processes that are started from here. So
    one that would hide a module of Python's or of a package is refused.
    """
    folders = Folders.of_project()
    try:
        file = folders.to_write(line.strip())
        _check_hides_nothing(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        _keep_before(file, cell)
        file.write_text(cell, encoding="utf-8")
    except (ImglabError, OSError, ValueError) as error:  # ValueError: a name or text of odd bytes
        _print_error(error)
        return
    if file.suffix == ".py":
        _make_importable(file)
    print(_saved(line, cell))  # noqa: T201


def _check_hides_nothing(file: Path) -> None:
    """Refuse a program of a name that every import of it would then find first.

    A `queue.py` would break the queue's own workers: they import Python's.
    """
    if file.suffix != ".py":
        return
    name = file.stem
    if name == "__init__":  # a package has its folder's name
        name = file.parent.name
    if name not in sys.stdlib_module_names and name not in _of_packages():
        return
    raise ImglabError(
        tr(
            "{name} is the name of a module that others import, and this file would hide it: "
            "choose another name, such as my_{name}.py.",
            name=shown(name),
        )
    )


@cache
def _of_packages() -> frozenset[str]:
    """The names under which installed packages are imported; not what merely lies about."""
    return frozenset({"imglab", *packages_distributions()})


def _make_importable(file: Path) -> None:
    """Let a module be found, here and in the processes that are started from here."""
    folder = str(file.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
        paths = [folder]
        if os.environ.get("PYTHONPATH"):
            paths.append(os.environ["PYTHONPATH"])
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    sys.modules.pop(file.stem, None)  # an import that follows gets the new text
    # Python takes what it compiled for the new text when both are as long and of one second.
    Path(cache_from_source(str(file))).unlink(missing_ok=True)
    importlib.invalidate_caches()


def _saved(line: str, cell: str) -> str:
    name = shown(line.strip())
    return tr("Saved {name}: {count} lines.", name=name, count=len(cell.splitlines()))


def _keep_before(file: Path, text: str) -> None:
    """Keep what a file held until now, as `consumer.py.before`: it may be a good answer."""
    if file.exists() and file.read_bytes() != text.encode():
        file.replace(file.with_name(file.name + ".before"))


def watch(seconds: float, commands: int | None = None) -> Iterator[str]:
    """What anybody sends in so many seconds, at most so many commands: who, and what in words."""
    lines = redis_cli.monitor(client())
    found = list[str]()
    done = threading.Event()

    def listen() -> None:
        with suppress(ImglabError):  # Redis went away: no more is heard
            for each in lines:
                found.append(each)
                if done.is_set():
                    return

    # MONITOR's connection blocks until somebody speaks; a thread waits in our place.
    threading.Thread(target=listen, name="monitor", daemon=True).start()
    deadline = time.monotonic() + seconds
    shown = 0
    names = dict[str, str]()
    try:
        while time.monotonic() < deadline and (commands is None or shown < commands):
            if shown == len(found):
                time.sleep(0.02)
                continue
            yield explain(found[shown], names)
            shown += 1
    finally:
        done.set()
        with suppress(ImglabError):
            redis_cli.run(client(), ["PING"])  # wakes the thread, which then ends


def explain(line: str, names: dict[str, str]) -> str:
    """One line of MONITOR with the worker that sent it, and a script by its name.

    `names` remembers which connection is which worker's, from one line to the next.
    """
    match = _LINE.match(line)
    if not match:
        return line
    quoted = re.findall(r'"((?:[^"\\]|\\.)*)"', match["words"])
    words = [word.replace('\\"', '"') for word in quoted]
    who = match["who"]
    script = _script_of(words)
    # EVALSHA, the hash, the number of keys, the keys, then the arguments.
    if script and re.fullmatch(r"\d{1,6}", words[2]):
        key_count = int(words[2])
        arguments = words[3 + key_count + COMMON_ARGUMENTS :]
        named = dict(zip(script.arguments, arguments, strict=False))
        if "worker" in named:
            names[who] = named["worker"]
        words = [script.name, *arguments]
    sender = tr("in a script") if who == "lua" else names.get(who, who)
    return f"{shown(sender):<15}  {' '.join(short(word, _WORD_LETTERS) for word in words)}"


def _script_of(words: list[str]) -> Script | None:
    """Which of our scripts a command calls; None for any other command."""
    if len(words) < 3 or words[0].upper() not in ("EVALSHA", "EVAL"):
        return None
    return by_hash().get(words[1])


def load_ipython_extension(shell: Any) -> None:
    """Give the shell the magics, and two sentences; `%load_ext imglab.console` calls it."""
    language()  # chosen now, so that every program which a cell starts speaks it as well
    shell.register_magic_function(redis, "line_cell", "redis")
    shell.register_magic_function(monitor, "line", "monitor")
    shell.register_magic_function(save, "cell", "save")
    explain_in(shell)
