"""A worker as a process: made from plain data, stopped by signals, gone with its parent."""

from __future__ import annotations

import faulthandler
import importlib
import logging
import math
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from imglab.errors import ImglabError, NoPhotographs, QueueUnavailable
from imglab.language import tr
from imglab.queues import RedisTaskQueue, Task
from imglab.storage import storage_for
from imglab.text import shown
from imglab.workers.endings import interrupt_of_a_filter
from imglab.workers.logs import keep_short, log_to_own_file
from imglab.workers.renewal import check_first_memory
from imglab.workers.spec import WorkerSpec
from imglab.workers.standby import Standby
from imglab.workers.worker import Worker

logger = logging.getLogger(__name__)

#: A variable and not an argument: the list of processes shows arguments, and a URL has a password.
VARIABLE = "IMGLAB_WORKER"
#: How long a worker that a pool started waits for a Redis that is away, in seconds.
REDIS_TIMEOUT_S = 10.0
#: The time between two tries to reach it, in seconds.
REDIS_RETRY_S = 0.2
#: The time between two looks at the parent and at the task's time, in seconds.
LOOK_INTERVAL_S = 0.5
#: How long after a task's time limit a process ends that nothing else could end, in seconds.
DEAF_TIMEOUT_S = 60.0
#: How long a process that leaves at once tries to take its name off the list, in seconds.
LEAVE_TIMEOUT_S = 2.0
#: What Python is to run so that it is a worker again.
AGAIN = ("-m", "imglab.workers")
#: What asks a worker to leave: `kill`, Ctrl-C, a closed terminal, Ctrl-\\.
LEAVE_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def run(
    spec: WorkerSpec,
    *,
    on_worker: Callable[[Worker], object] | None = None,
    again: Sequence[str] = AGAIN,
) -> int:
    """Be this worker until a signal, or in a burst until the queue is empty; return the exit code.

    SIGTERM and SIGINT finish the task at hand, or give it back when it takes too long; a second
    one gives it back and leaves at once. One that is to be renewed (`max_tasks`, `max_memory`)
    leaves with a code of its own, by which the pool that is its parent knows; without a parent
    nobody would replace it, so its process starts anew in place, as `python` with the words of
    `again`: it keeps its name, its process id and its terminal. `on_worker` is given the worker
    before its first task.
    """
    import_filters(spec.imports)
    check_first_memory(spec.max_memory)
    queue = _queue(spec)
    standby = Standby(spec, queue)
    worker = _ProcessWorker(
        spec.name,
        spec.filters,
        queue,
        storage=storage_for(spec.read, spec.write, spec.prefixes, queue),
        prefetch=spec.prefetch,
        checked=True,
        standby=standby,
        max_tasks=spec.max_tasks,
        max_memory=spec.max_memory,
    )
    if on_worker:
        on_worker(worker)
    watch = _Watch(worker, queue, spec, standby, again)
    watch.start()
    logger.info("%s: ready, %s", spec.name, queue)
    try:
        worker.run(burst=spec.burst)
    except NoPhotographs:
        _leave(queue, spec, standby)
        raise
    logger.info("%s: %d completed, %d failed", spec.name, worker.completed, worker.failed)
    code = 0
    if worker.renewal.cause is not None and not watch.is_leaving:
        logger.info("%s: leaves for a new process: %s", spec.name, worker.left_because)
        code = worker.renewal.cause
        if not spec.parent:
            standby.end()
            _start_anew(spec, again)
    _leave(queue, spec, standby)
    return code


def _leave(queue: RedisTaskQueue, spec: WorkerSpec, standby: Standby) -> None:
    """Take the worker off the list, and let go who stands by for it."""
    queue.leave(spec.name)
    standby.end()


class _ProcessWorker(Worker):
    """A worker whose interrupts come from its tasks: a person's signals go to the watch thread."""

    def process(self, task: Task) -> dict[str, Any]:
        """Do what a task asks for; what it raises ends its try, and not this process."""
        try:
            return super().process(task)
        except KeyboardInterrupt as error:
            raise interrupt_of_a_filter() from error


