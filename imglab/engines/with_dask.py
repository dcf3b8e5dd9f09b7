"""The same tasks on Dask distributed: a scheduler that holds everything in its memory.

Between its parts travels pickled Python, so whoever reaches the scheduler may run any code: it
listens at 127.0.0.1 unless somebody names another address.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import dask
from distributed import Client, Future, Nanny, Scheduler, as_completed
from distributed.comm.addressing import parse_host_port
from distributed.scheduler import KilledWorker

from imglab.engines.engine import MAX_TRIES, Engine
from imglab.engines.messages import VARIABLE, Outcome, do_message, failed, outcome_of
from imglab.engines.reasons import crashed
from imglab.errors import QueueUnavailable
from imglab.language import tr, tr_count
from imglab.text import shown
from imglab.workers import WorkerSpec
from imglab.workers.photograph import never_cancelled

logger = logging.getLogger(__name__)

#: Where the scheduler is, unless somebody says another place.
ADDRESS = "tcp://127.0.0.1:8786"


#: Where a worker may start one.
OWN_HOSTS = ("127.0.0.1", "localhost")
#: Futures at one time: the scheduler keeps about 10 kB of memory for each.
WINDOW = 3000
#: Seconds to wait for a scheduler.
CONNECT_TIMEOUT_S = 10
#: Seconds to wait for a result, which lies with the worker that made it.
RESULT_TIMEOUT_S = 5
#: The highest port of a machine.
MAX_PORT = 65535
#: How many workers may die over a task before it is given up, where the scheduler is our own; and
#: no line for each step.
SETTINGS = {
    "distributed.scheduler.allowed-failures": MAX_TRIES - 1,
    "logging.distributed": "warning",
}


class TryAgain(Exception):
    """A try failed, and another one may help: Dask tries again what raises."""


def do_on_dask(message: Any) -> Outcome:
    """Do one message, in a worker of Dask."""
    outcome = do_message(message, never_cancelled)
    if outcome.get("retry"):
        raise TryAgain(outcome["reason"])
    return outcome


def connect(address: str, queue: str, namespace: str) -> DaskEngine:
    """The submitting side; a scheduler has no queues. QueueUnavailable where it is away."""
    return DaskEngine(address)


class DaskEngine(Engine):
    """Sends tasks to Dask's workers, and keeps their futures: without them Dask drops a task."""

    name = "dask"
    window = WINDOW

    def __init__(self, address: str) -> None:
        _place(address)
        try:
            self._client = Client(address, timeout=CONNECT_TIMEOUT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise _no_scheduler(address) from error
        self._address = address
        self._done = as_completed(loop=self._client.loop)
        self._open: dict[str, tuple[str, Future[Any]]] = {}

    def send(self, messages: Mapping[str, dict[str, Any]]) -> None:
        """Hand tasks to the scheduler."""
        keys = [self.new_key(task_id) for task_id in messages]
        futures = self._client.map(
            do_on_dask, list(messages.values()), key=keys, pure=False, retries=MAX_TRIES - 1
        )
        for task_id, future in zip(messages, futures, strict=True):
            self._open[str(future.key)] = (task_id, future)
        self._done.update(futures)

    def ended(self) -> list[tuple[str, Outcome]]:
        """The tasks that have ended since the last look.

        QueueUnavailable when the scheduler is gone, and with it all that it knew.
        """
        found = []
        for future in self._done.next_batch(block=False):
            if future.key in self._open:
                if future.status not in ("finished", "error"):
                    raise QueueUnavailable(
                        tr(
                            "The Dask scheduler at {address} is gone, and with it every task that "
                            "was open. Start it, then type the same line again: it goes on.",
                            address=self._address,
                        )
                    )
                try:
                    outcome = _outcome(future)
                except TimeoutError:  # it died with its worker, and has to be worked out anew
                    self._done.add(future)
                    continue
                task_id, _ = self._open.pop(future.key)
                found.append((task_id, outcome))
        return found

    def cancel(self, task_ids: Iterable[str]) -> None:
        """Take tasks back: Dask drops those that nobody has begun."""
        wanted = set(task_ids)
        futures = []
        for key, (task_id, future) in list(self._open.items()):
            if task_id in wanted:
                futures.append(future)
                del self._open[key]
        if futures:
            self._client.cancel(futures, force=True)

    def close(self) -> None:
        """Let go of the scheduler."""
        self._open.clear()
        self._client.close(timeout=CONNECT_TIMEOUT_S)


def _outcome(future: Future[Any]) -> Outcome:
    """What became of a future, in our words. TimeoutError when its result is not to be had."""
    if future.status == "finished":
        return outcome_of(future.result(RESULT_TIMEOUT_S))
    problem = future.exception()
    if isinstance(problem, KilledWorker):
        # Their number is the scheduler's to say, which may be somebody else's.
        return failed(crashed(problem.allowed_failures + 1))
    if isinstance(problem, TryAgain):
        return failed(str(problem))
    return failed(f"{type(problem).__name__}: {shown(problem)}")


def work(spec: WorkerSpec, address: str, workers: int) -> None:
    """Be so many workers of a scheduler until a signal.

    Where none answers at an address of this machine, one is started, which ends with them.
    QueueUnavailable for one that is away elsewhere, and when the workers end by themselves.
    """
    with dask.config.set(SETTINGS):
        asyncio.run(_work(spec, address, workers))


async def _work(spec: WorkerSpec, address: str, workers: int) -> None:
    leave = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, leave.set)
    async with AsyncExitStack() as stack:
        if not await _answers(address):
            await stack.enter_async_context(_own_scheduler(address))
        nannies = []
        for number in range(1, workers + 1):
            nanny = Nanny(
                address,
                nthreads=1,
                name=f"{spec.name}-{number}",
                memory_limit=spec.max_memory or "auto",
                env={VARIABLE: spec.to_json()},
                dashboard=False,
            )
            nannies.append(await stack.enter_async_context(nanny))
        words = tr_count(
            "At work for the Dask scheduler at {address}: {count} workers",
            "At work for the Dask scheduler at {address}: {count} workers",
            workers,
            address=address,
        )
        logger.info("%s", words)
        ends = [asyncio.create_task(each.finished()) for each in nannies]
        await asyncio.wait(
            [asyncio.create_task(leave.wait()), *ends], return_when=asyncio.FIRST_COMPLETED
        )
        if not leave.is_set():
            raise QueueUnavailable(
                tr(
                    "The workers of the Dask scheduler at {address} have ended by themselves: it "
                    "is gone, or somebody closed them. Type the same line again when it is there.",
                    address=address,
                )
            )


