"""Task queues, in memory and in Redis; knows nothing of pictures."""

from imglab.queues.base import BaseQueue
from imglab.queues.memory_queue import TaskQueue
from imglab.queues.redis_queue import RedisTaskQueue
from imglab.queues.task import PRIORITIES, QueueSettings, QueueStats, Task

__all__ = [
    "PRIORITIES",
    "BaseQueue",
    "QueueSettings",
    "QueueStats",
    "RedisTaskQueue",
    "Task",
    "TaskQueue",
]