def import_filters(modules: Iterable[str]) -> None:
    """Import modules that register filters; ImglabError for one that is missing, or has a mistake.

    They stand beside the notebook, in the folder the worker was started from, or are installed.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    for module in modules:
        try:
            importlib.import_module(module)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise ImglabError(why_not_imported(module, error)) from error


def why_not_imported(module: str, error: BaseException) -> str:
    """A sentence for a person: whether the module is not there, or its own code went wrong."""
    first = module.partition(".")[0]
    is_missing = isinstance(error, ModuleNotFoundError) and error.name in (first, module)
    if is_missing or not module or module.startswith("."):
        return tr(
            "The module {module!r} cannot be imported: there is none of this name. It has to be a "
            "file NAME.py in the folder the worker starts from, {folder}, or installed; write "
            "its name without .py.",
            module=module,
            folder=Path.cwd(),
        )
    return tr(
        "The module {module!r} cannot be imported: when Python ran it, it ended with "
        "{kind}: {error}. `python -c 'import {module}'` shows where.",
        module=module,
        kind=type(error).__name__,
        error=shown(error),
    )


def _queue(spec: WorkerSpec) -> RedisTaskQueue:
    """The queue; a worker whose parent started it waits for a Redis that is away for a moment."""
    limit = time.monotonic()
    if spec.parent:
        limit += REDIS_TIMEOUT_S
    while True:
        try:
            queue = RedisTaskQueue.from_spec(spec.queue)
            queue.forget_workers()  # whoever was killed could not take its name off the list
        except QueueUnavailable:
            if time.monotonic() > limit:
                raise
            time.sleep(REDIS_RETRY_S)
        else:
            return queue


def _start_anew(spec: WorkerSpec, again: Sequence[str]) -> NoReturn:
    """Begin this process anew, in its place: it keeps its id, and nothing of its memory."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more, or a filter closed it
            stream.flush()
    environment = dict(os.environ)
    if again == AGAIN:
        environment[VARIABLE] = spec.to_json()
    os.execve(sys.executable, [sys.executable, *again], environment)


class _Watch(threading.Thread):
    """Acts on signals and on the parent's death while the main thread is deep in a filter.

    Python runs signal handlers in the main thread, after the native call it is in. The wake-up
    socket is written at once, by the C handler, and this thread reads it.
    """

    def __init__(
        self,
        worker: Worker,
        queue: RedisTaskQueue,
        spec: WorkerSpec,
        standby: Standby,
        again: Sequence[str],
    ) -> None:
        super().__init__(name="watch", daemon=True)
        #: Whether somebody asked this process to leave.
        self.is_leaving = False
        self.again = again
        self.worker = worker
        self.queue = queue
        self.spec = spec
        self.standby = standby
        # The sender is kept, or it would be closed.
        self.signals, self._sender = socket.socketpair()
        self._sender.setblocking(False)
        for number in LEAVE_SIGNALS:
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue  # `nohup imglab worker`: it is to survive its terminal
            signal.signal(number, _ignore)  # a handler there must be, or the signal ends us
        signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        leave_at = math.inf
        while time.monotonic() < leave_at:
            self._set_alarm()
            ready, _, _ = select.select([self.signals], [], [], LOOK_INTERVAL_S)
            if ready:
                self.signals.recv(1)
                if leave_at < math.inf:
                    break
                self.is_leaving = True
                logger.info("%s: stopping; a second signal leaves at once", self.spec.name)
                self.worker.stop()
                leave_at = time.monotonic() + self.spec.grace
            if self.spec.parent and os.getppid() != self.spec.parent:
                logger.info("%s: the parent is gone, leaving", self.spec.name)
                break
            self._end_if_overdue()
            keep_short()
        self._give_back()
        self._leave_the_list()
        # The main thread may be in a native call for minutes: nothing is left to wait for.
        os._exit(1)

    def _give_back(self) -> None:
        try:
            self.worker.release()
        except ImglabError as error:
            logger.warning("%s: the task at hand waits for its lease: %s", self.spec.name, error)

    def _set_alarm(self) -> None:
        """Set the alarm that ends what no thread can see: native code that holds the GIL."""
        deaf_limit = self.queue.settings.longest_try + DEAF_TIMEOUT_S
        if deaf_limit < math.inf:
            faulthandler.dump_traceback_later(deaf_limit, exit=True)
        else:
            faulthandler.cancel_dump_traceback_later()

    def _leave_the_list(self) -> None:
        """Take the worker off the list, where Redis answers soon."""

        def leave() -> None:
            with suppress(ImglabError):  # then it shows no life, and is forgotten after an hour
                self.queue.leave(self.spec.name)

        leaving = threading.Thread(target=leave, name="leave", daemon=True)
        leaving.start()
        leaving.join(LEAVE_TIMEOUT_S)

    def _end_if_overdue(self) -> None:
        """Start this process anew, in place, when the main thread will not let go of a task."""
        try:
            overdue = self.worker.give_up_when_overdue(self.spec.grace)
        except ImglabError as error:
            logger.warning("%s: %s", self.spec.name, error)
            return
        if overdue:
            logger.warning("%s: gave its task up, starting anew", self.spec.name)
            self._give_back()  # if the main thread did let go, and claimed another one since
            self.standby.end()
            _start_anew(self.spec, self.again)


def _ignore(*_: object) -> None:
    """Do nothing with a signal: the watch thread reads it from the wake-up socket."""


def main() -> int:
    """Be the worker that the pool put into the environment; return the exit code."""
    text = os.environ.pop(VARIABLE, None)
    if text is None:
        log_to_own_file()
        logger.error(tr("Only WorkerPool starts this module. In a terminal, type: imglab worker"))
        return 1
    spec = WorkerSpec.from_json(text)
    log_to_own_file(spec.log_format, spec.name)
    try:
        return run(spec)
    except ImglabError as error:
        logger.error("%s", error)  # noqa: TRY400 - for people: no traceback
        return 1
