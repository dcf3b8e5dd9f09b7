"""The claims that one queue object made, for calls with a bare id."""

from __future__ import annotations

from collections import OrderedDict

from imglab.errors import NoSuchTask
from imglab.language import tr
from imglab.queues.task import Task
from imglab.text import told

#: How many of its own claims a queue object remembers.
REMEMBERED = 10_000


class OwnClaims:
    """The part of a queue object that knows what it claimed itself."""

    def __init__(self) -> None:
        #: Id → claim and worker.
        self._claims: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def _remember(self, task: Task) -> Task:
        # The claim alone, not the payload, which may have 64 KiB. Taken out first: a claim made
        # anew is the newest again.
        self._claims.pop(task.id, None)
        self._claims[task.id] = (task.claim, task.worker)
        if len(self._claims) > REMEMBERED:
            self._claims.popitem(last=False)  # in one step: threads may share this object
        return task

    def _claimed(self, task: Task | str) -> Task:
        if isinstance(task, Task):
            return task
        try:
            claim, worker = self._claims[task]
            return Task(task, {}, claim=claim, worker=worker)
        except (KeyError, TypeError):  # TypeError: what is no text, such as a list
            raise NoSuchTask(
                tr(
                    "Task {task} was never claimed here. Take it with get_task() first: "
                    "only who holds a task may finish it.",
                    task=told(task),
                )
            ) from None
