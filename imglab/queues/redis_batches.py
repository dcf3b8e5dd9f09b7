"""Batches in Redis; what a step does stands in lua/_batch.lua."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, cast

from imglab.errors import TaskError
from imglab.queues import inspect
from imglab.queues.batches import (
    BatchState,
    Ending,
    about_as_text,
    check_batch_name,
    following_as_text,
    no_batch,
    other_batch,
    still_open,
)
from imglab.queues.connection import speaking_to
from imglab.queues.patience import patient
from imglab.queues.redis_claims import RedisClaims
from imglab.queues.task import check_priority, decode
from imglab.queues.vocabulary import NORMAL, Status

#: What a script answers for a batch that there is not.
UNKNOWN = -1


class RedisBatches(RedisClaims):
    """The part of `RedisTaskQueue` that keeps batches."""

    @patient
    def begin_batch(self, name: str, about: Mapping[str, Any] | None = None) -> int:
        check_batch_name(name)
        text = about_as_text(about)
        self._agree()
        is_ours, found = self._run("begin_batch", batch=name, about=text)
        if not is_ours:
            raise other_batch(name, found, text)
        return inspect.read_number(found)

    def _add_to_batch(
        self, name: str, rows: list[tuple[str, str, str]], priority: str, tries: int | None
    ) -> tuple[int, int]:
        self._agree()
        words = itertools.chain.from_iterable(rows)
        reply = self._run(
            "add_to_batch", *words, batch=name, priority=priority, max_attempts=tries or ""
        )
        if reply == UNKNOWN:
            raise no_batch(name)
        looked_at, in_line, _ = reply
        return looked_at, in_line

    @patient
    def close_batch(
        self,
        name: str,
        at_end: Mapping[str, Any] | None = None,
        priority: str = NORMAL,
    ) -> None:
        check_batch_name(name)
        check_priority(priority)
        text = following_as_text(at_end)
        if not self._run("close_batch", batch=name, at_end=text, at_end_priority=priority):
            raise no_batch(name)

    def forget_batch(self, name: str) -> None:
        count = self._run("forget_batch", batch=check_batch_name(name))
        if count == UNKNOWN:
            raise no_batch(name)
        if count:
            raise still_open(self.batch(name))

    @patient
    def batches(self) -> list[BatchState]:
        with speaking_to(self.redis):
            return read_batches(cast("dict[str, str]", self.redis.hgetall(self.keys.batches)))

    @patient
    def batch(self, name: str) -> BatchState:
        check_batch_name(name)
        names = [f"{name}:{figure}" for figure in FIGURES]
        with speaking_to(self.redis):
            values = cast("list[str | None]", self.redis.hmget(self.keys.batches, names))
        found = {key: each for key, each in zip(names, values, strict=True) if each is not None}
        states = read_batches(found)
        if not states:
            raise no_batch(name)
        return states[0]

    def batch_tasks(self, name: str, status: str) -> Iterator[str]:
        self.batch(name)
        with speaking_to(self.redis):
            for task_id, note in self.redis.hscan_iter(self.keys.batch(name), count=inspect.PAGE):
                if note.partition(" ")[0] == status:
                    yield task_id

    @patient
    def endings_after(self, name: str, mark: str, limit: int) -> tuple[str, list[Ending]]:
        self.batch(name)
        with speaking_to(self.redis):
            reply = self.redis.xrange(self.keys.ended(name), f"({mark}", "+", limit)
        page = cast("list[Any]", reply)
        found = self._with_labels(name, page)
        if found:
            mark = str(page[-1][0])
        return mark, found

    @patient
    def latest_endings(self, name: str, limit: int) -> list[Ending]:
        self.batch(name)
        with speaking_to(self.redis):
            page = self.redis.xrevrange(self.keys.ended(name), "+", "-", limit)
        return self._with_labels(name, cast("list[Any]", page))

    def _with_labels(self, name: str, page: list[Any]) -> list[Ending]:
        if not page:
            return []
        ids = [fields.get("task", inspect.UNKNOWN) for _, fields in page]
        with speaking_to(self.redis):
            notes = cast("list[str | None]", self.redis.hmget(self.keys.batch(name), ids))
        rows = zip(page, ids, notes, strict=True)
        return [_ending(entry, fields, each, note or "") for (entry, fields), each, note in rows]


#: The fields of a batch that people read; see lua/_batch.lua.
FIGURES = (
    "born",
    "tasks",
    "open",
    "completed",
    "failed",
    "cancelled",
    "closed",
    "about",
    "ended_at",
)


def read_batches(fields: Mapping[str, str]) -> list[BatchState]:
    """How the batches stand of which there are these fields, the latest begun first."""
    names = [key.removesuffix(":born") for key in fields if key.endswith(":born")]
    states = [_read_batch(name, fields) for name in names]
    return sorted(states, key=_began_at, reverse=True)


def _began_at(state: BatchState) -> int:
    return state.began_at


def _read_batch(name: str, fields: Mapping[str, str]) -> BatchState:
    def number(figure: str) -> int:
        return max(0, inspect.read_number(fields.get(f"{name}:{figure}")))

    return BatchState(
        name=name,
        tasks=number("tasks"),
        open=number("open"),
        completed=number("completed"),
        failed=number("failed"),
        cancelled=number("cancelled"),
        is_closed=fields.get(f"{name}:closed") == "1",
        about=_object(fields.get(f"{name}:about", "")),
        began_at=number("born"),
        ended_at=number("ended_at"),
    )


def _ending(entry: str, fields: Mapping[str, str], task_id: str, note: str) -> Ending:
    status = fields.get("status", "")
    about = fields.get("about", "")
    result: Mapping[str, Any] = {}
    reason = about
    if status == Status.COMPLETED:
        result = _object(about)
        reason = ""
    return Ending(
        task=task_id,
        label=note.partition(" ")[2],
        status=status,
        at=inspect.read_number(entry.partition("-")[0]),
        result=result,
        reason=reason,
    )


def _object(text: str) -> dict[str, Any]:
    """A JSON object; an empty one for what is none."""
    try:
        return decode(text)
    except TaskError:
        return {}
