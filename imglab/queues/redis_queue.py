"""The queue in Redis: shared by processes and machines, and still there when all of them are gone.

Every operation that changes something is one Lua script, `lua/<method>.lua`: Redis runs a script
as one step, so no other client ever sees half of it. This file turns values into arguments and
replies into values; what a step does stands in the scripts.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import hiredis
import redis

from imglab.errors import LeaseLost, QueueError, QueueFull
from imglab.language import tr
from imglab.queues import inspect
from imglab.queues.adding import Adding
from imglab.queues.arguments import as_id, as_ids, as_seconds, as_text
from imglab.queues.connection import has_changed_nothing, place_of, speaking_to
from imglab.queues.keys import DEFAULT_NAME, as_pattern
from imglab.queues.redis_pictures import RedisPictures
from imglab.queues.redis_reader import unknown_task
from imglab.queues.redis_walk import STEP
from imglab.queues.scripts import script
from imglab.queues.task import TEXT_LENGTH, WORKERS_NAME, QueueSettings, Task, as_utf8, check_name
from imglab.queues.vocabulary import Status

#: Tasks per round trip in bulk operations: large enough to be fast, small enough to block nobody.
CHUNK = 500
#: Entries of lists that one step of a repair looks through: so that others are served in between.
ENTRIES_AT_ONCE = 100_000
#: What `renew` answers when somebody asked to cancel the task (lua/renew.lua).
CANCEL_ASKED = 2


class RedisTaskQueue(RedisPictures):
    """A queue in Redis; see BaseQueue for what it promises.

    Without an address it takes IMGLAB_REDIS_URL, else localhost:6379. A namespace goes in front of
    every key: a lesson's own, a test's own, or a hash tag such as `{eu}:` for Redis Cluster.
    `redis+cluster://HOST:PORT,HOST:PORT` (or any node's address) follows the queue in a cluster,
    `redis+sentinel://HOST:PORT,HOST:PORT/SERVICE` the primary that sentinels name.
    With `connection`, a redis-py client (or what `describe` tells of one), it speaks to the same
    server with the same credentials, but in its own way: that client's time limits and retries are
    not made for blocking workers.
    The settings are those stored with the queue. `settings` are stored where there are none yet, by
    the first task added or the first worker; where others are stored, a SettingsWarning says so.
    QueueUnavailable when no Redis answers there, when it refuses the password, or is too old.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | str | None = None,
        *,
        url: str | None = None,
        connection: redis.Redis | Mapping[str, Any] | None = None,
        name: str | None = DEFAULT_NAME,
        namespace: str | None = "",
        settings: QueueSettings | None = None,
    ) -> None:
        place = place_of(host, port, url, connection)
        if name is None:
            name = DEFAULT_NAME
        super().__init__(place, name, as_text(namespace, tr("The namespace")), settings)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> RedisTaskQueue:
        """The queue that `spec()` described."""
        settings = spec["settings"]
        if settings is not None:
            settings = QueueSettings(**settings)
        return cls(**{**spec, "settings": settings})

    def spec(self) -> dict[str, Any]:
        """What makes the same queue in another process, as plain data; it may hold a password.

        QueueError for a connection whose credentials only this process can find.
        """
        settings = None
        if self._asked is not None:
            settings = asdict(self._asked)
        connection = self._place["connection"]
        if connection and "credential_provider" in connection["options"]:
            raise QueueError(
                tr(
                    "This connection has a credential_provider, which no other process can be "
                    "given: name the server by url=… for workers in processes of their own."
                )
            )
        return {
            **self._place,
            "name": self.name,
            "namespace": self.namespace,
            "settings": settings,
        }

    # Producers and workers

    def _add(self, call: Adding, priority: str, delay: float, tries: int | None) -> None:
        self._agree()
        at_once = CHUNK
        if call.lacks_room:
            at_once = 1  # it asks whether there is room by now, and all others follow
        chunk = list(itertools.islice(call.left, at_once))
        unsure = call.unsure
        call.unsure = [task_id for task_id, _ in chunk]
        # With a nonce in its record, a task that an unheard reply added is known as ours.
        nonce = call.call_id if call.has_own_ids else ""
        try:
            reply = self._run(
                "add_tasks",
                *itertools.chain.from_iterable(chunk),
                priority=priority,
                delay=int(delay * 1000),
                max_attempts=tries or "",
                nonce=nonce,
            )
        except QueueError as error:
            if has_changed_nothing(error):
                call.unsure = unsure
            raise
        call.lacks_room = bool(reply) and isinstance(reply[0], int)
        if not call.lacks_room:
            call.are_in(len(chunk))
            call.refused += reply
            return
        taken, in_line, *refused = reply
        call.are_in(taken)
        call.refused += refused
        self._refuse(in_line)

    def _refuse(self, in_line: int) -> None:
        """Raise QueueFull, unless the bound is another one by now."""
        bound = self.settings.max_pending
        self._look_again = 0.0
        self._agree()
        if bound is not None and bound == self.settings.max_pending:
            raise QueueFull(in_line, bound)

    def _complete(self, task: Task, result: str) -> None:
        recorded = self._run(
            "mark_completed", id=task.id, token=task.claim, worker=task.worker, result=result
        )
        if not recorded:
            raise LeaseLost(task.id)

    def mark_failed(self, task: Task | str, error: str, *, retry: bool = True) -> None:
        task = self._claimed(task)
        recorded = self._run(
            "mark_failed",
            id=task.id,
            token=task.claim,
            reason=as_utf8(error, TEXT_LENGTH),
            retry="1" if retry else "0",
            random=random.random(),
        )
        if not recorded:
            raise LeaseLost(task.id)

    def release(self, task: Task | str) -> None:
        task = self._claimed(task)
        if not self._run("release", id=task.id, token=task.claim):
            raise LeaseLost(task.id)

    def renew(self, task: Task | str, progress: str = "") -> bool:
        task = self._claimed(task)
        renewed = self._run(
            "renew",
            id=task.id,
            token=task.claim,
            worker=task.worker,
            progress=as_utf8(progress or "", TEXT_LENGTH),
        )
        if not renewed:
            raise LeaseLost(task.id)
        return bool(renewed == CANCEL_ASKED)

    def reap(self, dead_worker: str = "", pid: int | None = None) -> int:
        if dead_worker:
            check_name(dead_worker, WORKERS_NAME)
        self._agree()
        process = ""
        if pid is not None:
            process = str(pid)
        arguments = {"dead": dead_worker or "", "pid": process, "host": self._host}
        return int(self._run("reap", random=random.random(), **arguments))

    def renew_all(self, worker: str, pid: int) -> bool:
        """Renew all that a process of this machine holds under this name, in its place.

        True when somebody asked to cancel one of these tasks.
        """
        return bool(self._run("renew_all", worker=worker, pid=pid, host=self._host) == CANCEL_ASKED)

    def renewal(self, worker: str, pid: int) -> tuple[bytes, bytes]:
        """What to send for `renew_all`, as bytes; the second ones, if Redis lacks the script."""
        step = script("renew_all")
        words: tuple[Any, ...] = (*self._head, worker, pid, self._host)
        short = hiredis.pack_command(("EVALSHA", step.sha, *words))
        long = hiredis.pack_command(("EVAL", step.text, *words))
        return short, long

    def socket_to_hand_on(self) -> int | None:
        """A file number that speaks to Redis already, for another process; None over TLS."""
        pool = self.redis.connection_pool
        if issubclass(pool.connection_class, redis.SSLConnection):
            return None
        with speaking_to(self.redis):
            connection = pool.connection_class(**pool.connection_kwargs)
            connection.connect()
            number: int = connection._sock.detach()
        os.set_blocking(number, True)
        return number

    # People

    def requeue_failed(self, task_ids: Iterable[str] | None = None) -> list[str]:
        if task_ids is None:
            # Oldest first: they failed first, and LREM finds them at the end it starts from.
            ids = iter(self.tasks(Status.FAILED, self.settings.keep)[::-1])
        else:
            ids = iter(as_ids(task_ids))
        moved: list[str] = []
        while chunk := list(itertools.islice(ids, CHUNK)):
            moved += self._run("requeue_failed", *chunk)
        return moved

    def cancel(self, task_id: str) -> bool:
        task_id = as_id(task_id)
        done = self._run("cancel", id=task_id)
        if done < 0:
            raise unknown_task(task_id)
        return bool(done)

    def pause(self) -> None:
        with speaking_to(self.redis):
            self.redis.hset(self.keys.meta, "paused", "1")

    def resume(self) -> None:
        # Sleepers look around by themselves within a second: no need to ring.
        with speaking_to(self.redis):
            self.redis.hdel(self.keys.meta, "paused")

    def clear(self) -> int:
        total = 0
        while deleted := self._run("clear", most=STEP):
            total += deleted
        self._begin_anew()
        return total

    def delete_namespace(self) -> int:
        """Delete every key under this queue's namespace, whoever wrote it; return how many.

        QueueError without a namespace: then it would be everybody's keys.
        """
        if not self.namespace:
            raise QueueError(
                tr("A queue without a namespace may not delete all keys: use clear().")
            )
        with speaking_to(self.redis):
            keys = inspect.find_keys(self.redis, [as_pattern(self.namespace) + "*"])
            for key in keys:
                self.redis.unlink(key)
        self._begin_anew()
        return len(keys)

    def repair(self, task_ids: Iterable[str]) -> list[str]:
        """Put each task into one place that its record agrees with; return those that were not.

        A finished task stays finished, as long as its result is there; any other is to be done.
        """
        ids = as_ids(task_ids)
        listed = self.get_stats()
        # Each of them is looked for in all the lists.
        entries = 1 + listed.pending + listed.completed + listed.failed + listed.cancelled
        at_once = max(1, min(CHUNK, ENTRIES_AT_ONCE // entries))
        changed: list[str] = []
        for first in range(0, max(1, len(ids)), at_once):  # once at least, for the wake token
            changed += self._run("repair", *ids[first : first + at_once])
        return changed

    def leave(self, worker: str) -> None:
        """Take a worker off the list of those who work here."""
        check_name(worker, WORKERS_NAME)
        with speaking_to(self.redis):
            self.redis.hdel(self.keys.workers, worker)

    def forget_workers(self, silent_for: float = 3600) -> list[str]:
        """Take workers off the list that showed no life for so many seconds; return their names."""
        oldest = self.server_time() - as_seconds(silent_for, "silent_for") * 1000
        silent = [name for name, record in self.workers().items() if record["seen"] < oldest]
        for name in silent:
            self.leave(name)
        return silent
