"""A worker process that nobody watches over, as on another machine: killed, it stays dead."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Self

from imglab.errors import ImglabError
from imglab.imaging import FilterPipeline
from imglab.language import tr
from imglab.project import project_home
from imglab.queues import RedisTaskQueue
from imglab.workers.launch import start_process
from imglab.workers.logs import last_lines
from imglab.workers.spec import WorkerSpec

#: The module with the filters that wait.
TROUBLEMAKERS = "imglab.classroom.troublemakers"
#: How long a worker may take until it asks for work, in seconds.
START_TIMEOUT_S = 30.0
#: The time between two questions whether it has, in seconds.
READY_INTERVAL_S = 0.01
#: What the task at hand has left when the block ends, in seconds: more than one wait for a task.
GRACE_S = 2.0
#: How long the process may take to leave, in seconds.
EXIT_TIMEOUT_S = GRACE_S + 5.0
NOT_STARTED = tr("{name} has not started yet: `with LoneWorker(…) as worker:`")


class LoneWorker:
    """One worker process without a pool; `with LoneWorker("worker-1", "blur", queue): …`.

    The block begins when it has asked for work, and at its end the process is gone. It may use the
    filter `busy`, which waits.
    """

    def __init__(self, name: str, filters: str, queue: RedisTaskQueue) -> None:
        from imglab.classroom import troublemakers  # noqa: F401, PLC0415 - so that `busy` is known

        self.name = name
        self._queue = queue
        self._spec = WorkerSpec(
            name=name,
            queue=queue.spec(),
            filters=FilterPipeline.parse(filters).spec(),
            imports=(TROUBLEMAKERS,),
            parent=os.getpid(),
            grace=GRACE_S,
        )
        self._log = project_home() / "logs" / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = start_process(self._spec, self._log)
        try:
            self._until_ready(self._process)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The id of its process. ImglabError before it was started."""
        if self._process is None:
            raise ImglabError(NOT_STARTED.format(name=self.name))
        return self._process.pid

    def kill(self) -> None:
        """Kill it (`kill -9`) and wait until the process is gone."""
        if self._process is None:
            raise ImglabError(NOT_STARTED.format(name=self.name))
        self._process.kill()
        self._process.wait()

    def _until_ready(self, process: subprocess.Popen[bytes]) -> None:
        limit = time.monotonic() + START_TIMEOUT_S
        while self._queue.workers().get(self.name, {}).get("pid") != process.pid:
            if process.poll() is not None or time.monotonic() > limit:
                words = last_lines(self._log, 3)
                raise ImglabError(
                    tr(
                        "{name} did not start. Its last words:\n{words}",
                        name=self.name,
                        words=words,
                    )
                )
            time.sleep(READY_INTERVAL_S)

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
