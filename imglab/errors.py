"""What can go wrong: one root, two branches, and a leaf wherever a caller would act differently.

ImglabError
├── ImagingError
│   ├── FilterError        an unknown filter, a parameter out of range
│   └── ImageError         a file that is missing, broken, too large or outside the allowed folders
└── QueueError
    ├── TaskError          a bad payload; an id that exists, is unknown or was never claimed
    ├── LeaseLost          somebody else holds the task now
    └── QueueUnavailable   Redis is not there, not reachable with these settings, or too old
"""


class ImglabError(Exception):
    """Anything imglab raises on purpose; the text says what happened and what to do next."""


class ImagingError(ImglabError):
    """A filter or an image cannot be used as asked: trying again will not help."""


class FilterError(ImagingError):
    """An unknown filter, or a parameter of the wrong type or out of range."""


class ImageError(ImagingError):
    """An image that cannot be read, is too large, or lies outside the allowed folders."""


class QueueError(ImglabError):
    """The queue refuses, or cannot do, what was asked."""


class TaskError(QueueError):
    """A payload that cannot be stored, or an id that exists, is unknown or was never claimed."""


class LeaseLost(QueueError):
    """A claim no longer holds its task: the lease ran out or the task was given back."""

    def __init__(self, *task_ids: str) -> None:
        super().__init__(
            f"Task {', '.join(task_ids)} is no longer ours: its lease ran out or it was given "
            "back, and another claim counts now. Drop this result; nothing is lost."
        )
        #: The tasks whose lease is lost.
        self.task_ids = task_ids


class QueueUnavailable(QueueError):
    """Redis does not answer, refuses the password, or is too old."""
