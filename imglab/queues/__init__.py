"""Task queues, in memory and in Redis; knows nothing of pictures."""

from imglab.queues.base import BaseQueue
from imglab.queues.memory_queue import TaskQueue
from imglab.queues.redis_queue import RedisTaskQueue
from imglab.queues.task import QueueSettings, QueueStats, Task
from imglab.queues.vocabulary import PRIORITIES, Event, Status

__all__ = [
    "PRIORITIES",
    "BaseQueue",
    "Event",
    "QueueSettings",
    "QueueStats",
    "RedisTaskQueue",
    "Status",
    "Task",
    "TaskQueue",
]
