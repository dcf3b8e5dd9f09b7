"""A room's keys at one moment, under other names: they tell how it would be otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

from imglab.classroom.fault_room.room import Room
from imglab.queues.keys import Keys

#: Every entry of a stream.
EVERYTHING = ("-", "+")


class Copy:
    """The keys of a room as they were at the beginning of `with`, which deletes them at its end.

    Only whoever holds it changes them.
    """

    def __init__(self, room: Room, name: str) -> None:
        self.plan = room.plan
        self.redis: Any = room.queue.redis
        #: What the room's keys begin with, and what stands in its place here.
        self.room_start = room.queue.namespace
        self.start = f"{room.queue.namespace}{name}|"
        self.keys = Keys(self.start, room.queue.name)
        #: What `ps` says here.
        self.ps = room.ps()
        #: The moment it was made, in milliseconds of Redis' clock.
        self.now = room.queue.server_time()
        self._keys_of_room = room.queue.find_keys(f"{self.room_start}*")

    def __enter__(self) -> Self:
        for key in self._keys_of_room:
            if "|" not in key:  # another copy's
                self.redis.copy(key, self.start + key.removeprefix(self.room_start))
        return self

    def __exit__(self, *_: object) -> None:
        self.drop("*")

    @property
    def record(self) -> str:
        """The key of the record of the task that does not come."""
        return self.keys.task(self.plan.photograph)

    def key_of_other_queue(self, part: str) -> str:
        """A key of the queue at which somebody works by mistake."""
        return f"{self.start}{self.plan.other_queue}:image_processing:{part}"

    def drop(self, pattern: str) -> None:
        """Delete the keys of the copy that match."""
        for key in self.redis.scan_iter(f"{self.start}{pattern}"):
            self.redis.delete(key)

    def tell_otherwise(self, change: Callable[[dict[str, str]], Mapping[str, str]]) -> None:
        """Write the history anew, each event as `change` gives it back; {} leaves it out."""
        entries = self.redis.xrange(self.keys.events, *EVERYTHING)
        self.redis.delete(self.keys.events)
        for entry, event in entries:
            other = change(event)
            if other:
                self.redis.xadd(self.keys.events, other, id=entry)
