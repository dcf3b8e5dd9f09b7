"""A shared room: the machines of a class are the workers of one queue, and all see who did what.

The instructor opens the room and adds photographs. On each machine somebody types `imglab join`.
A task names its photograph, so each machine reads its own copy, and keeps what it drew.
"""

from __future__ import annotations

import os
import re
from itertools import cycle, islice
from typing import Self

from imglab import server
from imglab.classroom.controls.actions import PENCIL
from imglab.classroom.seats import who_and_where
from imglab.errors import ImglabError
from imglab.language import tr
from imglab.project import is_in_project, photographs, project_root
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.queues.addresses import in_database
from imglab.queues.vocabulary import NORMAL
from imglab.views.who import Share, who
from imglab.workers.names import free_names, taken_names

#: What a room is called that nobody named.
ROOM = "room"
#: The lease, in seconds: a machine that falls asleep is noticed while the class still looks.
LEASE_S = 10.0
#: Events that are kept: of more than ten thousand tasks.
KEEP_EVENTS = 40_000
SETTINGS = QueueSettings(lease=LEASE_S, keep_events=KEEP_EVENTS)
#: The database of every room: an address may name another one, that of somebody's seat.
DATABASE = 0
#: Photographs that `add` adds unless somebody says how many.
COUNT = 100
#: How the name of a room may look: it stands in front of every key.
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")


def namespace_of(name: str) -> str:
    """What stands in front of every key of a room. ImglabError for a name that is none."""
    if not _NAME.fullmatch(name):
        raise ImglabError(
            tr(
                "A room's name is made of letters, digits, and any of . _ -, and {name!r:.50} is "
                "not.",
                name=name,
            )
        )
    return f"{name}:"


def room_queue(url: str, name: str) -> RedisTaskQueue:
    """The queue of a room in the Redis at this address: the same one for the whole class."""
    return RedisTaskQueue(
        url=in_database(url, DATABASE), namespace=namespace_of(name), settings=SETTINGS
    )


def check_machine() -> None:
    """Raise ImglabError where a worker could do no task of a room: each one would fail at once."""
    root = project_root()
    if not is_in_project() or not photographs():
        raise ImglabError(
            tr(
                "There are no photographs in {folder}: in the room, every task would fail here. Go "
                "into the project's folder, and type the line again.",
                folder=root / "images",
            )
        )
    if not os.access(root / "output", os.W_OK | os.X_OK):
        raise ImglabError(
            tr(
                "You may not write into {folder}, where the drawings go: chmod u+w output",
                folder=root / "output",
            )
        )


def own_name(queue: RedisTaskQueue, wanted: str = "") -> str:
    """A worker's name that nobody in the room has: the wanted one, or person@machine.

    Where somebody has it already, a number is put behind it.
    """
    name = wanted or who_and_where()
    if name not in taken_names(queue):
        return name
    return free_names(queue, name, 1)[0]


class SharedRoom:
    """The instructor's side of a room; see `shared_room`."""

    def __init__(self, name: str, *, big: bool) -> None:
        here = server.ensure()
        self.queue = room_queue(here.url, name)
        self.queue.forget_workers(0)  # of a class that went home
        print(_how_to_join(here, name))  # noqa: T201 - to be read aloud
        title = tr("Who did what in {room}", room=name)
        if name == ROOM:
            title = tr("Who did what in the room")
        self._view = who(self.queue, title, big=big)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, count: int = COUNT, priority: str = NORMAL) -> None:
        """Add so many tasks: draw a photograph in pencil, each in turn."""
        photos = photographs()
        if not photos:
            raise ImglabError(
                tr("There is no photograph in images/: start JupyterLab by `make lab`.")
            )
        payloads = [
            {
                "image_path": f"images/{photo.name}",
                "output_path": f"output/room/{photo.stem}.png",
                "filters": PENCIL,
            }
            for photo in islice(cycle(photos), count)
        ]
        self.queue.add_tasks(payloads, priority)

    def clear(self) -> None:
        """Delete all tasks of the room, and what was counted; who is here stays."""
        self.queue.clear()
        self._view.begin_anew()

    def shares(self) -> list[Share]:
        """What each worker did, in the order of their coming, as the last picture has it."""
        return self._view.shares

    def __str__(self) -> str:
        return str(self._view)

    def close(self) -> None:
        """End the view; its last picture stays. Tasks and workers stay, too."""
        self._view.stop()
        self.queue.close()


def _how_to_join(here: server.RedisServer, name: str) -> str:
    command = "imglab join"
    if name != ROOM:
        command += f" --room {name}"
    if here.owned:
        return tr(
            "In terminals of this machine: {command}\n"
            "This Redis listens to this machine only. For a class, use one that all can reach: "
            "the instructor's guide says how.",
            command=command,
        )
    return tr(
        "On each machine: {command}\n"
        "There, IMGLAB_REDIS_URL has to name this Redis, with the user and the password for "
        "the class: redis://worker:PASSWORD@{host}:{port}",
        command=command,
        host=here.host,
        port=here.port,
    )


def shared_room(name: str = ROOM, *, big: bool = True) -> SharedRoom:
    """Open a room for the machines of a class, and show who did what; `close()` ends the view.

    Big letters can be read from the last row. A room is a queue: who opens it again finds it as it
    was.
    """
    return SharedRoom(name, big=big)
