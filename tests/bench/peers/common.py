"""What the programs `with_*.py` share; standard library only, for each runs in its own environment.

`python with_rq.py COMMAND` is one of `add N`, `add_bulk N`, `latency COUNT SECONDS`,
`add_hanging 1`, `versions`, which print one line of JSON, and `work`, `work best`, which are one
worker until SIGTERM. BENCH_REDIS_URL says where Redis is, BENCH_STAMPS where the tasks leave
their marks.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import sys
import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

URL = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/0")
#: Which of its two settings a worker runs with: it must reach what a peer imports by itself.
BEST = os.environ.get("BENCH_BEST") == "1"
#: Calls before the clock runs: connections and imports on first use are nobody's speed.
WARM_UP = 20
#: Enqueueing at the same time, where a peer has coroutines and no call for many tasks.
AT_ONCE = 100
#: Seconds a task hangs that waits for its worker to be killed, and to wait for one result.
HANG, RESULT = 600, 30
#: Seconds between two looks at a result, where a peer's own API does nothing but look.
LOOK = 0.001


@cache
def _stamps() -> int:
    flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY
    return os.open(os.environ["BENCH_STAMPS"], flags, 0o600)


def stamp() -> None:
    """The whole of a task: say when it ran, without any further traffic to Redis."""
    # One write to a file opened for appending: whole, from threads and processes alike.
    os.write(_stamps(), time.time_ns().to_bytes(8, "little"))


def seconds_to_hang() -> float:
    """Stamp; 10 minutes for whoever comes first, nothing for everybody after."""
    try:
        os.close(os.open(os.environ["BENCH_STAMPS"] + ".hung", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        hang = 0
    else:
        hang = HANG
    stamp()
    return hang


def become(script: str, *arguments: str) -> None:
    """Be a peer's own worker program, which finds the tasks beside this file."""
    folder = str(Path(__file__).parent)
    os.environ["PYTHONPATH"] = folder
    program = str(Path(sys.executable).with_name(script))
    os.execv(sys.executable, [sys.executable, program, *arguments])


async def in_turns(count: int, add: Callable[[], Any]) -> None:
    """Call a coroutine function `count` times, some at the same time."""
    for begin in range(0, count, AT_ONCE):
        await asyncio.gather(*(add() for _ in range(min(AT_ONCE, count - begin))))


class Program:
    """What each program fills in; any method may be plain or a coroutine function."""

    packages: tuple[str, ...] = ()
    #: add_bulk(count), where there is such a call.
    add_bulk: Callable[[int], Any] | None = None

    def open(self) -> Any: ...

    def close(self) -> Any: ...

    def add(self) -> Any:
        """Enqueue one task that does nothing."""
        raise NotImplementedError

    def call(self) -> Any:
        """Enqueue one task that does nothing and wait for its result."""
        raise NotImplementedError

    def add_hanging(self) -> Any:
        raise NotImplementedError

    def work(self) -> Any:
        """Be a worker until SIGTERM, with the best setting if BEST says so."""
        raise NotImplementedError


async def _get(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def _add(program: Program, count: int) -> dict[str, float]:
    for _ in range(WARM_UP):
        await _get(program.add())
    began = time.perf_counter()
    for _ in range(count - WARM_UP):
        await _get(program.add())
    return {"count": count - WARM_UP, "seconds": time.perf_counter() - began}


async def _add_bulk(program: Program, count: int) -> dict[str, float] | None:
    if program.add_bulk is None:
        return None
    await _get(program.add_bulk(WARM_UP))
    began = time.perf_counter()
    await _get(program.add_bulk(count - WARM_UP))
    return {"count": count - WARM_UP, "seconds": time.perf_counter() - began}


async def _latency(program: Program, count: int, seconds: int) -> dict[str, list[int]]:
    added, done = [], []
    await _get(program.call())  # until the worker is there
    limit = time.monotonic() + seconds
    while len(added) < count and time.monotonic() < limit:
        await asyncio.sleep(0.005)  # let it fall asleep: that is what is measured
        added.append(time.time_ns())
        await _get(program.call())
        done.append(time.time_ns())
    return {"added": added, "done": done}


async def _add_hanging(program: Program, _: int) -> dict[str, int]:
    await _get(program.add_hanging())
    return {"count": 1}


async def _drive(program: Program, command: str, numbers: list[int]) -> Any:
    commands: dict[str, Callable[..., Any]] = {
        "add": _add,
        "add_bulk": _add_bulk,
        "latency": _latency,
        "add_hanging": _add_hanging,
    }
    await _get(program.open())
    try:
        return await commands[command](program, *numbers)
    finally:
        await _get(program.close())


def main(module: str) -> None:
    command, *arguments = sys.argv[1:]
    if command == "work":
        os.environ["BENCH_BEST"] = str(int(arguments == ["best"]))
        globals()["BEST"] = arguments == ["best"]
    # Under its own name, and not as __main__: that is how the workers, too, know the tasks.
    program: Program = importlib.import_module(module).Program()
    if command == "work":
        program.work()
    elif command == "versions":
        print(json.dumps({package: version(package) for package in program.packages}))
    else:
        numbers = [int(argument) for argument in arguments]
        print(json.dumps(asyncio.run(_drive(program, command, numbers))))
