"""Workers: the only place where pictures and queues meet."""

from imglab.extras import need_posix

need_posix()

from imglab.workers.pool import WorkerPool  # noqa: E402 - there is a reason above if it fails
from imglab.workers.process import import_filters, run  # noqa: E402
from imglab.workers.spec import WorkerSpec  # noqa: E402
from imglab.workers.worker import RedisWorker, Worker  # noqa: E402

__all__ = [
    "RedisWorker",
    "Worker",
    "WorkerPool",
    "WorkerSpec",
    "import_filters",
    "run",
]
