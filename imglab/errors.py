"""What can go wrong: one root, its branches, and a leaf wherever a caller would act differently.

ImglabError
├── ImagingError
│   ├── FilterError        an unknown filter, a parameter out of range
│   └── ImageError         a file that is missing, broken, too large or outside the allowed folders
├── NotInstalled           a part that was left out when imglab was installed here
├── NoPhotographs          none is on this host: another one may have them
├── ResourceExhausted      memory, disk space or open files ran out: the same may work later
├── StoreUnavailable       a store of pictures does not answer as it should: the same may work later
└── QueueError
    ├── TaskError          a payload, a result or a name that the queue does not take
    │   ├── TaskExists     an id that is in use already
    │   ├── NoSuchTask     an id that is unknown, no longer kept, or was never claimed here
    │   ├── NoSuchBatch    a batch that was never begun, or is forgotten
    │   ├── TaskFailed     the task ended as failed; the text says why
    │   └── TaskCancelled  somebody cancelled the task: that is no failure
    ├── LeaseLost          somebody else holds the task now
    ├── QueueFull          as many tasks are in line as the queue's bound allows
    ├── PartlyAdded        some of many tasks are in, the others are not
    └── QueueUnavailable   Redis is not there, not reachable with these settings, or too old
        ├── PasswordRefused    it asks for a password, and got none or a wrong one
        └── AddingInterrupted  a PartlyAdded because Redis was away

And one warning, which ends nothing: SettingsWarning, for settings that do not count.
"""

from __future__ import annotations

from collections.abc import Sequence

from imglab.language import tr, tr_count


class ImglabError(Exception):
    """Anything imglab raises on purpose; the text says what happened and what to do next."""


class ImagingError(ImglabError):
    """A filter or an image cannot be used as asked: trying again will not help."""


class FilterError(ImagingError):
    """An unknown filter, or a parameter of the wrong type or out of range."""


class ImageError(ImagingError):
    """An image that cannot be read, is too large, or lies outside the allowed folders."""


class NotInstalled(ImglabError, ImportError):
    """A part that was left out when imglab was installed; the text has the line to type."""


class NoPhotographs(ImglabError):
    """Nothing is where a worker reads, on its host: the task is sound, and for another host."""


class ResourceExhausted(ImglabError):
    """Memory, disk space or open files ran out: nothing is wrong with the picture; try again."""


class StoreUnavailable(ImglabError):
    """A store of pictures is away, or a file in it was changed meanwhile: try again."""


class QueueError(ImglabError):
    """The queue refuses, or cannot do, what was asked."""


class TaskError(QueueError):
    """A payload, a result or a name that the queue does not take, or a task in another state."""


class TaskExists(TaskError):
    """An id that is in use already: the task that has it was left as it is."""

    def __init__(self, *task_ids: str) -> None:
        super().__init__(
            tr(
                "Task {tasks} exists already and was left as it is. "
                "Choose another id, or none: the queue makes one.",
                tasks=", ".join(task_ids),
            )
        )
        #: The ids that were refused.
        self.task_ids = task_ids


class NoSuchTask(TaskError):
    """An id that the queue does not know, does not keep any more, or never gave out here."""


class NoSuchBatch(TaskError):
    """A batch that the queue does not know: it was never begun, or is forgotten."""


class TaskFailed(TaskError):
    """A task that somebody waited for ended as failed."""

    def __init__(self, task_id: str, reason: str) -> None:
        super().__init__(tr("Task {task} failed: {reason}", task=task_id, reason=reason))
        self.task_id = task_id
        self.reason = reason


class TaskCancelled(TaskError):
    """A task that somebody waited for was cancelled."""

    def __init__(self, task_id: str, reason: str) -> None:
        super().__init__(
            tr(
                "Task {task} was cancelled and has no result: {reason}",
                task=task_id,
                reason=reason,
            )
        )
        self.task_id = task_id
        self.reason = reason


class LeaseLost(QueueError):
    """A claim no longer holds its task: the lease ran out or the task was given back."""

    #: What it says behind the tasks; whoever counts refused reports in a log looks for it.
    WORDS = tr("is no longer ours")

    def __init__(self, *task_ids: str) -> None:
        super().__init__(
            tr(
                "Task {tasks} {is_no_longer_ours}: its lease ran out or it was given "
                "back, and another claim counts now. Drop this result; nothing is lost.",
                tasks=", ".join(task_ids),
                is_no_longer_ours=self.WORDS,
            )
        )
        #: The tasks whose lease is lost.
        self.task_ids = task_ids


class QueueFull(QueueError):
    """As many tasks are in line as the queue's bound allows: no other one was added."""

    def __init__(self, in_line: int, bound: int) -> None:
        super().__init__(
            tr_count(
                "The queue is full: {count:,} tasks are in line or delayed, and its bound "
                "(max_pending) is {bound:,}. Wait for room with timeout=… (--wait in a terminal), "
                "start more workers, or change the bound with queue.change_settings(max_pending=…) "
                "or `imglab settings`.",
                "The queue is full: {count:,} tasks are in line or delayed, and its bound "
                "(max_pending) is {bound:,}. Wait for room with timeout=… (--wait in a terminal), "
                "start more workers, or change the bound with queue.change_settings(max_pending=…) "
                "or `imglab settings`.",
                in_line,
                bound=bound,
            )
        )
        #: How many tasks were pending or delayed.
        self.in_line = in_line
        #: How many may be.
        self.bound = bound


class QueueUnavailable(QueueError):
    """Redis does not answer, refuses the password, or is too old."""


class PasswordRefused(QueueUnavailable):
    """Redis asks for a password, and got none or a wrong one: asking again does not help."""


class PartlyAdded(QueueError):
    """Adding stopped in the middle; `add_tasks(the same payloads, resume=error)` adds the rest."""

    def __init__(
        self,
        words: str,
        *,
        why: QueueError,
        call_id: str,
        added: Sequence[str],
        unsure: Sequence[str],
    ) -> None:
        super().__init__(words)
        #: What went wrong, in words of its own.
        self.why = why
        #: The id of the call, for `resume=` in another process.
        self.call_id = call_id
        #: The ids of the tasks that are in.
        self.added = tuple(added)
        #: The ids of those that may or may not be in: the reply was lost.
        self.unsure = tuple(unsure)


class AddingInterrupted(PartlyAdded, QueueUnavailable):
    """Adding stopped in the middle because Redis was away for longer than the queue's patience."""


class SettingsWarning(UserWarning):
    """Settings that were asked for and do not count: the queue has others, stored with it."""
