"""The queue in Redis: shared by processes and machines, and still there when all of them are gone.

Every operation that changes something is one Lua script, `lua/<method>.lua`: Redis runs a script
as one step, so no other client ever sees half of it. This file turns values into arguments and
replies into values; what a step does stands in the scripts.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import random
import secrets
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, cast

import redis

from imglab.errors import LeaseLost, TaskError
from imglab.queues.base import BaseQueue, decode
from imglab.queues.connection import BLOCK, Line, address, check_version, connect, speaking_to
from imglab.queues.invariants import Standing
from imglab.queues.task import QueueSettings, QueueStats, Task, check_name

#: The keys of a queue behind its name, in the order the scripts declare them (lua/_common.lua).
KEYS = (
    ":pending",
    ":pending:high",
    ":pending:low",
    ":processing",
    ":delayed",
    ":completed",
    ":failed",
    ":wake",
    ":workers",
    ":events",
    ":meta",
)
#: Tasks per round trip in bulk operations: large enough to be fast, small enough to block nobody.
CHUNK = 500
ERROR_LENGTH = 1000


class RedisTaskQueue(BaseQueue):
    """A queue in Redis; see BaseQueue for what it promises.

    Without an address it takes IMGLAB_REDIS_URL, else localhost:6379. A namespace goes in front of
    every key: a lesson's own, a test's own, or a hash tag such as `{eu}:` for Redis Cluster.
    QueueUnavailable when no Redis answers there, when it refuses the password, or is too old.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        *,
        url: str | None = None,
        name: str = "image_processing",
        namespace: str = "",
        settings: QueueSettings | None = None,
    ) -> None:
        super().__init__(settings or QueueSettings())
        if url is None and host is None and port is None:
            url = os.environ.get("IMGLAB_REDIS_URL") or None
        self._place: dict[str, Any] = {
            "host": host or "localhost",
            "port": port or 6379,
            "url": url,
        }
        self.redis = connect(**self._place)
        self._send = Line(self.redis).send
        self.name = check_name(name, "The queue's name")
        self.namespace = namespace
        self.keys = {suffix: f"{namespace}{name}{suffix}" for suffix in KEYS}
        # What every script gets, ready to send.
        self._head = (len(KEYS), *self.keys.values(), namespace, _in_redis_units(self.settings))
        self._about = f'"pid":{os.getpid()},"host":{json.dumps(socket.gethostname())}'
        self._nonces: dict[str, str] = {}
        self._new_nonce = map(
            "{}{:x}".format, itertools.repeat(secrets.token_hex(4)), itertools.count()
        )
        self._check_server()

    def __repr__(self) -> str:
        return f"RedisTaskQueue({self.namespace + self.name!r} at {address(self.redis)})"

    def __enter__(self) -> RedisTaskQueue:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self.redis.close()

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> RedisTaskQueue:
        """The queue that `spec()` described."""
        return cls(**{**spec, "settings": QueueSettings(**spec["settings"])})

    def spec(self) -> dict[str, Any]:
        """What makes the same queue in another process, as plain data; it may hold a password."""
        return {
            **self._place,
            "name": self.name,
            "namespace": self.namespace,
            "settings": asdict(self.settings),
        }

    # Producers and workers

    def _add(
        self, tasks: dict[str, str], priority: str, delay: float, tries: int | None
    ) -> list[str]:
        refused: list[str] = []
        items = iter(tasks.items())
        while chunk := list(itertools.islice(items, CHUNK)):
            flat = itertools.chain.from_iterable(chunk)
            refused += self._run("add_tasks", priority, int(delay * 1000), tries or "", *flat)
        return refused

    def get_tasks(self, worker: str, limit: int, timeout: float | None = 0) -> list[Task]:
        check_name(worker, "The worker's name")
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            reply = self._run("get_tasks", *self._ask(worker, limit))
            tasks, wait = self._read(reply, worker)
            left = BLOCK if until is None else until - time.monotonic()
            if tasks or left <= 0:
                return tasks
            # Sleep until somebody rings. The token is a hint: whoever wakes up looks for work
            # anyway, if not twice: after the end of the sleep, the next call begins with a claim.
            with speaking_to(self.redis):
                seconds = max(min(left, BLOCK, wait), 0.001)
                rang = self._send("BLPOP", self.keys[":wake"], seconds)
            if not rang and until is not None and seconds >= left:
                return []

    def _complete(self, task: Task, result: str) -> None:
        if not self._run("mark_completed", task.id, task.claim, task.worker, result):
            raise LeaseLost(task.id)

    def complete_and_claim_tasks(self, done: Sequence[tuple[Task, str]], limit: int) -> list[Task]:
        worker = done[0][0].worker
        again = "1" if worker in self._nonces else ""
        flat = (word for task, result in done for word in (task.id, task.claim, result))
        reply = self._run("complete_and_claim", *self._ask(worker, limit), again, *flat)
        if 0 in reply:
            lost = zip(done, reply, strict=False)  # nothing was claimed: one reply for each
            raise LeaseLost(*(task.id for (task, _), recorded in lost if not recorded))
        return self._read(reply[-1], worker)[0] if limit else []

    def mark_failed(self, task: Task | str, error: str, *, retry: bool = True) -> None:
        task = self._claimed(task)
        arguments = (str(error)[:ERROR_LENGTH], "1" if retry else "0", random.random())
        if not self._run("mark_failed", task.id, task.claim, *arguments):
            raise LeaseLost(task.id)

    def release(self, task: Task | str) -> None:
        task = self._claimed(task)
        if not self._run("release", task.id, task.claim):
            raise LeaseLost(task.id)

    def renew(self, task: Task | str, progress: str = "") -> bool:
        task = self._claimed(task)
        renewed = self._run("renew", task.id, task.claim, task.worker, progress[:ERROR_LENGTH])
        if not renewed:
            raise LeaseLost(task.id)
        return bool(renewed == 2)

    def reap(self, dead_worker: str = "") -> int:
        return int(self._run("reap", dead_worker, random.random()))

    # People

    def requeue_failed(self, task_ids: Iterable[str] | None = None) -> list[str]:
        # Oldest first: they failed first, and LREM finds them at the end it starts from.
        ids = iter(self.tasks("failed", self.settings.keep)[::-1] if task_ids is None else task_ids)
        moved: list[str] = []
        while chunk := list(itertools.islice(ids, CHUNK)):
            moved += self._run("requeue_failed", *chunk)
        return moved

    def cancel(self, task_id: str) -> bool:
        done = self._run("cancel", task_id)
        if done < 0:
            raise _unknown(task_id)
        return bool(done)

    def pause(self) -> None:
        with speaking_to(self.redis):
            self.redis.hset(self.keys[":meta"], "paused", "1")

    def resume(self) -> None:
        # Sleepers look around by themselves within a second: no need to ring.
        with speaking_to(self.redis):
            self.redis.hdel(self.keys[":meta"], "paused")

    def clear(self) -> int:
        return sum(iter(lambda: int(self._run("clear", CHUNK)), 0))  # chunks, until one is empty

    def get_stats(self) -> QueueStats:
        with speaking_to(self.redis), self.redis.pipeline() as pipe:
            for suffix in (":pending", ":pending:high", ":pending:low", ":completed", ":failed"):
                pipe.llen(self.keys[suffix])
            pipe.hlen(self.keys[":processing"])
            pipe.zcard(self.keys[":delayed"])
            pipe.hmget(self.keys[":meta"], ["completed", "failed"])
            normal, high, low, completed, failed, processing, delayed, totals = pipe.execute()
        return QueueStats(
            pending=normal + high + low,
            processing=processing,
            delayed=delayed,
            completed=completed,
            failed=failed,
            completed_total=int(totals[0] or 0),
            failed_total=int(totals[1] or 0),
        )

    def task(self, task_id: str) -> Task:
        with speaking_to(self.redis):
            fields = cast("dict[str, str]", self.redis.hgetall(f"{self.namespace}task:{task_id}"))
        if not fields:
            raise _unknown(task_id)
        return Task(
            id=task_id,
            payload=decode(fields.get("payload", "")),
            priority=fields.get("priority", "normal"),
            attempt=int(fields.get("attempts", 0)),
            claim=fields.get("claim", ""),
            worker=fields.get("worker", ""),
            status=fields.get("status", ""),
            crashes=int(fields.get("crashes", 0)),
            errors=tuple(json.loads(fields.get("errors", "[]"))),
        )

    def tasks(self, status: str, limit: int = 100) -> list[str]:
        if status not in ("pending", "processing", "delayed", "completed", "failed"):
            raise TaskError(f"There is no status {status!r:.80}.")
        with speaking_to(self.redis):
            if status == "pending":
                keys = [self.keys[each] for each in (":pending:high", ":pending", ":pending:low")]
                lists = [cast("list[str]", self.redis.lrange(key, -limit, -1)) for key in keys]
                ids: Any = [task_id for line in lists for task_id in reversed(line)]
            elif status == "processing":
                ids = self.redis.hkeys(self.keys[":processing"])
            else:
                read = self.redis.zrange if status == "delayed" else self.redis.lrange
                ids = read(self.keys[f":{status}"], 0, limit - 1)
        return cast("list[str]", ids[:limit])

    def result(self, task_id: str) -> dict[str, Any] | None:
        with speaking_to(self.redis):
            text = self.redis.hget(f"{self.namespace}result:{task_id}", "result")
        return None if text is None else decode(cast("str", text))

    def events(self) -> Iterator[dict[str, Any]]:
        last = "-"
        while True:
            with speaking_to(self.redis):
                page = cast(
                    "list[Any]", self.redis.xrange(self.keys[":events"], last, "+", count=1000)
                )
            for entry, fields in page:
                last = "(" + entry
                yield {"at": int(entry.partition("-")[0]), **fields}
            if len(page) < 1000:
                return

    def workers(self) -> dict[str, dict[str, Any]]:
        """Who works on this queue: name → {"seen" (ms), "task", "pid", "host"}."""
        with speaking_to(self.redis):
            records = cast("dict[str, str]", self.redis.hgetall(self.keys[":workers"]))
        return {name: json.loads(record) for name, record in sorted(records.items())}

    def leave(self, worker: str) -> None:
        """Take a worker off the list of those who work here."""
        with speaking_to(self.redis):
            self.redis.hdel(self.keys[":workers"], worker)

    def forget_workers(self, silent_for: float = 3600) -> list[str]:
        """Take workers off the list that showed no life for so many seconds; their names."""
        with speaking_to(self.redis):
            oldest = (self.redis.time()[0] - silent_for) * 1000
        silent = [name for name, record in self.workers().items() if record["seen"] < oldest]
        for name in silent:
            self.leave(name)
        return silent

    def standings(self) -> tuple[int, list[Standing]]:
        tokens, *rows = self._run("check")
        return tokens, [Standing(*row) for row in rows]

    def _mark(self) -> str:
        with speaking_to(self.redis):
            newest = cast("list[Any]", self.redis.xrevrange(self.keys[":events"], count=1))
        return str(newest[0][0]) if newest else "0-0"

    def _until_event(self, mark: str, until: float | None, task_id: str = "") -> bool:
        end = min(time.monotonic() + BLOCK, until or math.inf)
        while (left := end - time.monotonic()) > 0:
            wait = max(1, int(left * 1000))
            with speaking_to(self.redis):
                found: Any = self.redis.xread({self.keys[":events"]: mark}, count=100, block=wait)
            entries = found[0][1] if found else []
            if not (entries and task_id) or any(
                event["task"] == task_id and event["event"] in ("completed", "failed")
                for _, event in entries
            ):
                return True
            mark = entries[-1][0]
        return end != until

    # Scripts and their replies

    def _run(self, name: str, *arguments: str | float) -> Any:
        text, sha = script(name)
        with speaking_to(self.redis):
            try:
                return self._send("EVALSHA", sha, *self._head, *arguments)
            except redis.exceptions.NoScriptError:  # a new server, or its scripts were flushed
                return self._send("EVAL", text, *self._head, *arguments)

    def _ask(self, worker: str, limit: int) -> tuple[Any, ...]:
        # The same nonce until a reply arrives: a claim whose reply was lost is given again.
        nonce = self._nonces.setdefault(worker, next(self._new_nonce))
        return worker, nonce, self._about, random.random(), limit

    def _read(self, reply: list[Any], worker: str) -> tuple[list[Task], float]:
        """The claimed tasks, or in how many seconds to ask again. A broken payload is no task."""
        self._nonces.pop(worker, None)
        if isinstance(reply[0], int):
            return [], reply[0] / 1000
        tasks = []
        for task_id, payload, priority, attempt, claim in reply:
            try:
                task = Task(task_id, decode(payload), priority, attempt, claim, worker)
            except TaskError as error:
                broken = Task(task_id, {}, priority, attempt, claim, worker)
                self.mark_failed(broken, f"The payload is broken. {error}", retry=False)
            else:
                tasks.append(self._remember(task))
        return tasks, 0

    def _check_server(self) -> None:
        with speaking_to(self.redis):
            try:
                info = self.redis.info("server")
            except redis.exceptions.NoPermissionError:
                return  # a user with few rights: the first command will tell
        check_version(str(info["redis_version"]), address(self.redis))


@cache
def script(name: str) -> tuple[str, str]:
    """The text of a script, with what all scripts share in front, and its SHA-1."""
    folder = Path(__file__).with_name("lua")
    text = (folder / "_common.lua").read_text() + (folder / f"{name}.lua").read_text()
    return text, hashlib.sha1(text.encode()).hexdigest()


def _in_redis_units(settings: QueueSettings) -> str:
    return json.dumps(  # all but the time limit, which is the workers' business
        {
            **{each: getattr(settings, each) for each in ("max_attempts", "max_crashes", "keep")},
            **{each: int(getattr(settings, each)) for each in ("keep_events", "ttl")},
            "lease": int(settings.lease * 1000),
            "backoff": int(settings.backoff * 1000),
            "backoff_cap": int(settings.backoff_cap * 1000),
        }
    )


def _unknown(task_id: str) -> TaskError:
    return TaskError(
        f"There is no task {task_id!r:.120}: it was never added, or it finished so long ago "
        "that it is no longer kept."
    )
