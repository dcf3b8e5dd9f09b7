"""The judge at the end: what was promised, and is not so, as sentences."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from PIL import Image

from imglab.queues import RedisTaskQueue
from imglab.queues.invariants import Standing, broken
from torture.intruder import Intruder
from torture.kinds import SOUND, colour_of
from torture.plan import Plan, number_of


def as_text(raw: bytes) -> str:
    """Bytes as the queue reads them."""
    return raw.decode(errors="backslashreplace")


@dataclass
class Ending:
    """A queue at its end, read by somebody with all rights."""

    standings: list[Standing]
    tokens: int
    #: Id → how many times it is in `completed`, in `failed`, and in `cancelled`.
    completed: Counter[str]
    failed: Counter[str]
    cancelled: Counter[str]
    #: Id → the reason it was set aside for.
    odd: dict[str, str]

    @classmethod
    def read(cls, queue: RedisTaskQueue, raw: redis.Redis) -> Ending:
        """Read it; `raw` gives bytes."""
        tokens, standings = queue.standings()
        return cls(
            standings,
            tokens,
            Counter(map(as_text, raw.lrange(queue.keys.completed, 0, -1))),
            Counter(map(as_text, raw.lrange(queue.keys.failed, 0, -1))),
            Counter(map(as_text, raw.lrange(queue.keys.cancelled, 0, -1))),
            read_odd(raw.lrange(queue.keys.odd, 0, -1)),
        )


def read_odd(entries: list[bytes]) -> dict[str, str]:
    """What was set aside: id → reason."""
    found = {}
    for entry in entries:
        # An id may be any bytes: as Latin-1 each of them is a letter, and JSON can be read.
        values: dict[str, Any] = json.loads(entry.decode("latin-1"), strict=False)
        found[as_text(values["id"].encode("latin-1"))] = values["reason"]
    return found


class Judge:
    """Looks at one queue's end."""

    def __init__(
        self, plan: Plan, queue: RedisTaskQueue, intruder: Intruder, ending: Ending, output: Path
    ) -> None:
        self._plan = plan
        self._queue = queue
        self._intruder = intruder
        self._ending = ending
        self._output = output
        #: Tasks that the intruder wrote into: their end is its doing.
        self._spoiled = intruder.spoiled

    def wrong(self) -> dict[str, list[str]]:
        """What is wrong, by kind; empty lists when every promise was kept."""
        return {
            "sound, not completed once": list(self._sound()),
            "unsound, not failed": list(self._unsound()),
            "hostile, nowhere": list(self._foreign()),
            "invariants": list(self._invariants()),
        }

    def _sound(self) -> Iterator[str]:
        for task_id, kind in self._plan.tasks.items():
            if kind != SOUND or task_id in self._spoiled:
                continue
            times = self._ending.completed[task_id]
            if times != 1:
                yield f"{task_id} is {times} times completed; {self._whereabouts(task_id)}."
            else:
                yield from self._result(task_id)

    def _result(self, task_id: str) -> Iterator[str]:
        result = self._queue.result(task_id) or {}
        if result.get("status") != "success" or task_id not in str(result.get("output_path")):
            yield f"{task_id} has the result {result}."
        with Image.open(self._output / f"{task_id}.png") as picture:
            if picture.convert("RGB").getpixel((0, 0)) != colour_of(number_of(task_id)):
                yield f"{task_id} has a picture of another task."

    def _unsound(self) -> Iterator[str]:
        for task_id, kind in self._plan.tasks.items():
            if kind == SOUND or task_id in self._spoiled:
                continue
            if self._ending.failed[task_id] != 1:
                yield f"{task_id} ({kind}) is not failed once; {self._whereabouts(task_id)}."
                continue
            reason = self._queue.task(task_id).reason
            if not re.search(self._plan.reason(task_id), reason):
                yield f"{task_id} ({kind}) failed for another reason: {reason:.200}"

    def _foreign(self) -> Iterator[str]:
        """Every id that the intruder put into a line has to be somewhere, with a reason."""
        for task_id in [*map(as_text, self._intruder.foreign), *self._spoiled]:
            if task_id in self._plan.tasks and task_id not in self._spoiled:
                continue
            if not self._is_somewhere(task_id):
                yield f"{task_id!r:.80} is nowhere: {self._record(task_id)!r:.300}"

    def _is_somewhere(self, task_id: str) -> bool:
        ending = self._ending
        lists = (ending.completed, ending.failed, ending.cancelled, ending.odd)
        return any(task_id in each for each in lists)

    def _record(self, task_id: str) -> Any:
        try:
            return self._queue.redis.hgetall(self._queue.keys.task(task_id))
        except redis.RedisError as error:
            return error

    def _invariants(self) -> Iterator[str]:
        """What `check` says, but for records that the intruder wrote or wrote into."""
        hostile = {*map(as_text, self._intruder.foreign), *self._spoiled}
        ours = [each for each in self._ending.standings if each.id not in hostile]
        yield from broken(ours, self._ending.tokens, self._queue.settings)

    def _whereabouts(self, task_id: str) -> str:
        places = [each.place for each in self._ending.standings if each.id == task_id]
        words = f"it is in {places}"
        if task_id in self._ending.odd:
            words += f", set aside: {self._ending.odd[task_id]}"
        if self._ending.failed[task_id]:
            words += f", failed: {self._queue.task(task_id).reason:.200}"
        if task_id in self._intruder.doubled:
            words += ", its id was pushed again by the hostile producer"
        return words
