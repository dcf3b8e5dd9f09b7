"""Workers: the only place where pictures and queues meet."""

from imglab.workers.folders import Folders, project_home, project_root
from imglab.workers.pool import WorkerPool
from imglab.workers.process import WorkerSpec, import_filters, run
from imglab.workers.worker import RedisWorker, Worker

__all__ = [
    "Folders",
    "RedisWorker",
    "Worker",
    "WorkerPool",
    "WorkerSpec",
    "import_filters",
    "project_home",
    "project_root",
    "run",
]
