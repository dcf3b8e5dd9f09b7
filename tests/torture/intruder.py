"""The hostile producer: logged in with a producer's rights, it writes whatever these allow.

It keeps a ledger of what it touched: a record of somebody else that it wrote into is sound no more.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress

import redis

from imglab.queues.keys import Keys
from torture import oddities

#: The latest moment to which it delays anything, in seconds from now: later is everybody's right.
LATEST = 3
#: How many ids a script of its own pushes at once.
MASS = 200
#: Tokens it puts into the list that wakes sleepers.
TOKENS = 30
#: The last id that a stream can have: after it, no further event can be noted.
LAST_EVENT = b"18446744073709551615-18446744073709551614"
#: Its own script: many ids in one step.
PUSH_MANY = "for n = 1, #ARGV do redis.call('LPUSH', KEYS[1], ARGV[n]) end"


class Intruder:
    """One hostile producer; `act` does one thing that its dice chose."""

    def __init__(self, client: redis.Redis, keys: Keys, seed: int, sound: Collection[str]) -> None:
        self._redis = client
        self._keys = keys
        self._dice = random.Random(seed)
        #: Tasks of somebody else that are there now, or will be; the last ones were added last.
        self._sound = sound
        self._number = 0
        #: Every id it put into a line, into `delayed` or into a record.
        self.foreign: set[bytes] = set()
        #: Ids that it put where no worker will ever look: lists that are no line.
        self.unseen: set[bytes] = set()
        #: Sound tasks whose record it wrote into.
        self.spoiled: set[str] = set()
        #: Sound tasks whose id it put into a line, or into `delayed`, again.
        self.doubled: set[str] = set()
        self.acts: Counter[str] = Counter()
        #: How many of its commands Redis refused.
        self.refused = 0
        self._lock = threading.Lock()

    def act(self) -> None:
        """Do one hostile thing; what Redis refuses is refused."""
        act = self._dice.choice(self._repertoire())
        self.acts[act.__name__.strip("_")] += 1
        try:
            act()
        except redis.RedisError:
            self.refused += 1

    def _repertoire(self) -> tuple[Callable[[], None], ...]:
        """All it can do; what stands twice is done twice as often."""
        return (
            self._odd_id,
            self._id_without_a_record,
            self._odd_record,
            self._odd_record,
            self._odd_record,
            self._record_of_another_type,
            self._id_again,
            self._spoil_a_record,
            self._delay_something,
            self._delay_again,
            self._wake_everybody,
            self._forge_an_event,
            self._end_of_the_stream,
            self._trim_the_history,
            self._key_of_another_type,
            self._list_that_is_no_line,
            self._many_at_once,
        )

    # Ids and records

    def _new_id(self) -> bytes:
        self._number += 1
        return b"hostile-%d" % self._number

    def _line(self) -> str:
        return self._dice.choice(self._keys.lines)

    def _push(self, line: str, *ids: bytes) -> None:
        if self._dice.random() < 0.5:
            self._redis.lpush(line, *ids)
        else:
            self._redis.rpush(line, *ids)
        self.foreign.update(ids)

    def _task_key(self, task_id: bytes) -> bytes:
        return self._keys.task("").encode() + task_id

    def _odd_id(self) -> None:
        self._push(self._line(), oddities.some_bytes(self._dice))

    def _id_without_a_record(self) -> None:
        self._push(self._line(), self._new_id())

    def _odd_record(self) -> None:
        task_id = self._new_id()
        self._redis.hset(self._task_key(task_id), mapping=oddities.record(self._dice))
        self._push(self._line(), task_id)

    def _record_of_another_type(self) -> None:
        task_id = self._new_id()
        key = self._task_key(task_id)
        kind = self._dice.choice(("list", "zset", "stream"))
        if kind == "list":
            self._redis.lpush(key, b"x")
        elif kind == "zset":
            self._redis.zadd(key, {b"x": 1})
        else:
            self._redis.xadd(key, {b"x": b"y"})
        self._push(self._line(), task_id)

    def _id_again(self) -> None:
        task_id = self._somebody()
        if task_id:
            self.doubled.add(task_id)
            self._redis.lpush(self._line(), task_id)

    def _spoil_a_record(self) -> None:
        task_id = self._somebody()
        if task_id:
            self.spoiled.add(task_id)
            name, value = oddities.field(self._dice)
            self._redis.hset(self._task_key(task_id.encode()), name, value)

    def _somebody(self) -> str:
        """One of the tasks of somebody else; "" while there is none."""
        known = list(self._sound)
        return self._dice.choice(known[-300:]) if known else ""

    # Other keys

    def _due(self) -> float:
        seconds, _ = self._redis.time()
        return self._dice.choice((float("-inf"), -1.5, 0, 1e3, (seconds + LATEST) * 1000.0))

    def _delay_something(self) -> None:
        due = self._due()
        task_id = self._dice.choice((self._new_id(), oddities.some_bytes(self._dice)))
        if self._dice.random() < 0.5:
            self._redis.hset(self._task_key(task_id), mapping=oddities.record(self._dice))
        self._redis.zadd(self._keys.delayed, {task_id: due})
        self.foreign.add(task_id)

    def _delay_again(self) -> None:
        """Delay a task of somebody else, wherever it is: in a worker's hands, or at its end."""
        task_id = self._somebody()
        if task_id:
            self.doubled.add(task_id)
            self._redis.zadd(self._keys.delayed, {task_id: self._due()})

    def _wake_everybody(self) -> None:
        tokens = [oddities.some_bytes(self._dice) for _ in range(TOKENS)]
        self._redis.lpush(self._keys.wake, *tokens)

    def _forge_an_event(self) -> None:
        fields: dict[bytes, bytes] = {oddities.some_bytes(self._dice): b"x"}
        if self._dice.random() < 0.7:
            task_id = self._somebody().encode()
            fields = {b"event": self._dice.choice(oddities.EVENTS), b"task": task_id}
        self._redis.xadd(self._keys.events, fields)

    def _end_of_the_stream(self) -> None:
        self._redis.xadd(self._keys.events, {b"x": b"y"}, id=LAST_EVENT)

    def _trim_the_history(self) -> None:
        self._redis.xtrim(self._keys.events, maxlen=self._dice.randrange(100), approximate=False)

    def _key_of_another_type(self) -> None:
        """Take a key of the queue that is empty at this moment for another kind of value."""
        keys = (*self._keys.lines, self._keys.delayed, self._keys.wake, self._keys.events)
        for key in self._dice.sample(keys, len(keys)):
            with suppress(redis.ResponseError):  # it is not empty
                if key in (self._keys.delayed, self._keys.events):
                    self._redis.lpush(key, b"x")
                else:
                    self._redis.hset(key, b"x", b"y")

    def _list_that_is_no_line(self) -> None:
        task_id = self._new_id()
        self.unseen.add(task_id)
        self._redis.lpush(f"{self._keys.pending()}:urgent", task_id)

    def _many_at_once(self) -> None:
        ids = [oddities.some_bytes(self._dice)[:200] for _ in range(MASS)]
        self._redis.eval(PUSH_MANY, 1, self._line(), *ids)
        self.foreign.update(ids)
