"""Workers: the only place where pictures and queues meet."""

from imglab.workers.pool import WorkerPool
from imglab.workers.process import import_filters, run
from imglab.workers.spec import WorkerSpec
from imglab.workers.worker import RedisWorker, Worker

__all__ = [
    "RedisWorker",
    "Worker",
    "WorkerPool",
    "WorkerSpec",
    "import_filters",
    "run",
]
