"""How the pictures of a folder become tasks: the one function to exchange for another way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hosts.lab import Lab
from imglab.imaging import FilterPipeline
from imglab.queues import RedisTaskQueue

#: Adds a task for each picture in a folder of images/, and returns their ids.
Submit = Callable[[Lab, RedisTaskQueue, Path, str], list[str]]


def with_add_tasks(lab: Lab, queue: RedisTaskQueue, folder: Path, filters: str) -> list[str]:
    """Add them from Python, as a program on Redis' host would."""
    spec = FilterPipeline.parse(filters).spec()
    names = sorted(path.name for path in (lab.images / folder).iterdir())
    payloads = ({"image_path": f"images/{folder}/{name}", "filters": spec} for name in names)
    return queue.add_tasks(payloads)
