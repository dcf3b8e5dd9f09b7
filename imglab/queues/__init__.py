"""Task queues, in memory and in Redis; knows nothing of pictures.

Each name is loaded when it is asked for: the vocabulary alone needs no redis.
"""

from typing import TYPE_CHECKING

from imglab.lazy import offer

if TYPE_CHECKING:
    from imglab.queues.base import BaseQueue
    from imglab.queues.memory_queue import TaskQueue
    from imglab.queues.redis_queue import RedisTaskQueue
    from imglab.queues.task import QueueSettings, QueueStats, Task
    from imglab.queues.vocabulary import PRIORITIES, Event, Status
else:
    # A type checker must not see it: it would take any name for one of ours.
    __getattr__, __dir__ = offer(
        __name__,
        {
            "PRIORITIES": "imglab.queues.vocabulary",
            "BaseQueue": "imglab.queues.base",
            "Event": "imglab.queues.vocabulary",
            "QueueSettings": "imglab.queues.task",
            "QueueStats": "imglab.queues.task",
            "RedisTaskQueue": "imglab.queues.redis_queue",
            "Status": "imglab.queues.vocabulary",
            "Task": "imglab.queues.task",
            "TaskQueue": "imglab.queues.memory_queue",
        },
    )

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
