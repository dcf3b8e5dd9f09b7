"""The name of every key of a queue in Redis, spelled here and nowhere else."""

from __future__ import annotations

import re

from imglab.queues.vocabulary import NORMAL, PRIORITIES, Status

#: The queue that is meant where none is named.
DEFAULT_NAME = "image_processing"


def as_pattern(text: str) -> str:
    """The text for a pattern of Redis that means just this text."""
    return re.sub(r"([\\*?\[\]])", r"\\\1", text)


class Keys:
    """The keys of one queue.

    All begin with its namespace. Behind it stands the queue's name, but for tasks and results: the
    queues of one namespace have those in common.
    """

    def __init__(self, namespace: str, name: str) -> None:
        self.namespace = namespace
        start = namespace + name
        #: HASH: id → claim.
        self.processing = f"{start}:processing"
        #: ZSET: id → when it may be tried again.
        self.delayed = f"{start}:delayed"
        #: LIST: the latest completed tasks.
        self.completed = f"{start}:completed"
        #: LIST: the dead letter queue.
        self.failed = f"{start}:failed"
        #: LIST: the latest cancelled tasks.
        self.cancelled = f"{start}:cancelled"
        #: LIST: at most one token, a hint for sleeping workers.
        self.wake = f"{start}:wake"
        #: HASH: worker → what is known of it.
        self.workers = f"{start}:workers"
        #: STREAM: what happened.
        self.events = f"{start}:events"
        #: HASH: totals, and the queue's own notes.
        self.meta = f"{start}:meta"
        #: LIST: what was in a list and is no task, with the reason.
        self.odd = f"{start}:odd"
        #: HASH: a batch's name and a figure of it → how it stands.
        self.batches = f"{start}:batches"
        #: LIST of each priority, the first to be taken first.
        self.lines = tuple(self.pending(priority) for priority in PRIORITIES)
        #: All of them, in the order in which every script gets them (lua/_names.lua).
        self.all = (
            self.processing,
            self.delayed,
            self.completed,
            self.failed,
            self.cancelled,
            self.wake,
            self.workers,
            self.events,
            self.meta,
            self.odd,
            self.batches,
            *self.lines,
        )

    def pending(self, priority: str = NORMAL) -> str:
        """The list of the tasks of one priority: LPUSH adds, the right end is taken first."""
        start = self.processing.removesuffix(":processing")
        if priority == NORMAL:
            return f"{start}:pending"
        return f"{start}:pending:{priority}"

    def finished(self, status: Status) -> str:
        """The list of the tasks that ended so."""
        lists = {
            Status.COMPLETED: self.completed,
            Status.FAILED: self.failed,
            Status.CANCELLED: self.cancelled,
        }
        return lists[status]

    def batch(self, name: str) -> str:
        """The hash with every task of a batch: id → how it stands, and its label."""
        return f"{self.batches.removesuffix('es')}:{name}"

    def ended(self, name: str) -> str:
        """The stream of what became of a batch's tasks."""
        return f"{self.batch(name)}:ended"

    def picture(self, name: str) -> str:
        """The string with a picture that Redis carries; it has a lifetime."""
        return f"{self.processing.removesuffix('processing')}picture:{name}"

    def task(self, task_id: str) -> str:
        """The hash with everything about a task."""
        return f"{self.namespace}task:{task_id}"

    def result(self, task_id: str) -> str:
        """The hash with the result of a task."""
        return f"{self.namespace}result:{task_id}"
