"""What may happen in the life of a task, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

#: What may follow what in the life of one task. `completed` ends it: one accepted commit.
_AFTER = {
    "added": {"promoted", "claimed", "failed"},  # for later, at once, cancelled
    "promoted": {"claimed", "failed"},
    "claimed": {"completed", "delayed", "expired", "failed", "released"},
    "released": {"claimed", "failed"},
    "expired": {"delayed", "failed"},
    "delayed": {"promoted", "failed"},
    "failed": {"requeued", "added"},  # an id that is no longer kept may begin another life
    "requeued": {"claimed", "failed"},
    "completed": {"added"},
}


def illegal(events: Iterable[dict[str, Any]]) -> list[str]:
    """The steps that no task may take, each as a sentence; old events may be missing."""
    last: dict[str, str] = {}
    found = []
    for event in events:
        task, step = event["task"], event["event"]
        if task in last and step not in _AFTER.get(last[task], ()):
            found.append(f"Task {task} was {step} after it was {last[task]}.")
        last[task] = step
    return found
