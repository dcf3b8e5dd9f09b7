"""A long look at a queue in Redis, page by page: Redis serves others in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imglab.queues import inspect
from imglab.queues.connection import speaking_to
from imglab.queues.invariants import Standing
from imglab.queues.redis_reader import RedisReader
from imglab.queues.vocabulary import FINISHED, PRIORITIES, TIMED

#: Tasks that one step of a long look, or of a clean-up, concerns: some ms of Redis' time.
STEP = 500
#: Places in the order in which they are walked: against the current, so that a task which goes its
#: way meanwhile is not met twice.
_WALK = (*FINISHED, *TIMED, *reversed(PRIORITIES))
#: Tasks seen in two places that are looked at a second time; each look reads all the lists.
MOST_SUSPECTS = 1000


class RedisWalk(RedisReader):
    """The part of `RedisTaskQueue` that looks at all of its tasks."""

    def standings(self) -> tuple[int, list[Standing]]:
        found: list[Standing] = []
        for place in _WALK:
            found += self._standings_in(place)
        with speaking_to(self.redis):
            tokens = self.redis.llen(self.keys.wake)
        return int(tokens), found

    def _standings_in(self, place: str) -> Iterator[Standing]:
        """Every task in one place, page by page: Redis serves others in between."""
        cursor = "0"
        seen: set[str] = set()
        while True:
            cursor, rows = self._run("check", place=place, cursor=cursor, most=STEP)
            for row in rows:
                standing = Standing(*row)
                # A hash and a sorted set hold an id once, but a scan may tell it twice.
                if place not in TIMED or standing.id not in seen:
                    yield standing
                seen.add(standing.id)
            if cursor == "0":
                return

    def count_places(self, task_id: str, most: int) -> int:
        """In how many places an id is at one moment, counted up to `most`."""
        return int(self._run("count_places", id=task_id, most=most))

    def _who_moved(self, suspects: list[str]) -> set[str]:
        first = suspects[:MOST_SUSPECTS]
        moved = {each for each in first if self.count_places(each, 2) < 2}
        if len(moved) == len(first):
            # None of so many stood still, so the rest is taken for moving, too.
            return set(suspects)
        return moved

    def set_aside(self, limit: int) -> tuple[int, list[dict[str, Any]]]:
        """How much was in a list and is no task, and the latest: {"id", "reason", "at" (ms)}."""
        with speaking_to(self.redis):
            return inspect.set_aside(self.redis, self.keys, limit)

    def orphans(self) -> list[str]:
        """Tasks with a record but no place, among those that this queue's events know.

        Each of them was looked at twice.
        Another queue may keep its tasks under the same namespace: they are none of ours.
        """
        _, standings = self.standings()
        known = {event["task"] for event in self.events()}
        known -= {standing.id for standing in standings}
        with speaking_to(self.redis):
            suspects = inspect.with_record(self.redis, self.keys, sorted(known))
        # They may have moved while we looked: a second look at each, all places at one moment.
        lost = [each for each in suspects if self.count_places(each, 1) == 0]
        with speaking_to(self.redis):
            return inspect.with_record(self.redis, self.keys, lost)
