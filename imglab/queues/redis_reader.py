"""A queue in Redis as it can be read: connected, with its keys and scripts, and nothing changed.

What changes a queue stands in redis_queue.py.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, cast

import redis
from redis.exceptions import NoPermissionError

from imglab.errors import NoSuchTask, QueueError, SettingsWarning
from imglab.language import tr
from imglab.queues import cluster, inspect
from imglab.queues.arguments import as_count, as_id
from imglab.queues.base import BaseQueue
from imglab.queues.connection import (
    BLOCK,
    address,
    check_version,
    connect,
    connect_like,
    speaking_to,
)
from imglab.queues.kept_connection import KeptConnection
from imglab.queues.keys import Keys, as_pattern
from imglab.queues.patience import patient
from imglab.queues.scripts import script
from imglab.queues.stored_settings import (
    check_settings,
    difference,
    difference_in_words,
    from_text,
)
from imglab.queues.task import QueueSettings, QueueStats, Task, check_name, check_status, decode
from imglab.queues.vocabulary import FINISHED, NORMAL, Status, status_after

logger = logging.getLogger(__name__)


class RedisReader(BaseQueue):
    """The part of `RedisTaskQueue` that connects and reads."""

    def __init__(
        self, place: Mapping[str, Any], name: str, namespace: str, settings: QueueSettings | None
    ) -> None:
        super().__init__(check_settings(settings))
        #: What its owner asked for; None for whatever is stored.
        self._asked = settings
        #: The stored settings that it took up, as text.
        self._seen = ""
        #: Where the server is, as plain data: host, port, url, connection.
        self._place = dict(place)
        self._speak_through(_connect(place))
        self.name = check_name(name, tr("The queue's name"))
        self.namespace = namespace
        self.keys = Keys(namespace, name)
        self._use(self.settings)
        self._meet_server()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.namespace + self.name!r} at {address(self.redis)})"

    def close(self) -> None:
        """Give the connections back."""
        self.redis.close()

    @property
    def identity(self) -> str:
        """What two objects share that stand for one queue: server, database and full name."""
        database = self.redis.get_connection_kwargs().get("db", 0)
        return f"{address(self.redis)}/{database} {self.namespace}{self.name}"

    # Settings

    def stored_settings(self, text: str | None = None) -> QueueSettings | None:
        """The settings that are stored with this queue; None where there are none.

        QueueError when somebody overwrote them with what no queue can keep.
        """
        if text is None:
            text = self._stored_text()
        if not text:
            return None
        try:
            return from_text(text)
        except QueueError as error:
            raise QueueError(
                tr(
                    "The settings stored with the queue {queue} are broken, for {error} "
                    "The default ones count until somebody changes them: `imglab settings` does.",
                    queue=self._full_name,
                    error=error,
                )
            ) from None

    @property
    def _full_name(self) -> str:
        return self.namespace + self.name

    def _use(self, settings: QueueSettings) -> None:
        self.settings = settings
        #: What every script gets, ready to send.
        names = self.keys.all + cluster.guard(self.redis, self._full_name)
        self._head = (
            len(names),
            *names,
            self.namespace,
            _in_redis_units(settings),
        )

    def _stored_text(self) -> str:
        with speaking_to(self.redis):
            return str(self.redis.hget(self.keys.meta, "settings") or "")

    def _take_up(self, text: str) -> None:
        """Use the stored settings; say so when they are not those that were asked for."""
        if text in ("", self._seen):
            return
        is_first = not self._seen
        self._seen = text
        try:
            stored = self.stored_settings(text)
        except QueueError as error:
            self._say(str(error))
            return
        if stored is None:
            return
        differences = difference(stored, self.settings)
        if not differences:
            return
        self._use(stored)
        if is_first and self._asked is not None:
            self._say(difference_in_words(self._full_name, differences))
        elif not is_first:
            logger.info("The settings of the queue %s are others now: %s", self._full_name, text)

    def _say(self, words: str) -> None:
        """Warn whoever called this package, at the line that did."""
        frame = sys._getframe()
        depth = 1
        while frame.f_back and frame.f_globals.get("__name__", "").startswith("imglab."):
            frame = frame.f_back
            depth += 1
        warnings.warn(words, SettingsWarning, stacklevel=depth)

    # What people ask

    @patient
    def get_stats(self) -> QueueStats:
        with speaking_to(self.redis), self.redis.pipeline() as pipe:
            for line in self.keys.lines:
                pipe.llen(line)
            pipe.hlen(self.keys.processing)
            pipe.zcard(self.keys.delayed)
            for status in FINISHED:
                pipe.llen(self.keys.finished(status))
            pipe.hmget(self.keys.meta, list(FINISHED))
            *lines, processing, delayed, completed, failed, cancelled, totals = pipe.execute()
        return QueueStats(
            pending=sum(lines),
            processing=processing,
            delayed=delayed,
            completed=completed,
            failed=failed,
            cancelled=cancelled,
            completed_total=inspect.read_number(totals[0]),
            failed_total=inspect.read_number(totals[1]),
            cancelled_total=inspect.read_number(totals[2]),
        )

    @patient
    def task(self, task_id: str) -> Task:
        task_id = as_id(task_id)
        with speaking_to(self.redis):
            fields = cast("dict[str, str]", self.redis.hgetall(self.keys.task(task_id)))
        if not fields:
            raise unknown_task(task_id)
        return Task(
            id=task_id,
            payload=decode(fields.get("payload", "")),
            priority=fields.get("priority", NORMAL),
            attempt=inspect.read_number(fields.get("attempts")),
            claim=fields.get("claim", ""),
            worker=fields.get("worker", ""),
            status=fields.get("status", ""),
            crashes=inspect.read_number(fields.get("crashes")),
            errors=inspect.read_errors(fields.get("errors", "[]")),
            progress=fields.get("progress", ""),
        )

    @patient
    def tasks(self, status: str, limit: int = 100) -> list[str]:
        wanted = check_status(status)
        limit = as_count(limit, "limit", 0)
        if limit == 0:
            return []
        with speaking_to(self.redis):
            if wanted is Status.PENDING:
                ids = self._pending_ids(limit)
            elif wanted is Status.PROCESSING:
                ids = cast("list[str]", self.redis.hkeys(self.keys.processing))
            elif wanted is Status.DELAYED:
                ids = cast("list[str]", self.redis.zrange(self.keys.delayed, 0, limit - 1))
            else:
                ended = self.keys.finished(wanted)
                ids = cast("list[str]", self.redis.lrange(ended, 0, limit - 1))
        return ids[:limit]

    def _pending_ids(self, limit: int) -> list[str]:
        ids: list[str] = []
        for line in self.keys.lines:
            # The right end is taken first.
            ids += reversed(cast("list[str]", self.redis.lrange(line, -limit, -1)))
        return ids

    @patient
    def result(self, task_id: str) -> dict[str, Any] | None:
        with speaking_to(self.redis):
            text = self.redis.hget(self.keys.result(as_id(task_id)), "result")
        return None if text is None else decode(cast("str", text))

    def events(self) -> Iterator[dict[str, Any]]:
        with speaking_to(self.redis):
            yield from inspect.events(self.redis, self.keys)

    def events_after(self, mark: str) -> tuple[str, list[dict[str, Any]]]:
        """What happened since a mark, and the next mark; `inspect.FIRST_MARK` is before all."""
        with speaking_to(self.redis):
            return inspect.events_after(self.redis, self.keys, mark)

    def snapshot(self) -> inspect.Snapshot:
        """The whole queue at one moment, in one round trip: for whoever shows it."""
        with speaking_to(self.redis):
            return inspect.snapshot(self.redis, self.keys)

    def claims(self) -> list[inspect.Claim]:
        """Every task in a worker's hands, as `processing` has it."""
        with speaking_to(self.redis):
            return inspect.claims(self.redis, self.keys)

    def workers(self) -> dict[str, dict[str, Any]]:
        with speaking_to(self.redis):
            return inspect.workers(self.redis, self.keys)

    def server_info(self, section: str = "default") -> dict[str, Any]:
        """What the server says of itself: Redis' INFO, or one section of it, such as "stats"."""
        with speaking_to(self.redis):
            return dict(self.redis.info(section))

    def server_setting(self, name: str) -> str:
        """One setting of the server's configuration. QueueError for users who may not see it."""
        with speaking_to(self.redis):
            return str(self.redis.config_get(name)[name])

    def server_time(self) -> int:
        """The server's clock, in milliseconds: all times in the keys are by it."""
        with speaking_to(self.redis):
            return inspect.now(self.redis)

    def find_keys(self, *patterns: str) -> list[str]:
        """The names of all keys that match; without any, of all that this queue keeps."""
        with speaking_to(self.redis):
            if patterns:
                return inspect.find_keys(self.redis, patterns)
            starts = (self.keys.task, self.keys.result, self.keys.batch, self.keys.picture)
            others = inspect.find_keys(self.redis, [as_pattern(key("")) + "*" for key in starts])
            own = (*self.keys.lines, *self.keys.all[: -len(self.keys.lines)])
            return [key for key in own if self.redis.exists(key)] + others

    def look_at_key(self, name: str) -> inspect.KeyInfo:
        """What Redis says of a key: its type, length, and time to live."""
        with speaking_to(self.redis):
            return inspect.look_at_key(self.redis, name)

    # Waiting

    def _mark(self) -> str:
        with speaking_to(self.redis):
            newest = cast("list[Any]", self.redis.xrevrange(self.keys.events, count=1))
        return str(newest[0][0]) if newest else inspect.FIRST_MARK

    def _until_event(self, mark: str, until: float | None, task_id: str = "") -> bool:
        end = time.monotonic() + BLOCK
        if until is not None:
            end = min(end, until)
        while (left := end - time.monotonic()) > 0:
            entries = self._read_events(mark, left)
            if not entries or not task_id:
                return True
            if any(_ends(event, task_id) for _, event in entries):
                return True
            mark = entries[-1][0]
        return until is None or time.monotonic() < until

    def _read_events(self, mark: str, seconds: float) -> list[Any]:
        """The next events after a mark, as soon as there are any; none after so many seconds."""
        wait = max(1, int(seconds * 1000))
        with speaking_to(self.redis):
            found: Any = self.redis.xread({self.keys.events: mark}, count=100, block=wait)
        return found[0][1] if found else []

    # Scripts

    def _run(self, name: str, *more: str, **named: str | float) -> Any:
        """Run a script with its arguments by name; `more` follow them."""
        return self._send_script(name, *script(name).ordered(named), *more)

    def _send_script(self, name: str, *arguments: object) -> Any:
        step = script(name)
        with speaking_to(self.redis):
            try:
                return self._send("EVALSHA", step.sha, *self._head, *arguments)
            except redis.exceptions.NoScriptError:  # a new server, or its scripts were flushed
                return self._send("EVAL", step.text, *self._head, *arguments)

    def _speak_through(self, client: redis.Redis) -> None:
        self.redis = client
        self._send = KeptConnection(client).send

    def _meet_server(self) -> None:
        """Check the server's version, and take up the settings stored there, in one round trip.

        In a cluster, go to the node that keeps this queue, and meet that one.
        """
        info, stored = self._first_answers()
        if cluster.is_new_to(self.redis, info, stored):
            any_node = self.redis
            self._speak_through(cluster.follow_namespace(any_node, self.namespace))
            any_node.close()
            self._use(self.settings)
            info, stored = self._first_answers()
        if isinstance(info, dict):
            check_version(str(info["redis_version"]), address(self.redis))
        if isinstance(stored, str):
            self._take_up(stored)

    def _first_answers(self) -> list[Any]:
        """What the server says of itself, and of this queue's settings; errors stand in place."""
        with speaking_to(self.redis), self.redis.pipeline(transaction=False) as pipe:
            pipe.info("server")
            pipe.hget(self.keys.meta, "settings")
            answers = pipe.execute(raise_on_error=False)
            # A user with few rights, or a key of another kind: the first command will tell.
            if isinstance(answers[0], Exception) and not isinstance(answers[0], NoPermissionError):
                raise answers[0]
        return answers


def _connect(place: Mapping[str, Any]) -> redis.Redis:
    if place["connection"]:
        return connect_like(place["connection"])
    return connect(place["host"], place["port"], url=place["url"])


def _ends(event: Mapping[str, str], task_id: str) -> bool:
    """Whether with this event a task is over."""
    return event.get("task") == task_id and status_after(event) in FINISHED


def _in_redis_units(settings: QueueSettings) -> str:
    """The settings as the scripts take them: all but the time limit, the workers' business."""
    bound = settings.max_pending
    if bound is None:
        bound = 0
    numbers = (
        int(settings.lease * 1000),
        int(settings.backoff * 1000),
        int(settings.backoff_cap * 1000),
        settings.max_attempts,
        settings.max_crashes,
        settings.keep,
        int(settings.keep_events),
        int(settings.ttl),  # seconds
        bound,
    )
    return " ".join(map(str, numbers))


def unknown_task(task_id: str) -> NoSuchTask:
    """The error for an id without a record."""
    return NoSuchTask(
        tr(
            "There is no task {task_id!r:.120}: it was never added, or it finished so long ago "
            "that it is no longer kept.",
            task_id=task_id,
        )
    )