async def _answers(address: str) -> bool:
    """Whether somebody listens there; the workers find out whether it is a scheduler."""
    host, port = _place(address)
    try:
        opened = asyncio.open_connection(host, port)
        _, writer = await asyncio.wait_for(opened, CONNECT_TIMEOUT_S)
    except (OSError, UnicodeError):  # UnicodeError: a name too long for a host
        return False
    writer.close()
    return True


def _place(address: str) -> tuple[str, int]:
    """Host and port of an address. QueueUnavailable for one that Dask would not take."""
    bare = address.removeprefix("tcp://")
    if not bare.isascii() or "://" in bare:
        raise _no_scheduler(address)
    try:
        host, port = parse_host_port(bare)
    except ValueError:
        raise _no_scheduler(address) from None
    if not 0 < port <= MAX_PORT:
        raise QueueUnavailable(
            tr(
                "The port in {address} is none: it is a whole number from 1 to {most}. Say "
                "tcp://HOST:PORT in IMGLAB_DASK.",
                address=address,
                most=MAX_PORT,
            )
        )
    return host, port


def _own_scheduler(address: str) -> Scheduler:
    """A scheduler of this very process, at an address of this machine."""
    host, port = _place(address)
    if host not in OWN_HOSTS:
        raise _no_scheduler(address)
    return Scheduler(host=host, port=port, dashboard=False)


def _no_scheduler(address: str) -> QueueUnavailable:
    return QueueUnavailable(
        tr(
            "No Dask scheduler answers at {address}. Nothing was sent. `imglab worker --engine "
            "dask` starts one with its workers; for another one, say tcp://HOST:PORT in "
            "IMGLAB_DASK.",
            address=address,
        )
    )
