"""What it costs to watch a queue: four ways, counted by Redis while the same tasks go through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from imglab.classroom.counting import counted
from imglab.console import redis_cli
from imglab.errors import ImglabError
from imglab.language import tr
from imglab.queues import RedisTaskQueue

#: Looks of the way that asks again and again.
LOOKS = 10
#: Entries of the events that are read at once.
PAGE = 1000
#: The setting of Redis that turns keyspace events on, and its value for those of every key.
NOTIFY = "notify-keyspace-events"
EVERY_KEY = "KA"
#: What the watchers wait for: then they have heard everything.
LAST = "that-was-all"

#: Lets the tasks go through.
Work = Callable[[], None]
#: Watches while the work is done; returns how many answers or messages it got.
Way = Callable[[RedisTaskQueue, Work], int]


@dataclass(frozen=True)
class Cost:
    """What one way to watch costs."""

    way: str
    #: Commands that Redis ran for the watcher, those to connect among them.
    commands: int
    #: Answers and messages that it got.
    messages: int
    #: Bytes that Redis sent because of it.
    bytes_out: int


@dataclass(frozen=True)
class Costs:
    """The costs of all ways, for the same work."""

    tasks: int
    #: Way → its cost.
    ways: dict[str, Cost]

    def __getitem__(self, way: str) -> Cost:
        return self.ways[way]

    def __str__(self) -> str:
        names = {way: SHOWN.get(way, way) for way in self.ways}
        width = max(map(len, names.values())) + 1
        first = tr("{tasks} tasks pass", tasks=self.tasks)
        commands = tr("commands")
        messages = tr("messages")
        kilobytes = tr("kilobytes")
        lines = [f"{first:{width}}{commands:>9}{messages:>10}{kilobytes:>11}"]
        for cost in self.ways.values():
            name = names[cost.way]
            sent = f"{cost.bytes_out / 1000:,.1f}"
            lines.append(f"{name:{width}}{cost.commands:>9,}{cost.messages:>10,}{sent:>11}")
        return "\n".join(lines)


def poll(queue: RedisTaskQueue, work: Work) -> int:
    """Look at the queue LOOKS times, as a monitor does once a second; return the answers."""
    work()
    for _ in range(LOOKS):
        queue.snapshot()
    return LOOKS


def listen_to_monitor(queue: RedisTaskQueue, work: Work) -> int:
    """Be told every command of everybody; return how many lines that were."""
    told = redis_cli.monitor(queue.redis)
    work()
    queue.redis.echo(LAST)
    messages = 0
    for line in told:
        if LAST in line:
            break
        messages += 1
    return messages


def listen_to_keys(queue: RedisTaskQueue, work: Work) -> int:
    """Be told which key was changed, and by what; return how many messages that were.

    It is a setting of the whole server, and as before afterwards.
    """
    r: Any = queue.redis
    pattern = f"__keyspace@*__:{queue.namespace}*"
    last = queue.namespace + LAST
    with _notifying(r), r.pubsub() as events:
        events.psubscribe(pattern)
        events.get_message(timeout=1)  # that it has subscribed
        work()
        r.set(last, "", px=60_000)
        messages = 0
        for message in events.listen():
            if message["channel"].endswith(LAST):
                break
            messages += 1
        r.delete(last)
    return messages


def read_events(queue: RedisTaskQueue, work: Work) -> int:
    """Read the queue's own events, up to PAGE in one answer; return how many there were."""
    r: Any = queue.redis
    newest = r.xrevrange(queue.keys.events, count=1)
    seen = newest[0][0] if newest else "0"
    work()
    messages = 0
    while found := r.xread({queue.keys.events: seen}, count=PAGE):
        entries = found[0][1]
        messages += len(entries)
        seen = entries[-1][0]
    return messages


#: Every way to watch, from polling to the cheapest.
WAYS: dict[str, Way] = {
    "polling, 10 looks": poll,
    "MONITOR": listen_to_monitor,
    "keyspace events": listen_to_keys,
    "XREAD of :events": read_events,
}
#: Way → how people are shown it; the others are called so in every language.
SHOWN = {
    "polling, 10 looks": tr("polling, 10 looks"),
    "keyspace events": tr("keyspace events"),
    "XREAD of :events": tr("XREAD of :events"),
}


def costs(queue: RedisTaskQueue, tasks: int = 50) -> Costs:
    """Let so many tasks through the queue, once for each way to watch, and count.

    Commands and bytes are Redis' own counters, less those of the same work unwatched. Whoever else
    uses this Redis is counted along. The queue is cleared.
    """

    def work() -> None:
        for _ in range(tasks):
            queue.add_task({})
        while task := queue.get_task("worker-1"):
            queue.mark_completed(task)

    queue.clear()
    work()  # scripts are loaded, connections are made
    queue.clear()
    unwatched = counted(queue, work)
    found = {}
    for way, watch in WAYS.items():
        queue.clear()
        heard: list[int] = []

        def watched(watch: Way = watch, heard: list[int] = heard) -> None:
            heard.append(watch(queue, work))

        seen = counted(queue, watched)
        found[way] = Cost(
            way,
            commands=seen.commands - unwatched.commands,
            messages=heard[0],
            bytes_out=seen.bytes_out - unwatched.bytes_out,
        )
    queue.clear()
    return Costs(tasks, found)


@contextmanager
def _notifying(r: Any) -> Iterator[None]:
    """Turn keyspace events on for a moment; ImglabError where Redis does not let us."""
    try:
        before = r.config_get(NOTIFY)[NOTIFY]
        r.config_set(NOTIFY, EVERY_KEY)
    except Exception as error:
        raise ImglabError(
            tr("This Redis does not let us turn keyspace events on: {error}", error=error)
        ) from error
    try:
        yield
    finally:
        r.config_set(NOTIFY, before)
