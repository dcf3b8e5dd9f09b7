"""How the pictures of a folder become tasks: each way a function, to be exchanged for another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hosts.lab import Lab
from imglab.batches import Plan, find, submit
from imglab.imaging import FilterPipeline
from imglab.queues import RedisTaskQueue
from imglab.storage import Folders

#: Adds a task for each picture in a folder of images/, with these filters.
Submit = Callable[[Lab, RedisTaskQueue, Path, str], object]


def with_add_tasks(lab: Lab, queue: RedisTaskQueue, folder: Path, filters: str) -> list[str]:
    """Add them one like the other, and return their ids."""
    spec = FilterPipeline.parse(filters).spec()
    names = sorted(path.name for path in (lab.images / folder).iterdir())
    payloads = ({"image_path": f"images/{folder}/{name}", "filters": spec} for name in names)
    return queue.add_tasks(payloads)


def as_a_batch(lab: Lab, queue: RedisTaskQueue, folder: Path, filters: str) -> None:
    """Add them as a batch with the name of the folder, as `imglab submit FOLDER --batch` does."""
    folders = Folders(lab.folder, (lab.images,), lab.output)
    plan = Plan(filters=FilterPipeline.parse(filters).spec())
    submit(queue, str(folder), find([lab.images / folder]), plan, folders=folders)
