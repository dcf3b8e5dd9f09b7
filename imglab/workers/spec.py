"""What a worker process is made from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class WorkerSpec:
    """Everything a worker process is made from: data, never objects."""

    name: str
    #: What RedisTaskQueue.spec() gives.
    queue: dict[str, Any] = field(repr=False)  # it may hold a password
    #: What FilterPipeline.spec() gives: whoever made it has checked it.
    filters: list[Any] = field(default_factory=list)
    #: Modules to import first: they register filters of one's own.
    imports: tuple[str, ...] = ()
    #: Where it may read, and where it may write: see `storage_for`.
    read: tuple[str, ...] = ()
    write: str = "output"
    #: Which addresses it may touch; None for those that its environment names.
    prefixes: tuple[str, ...] | None = None
    #: Leave when the queue is empty.
    burst: bool = False
    #: Leave when this process is gone; 0 for none.
    parent: int = 0
    #: Seconds the task at hand has left after a SIGTERM; then it is given back.
    grace: float = 10.0
    #: Tasks to claim and to report in one round trip.
    prefetch: int = 1
    #: Tasks after which, and bytes of memory above which, it is renewed; None for never. With a
    #: parent it leaves, to be replaced; without one it starts anew in its place.
    max_tasks: int | None = None
    max_memory: int | None = None
    #: How its log is written: "text" or "json".
    log_format: str = "text"

    def to_json(self) -> str:
        """The spec as text, for `from_json` in another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> WorkerSpec:
        """The spec that `to_json` wrote."""
        values = json.loads(text)
        # JSON has no tuples.
        values["imports"] = tuple(values["imports"])
        values["read"] = tuple(values["read"])
        if values["prefixes"] is not None:
            values["prefixes"] = tuple(values["prefixes"])
        return cls(**values)
