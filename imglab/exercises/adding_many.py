"""How lesson 09's add_all is tried: what it wrote, in which order, in how many round trips."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from imglab.exercises import mistakes
from imglab.exercises.examiner import Examiner
from imglab.exercises.round_trips import RoundTrips
from imglab.language import tr

AddAll = Callable[[Any, str, Sequence[dict[str, str]]], Any]

#: Tasks of the case that counts, the round trips they may take, and bytes that each may have.
MANY = 1000
MOST_ROUND_TRIPS = 3
MOST_BYTES = 200
#: Numbers that another producer takes from the same counter, and how often it does so between the
#: commands of one call: an answer that begins anew each time has to come to an end.
OTHERS = 50
TIMES_BETWEEN = 3
#: A record and a push, as they go over the wire.
_RECORD = re.compile(rb"\r\nHM?SET\r\n")
_PUSH = re.compile(rb"\r\n[LR]PUSHX?\r\n")
#: With these, others see all of it or nothing.
_AT_ONCE = re.compile(rb"\r\n(MULTI|EVAL(SHA)?)\r\n")

WRITES = tr(
    'For each task a record, HSET of the field payload in q + "task:" + id, with '
    'json.dumps(payload); then its id into the list, LPUSH q + "pending". A pipeline only notes '
    "the commands: pipe.execute() sends them."
)
RETURNS = tr(
    "Return a list of all new ids, as strings, in the order of the payloads. A counter gives "
    "numbers: str(number)."
)
IN_LINE = tr(
    "First in, first out: workers take from the right end, so LPUSH puts in on the left, the first "
    "payload first. LPUSH key a b c pushes a, then b, then c."
)
NOTHING = tr(
    "LPUSH without an id is an error. Where there are no payloads, return an empty list before you "
    "ask Redis for anything."
)
NUMBERS = tr(
    "Another program adds to this queue, too, and takes its numbers from the same counter. INCRBY "
    "adds your n in one step and gives the new value: the n numbers up to it are yours alone."
)
IN_BETWEEN = tr(
    "Another program takes numbers between any two of your commands. GET and then SET leaves a gap "
    "in which you both read the same number; INCRBY reads and adds in one step."
)
RECORD_FIRST = tr(
    "A worker may ask between any two of your commands. If the id is in line before its record is "
    "there, the worker gets a task without a payload: write the records first."
)
COUNTED = tr(
    "Each call of r.… is a round trip of its own, and so is each execute(). Note all commands in "
    "one pipeline, and call pipe.execute() once, after the loop."
)


class AddingDesk:
    """One set of keys, an answer, and the judge's own view of them."""

    def __init__(self, exam: Examiner, answer: AddAll) -> None:
        self._exam = exam
        self._answer = answer
        self._own = exam.queue()
        self._own.delete_namespace()
        self._theirs = exam.queue()
        self.trips = RoundTrips(self._theirs.redis)
        #: Ids of the other producer.
        self.others: set[str] = set()

    @property
    def redis(self) -> Any:
        """The judge's own client."""
        return self._own.redis

    @property
    def q(self) -> str:
        """What stands in front of every key."""
        return self._exam.namespace

    def add(self, payloads: Sequence[dict[str, str]]) -> list[str]:
        """Let the answer add these; return the ids it gives, as many as there are payloads."""
        self.trips.begin()
        got = self._answer(self._theirs.redis, self.q, list(payloads))
        need = tr("a list of {count} ids, texts", count=len(payloads))
        if got is None:
            self._exam.require(False, need, "None", mistakes.NO_RETURN)
        is_list = isinstance(got, list) and all(isinstance(each, str) for each in got)
        self._exam.require(is_list, need, f"{got!r:.80}", RETURNS)
        self._exam.require(
            len(got) == len(payloads), need, tr("{count} of them", count=len(got)), RETURNS
        )
        return list(got)

    def expect_stored(self, ids: Sequence[str], payloads: Sequence[dict[str, str]]) -> None:
        """Each of these tasks has its record."""
        for task_id, payload in zip(ids, payloads, strict=True):
            key = f"{self.q}task:{task_id}"
            text = self.redis.hget(key, "payload")
            self._exam.require(
                _is_json_of(text, payload),
                tr("{payload} in {key}", payload=json.dumps(payload), key=key),
                f"{text!r:.80}",
                WRITES,
            )

    def expect_line(self, ids: Sequence[str]) -> None:
        """These are the tasks in line, the first one to be taken first."""
        line = self.redis.lrange(f"{self.q}pending", 0, -1)[::-1]
        self._exam.require(
            set(line) == set(ids),
            tr("{count} ids in pending", count=len(ids)),
            f"{line!r:.80}",
            WRITES,
        )
        self._exam.require(line == list(ids), f"{ids!r:.80}", f"{line!r:.80}", IN_LINE)

    def others_take_numbers(self) -> None:
        """Let another producer take its numbers; they are its own."""
        last = int(self.redis.incrby(f"{self.q}last", OTHERS))
        self.others |= set(map(str, range(last - OTHERS + 1, last + 1)))

    def others_take_numbers_between(self) -> None:
        """Let another producer take numbers between two commands of the next call."""
        times = iter(range(TIMES_BETWEEN))

        def take() -> None:
            if next(times, None) is not None:
                self.others_take_numbers()

        self.trips.between = take


def photos(count: int, *, first: int = 1) -> list[dict[str, str]]:
    """Payloads of so many tasks: paths, no pixels."""
    numbers = range(first, first + count)
    return [{"image_path": f"images/{number:04}.jpg"} for number in numbers]


def judge_adding(answer: AddAll, exam: Examiner) -> None:
    """Three tasks, their order of commands, none, another producer, 1,000 tasks."""
    desk = AddingDesk(exam, answer)
    exam.case(tr("three payloads"), WRITES)
    first = desk.add(photos(3))
    desk.expect_line(first)
    desk.expect_stored(first, photos(3))
    _judge_order(desk, exam)
    exam.case(tr("no payload at all"), NOTHING)
    exam.require(desk.add([]) == [], tr("an empty list"), tr("another one"))
    desk.expect_line(first)
    _judge_numbers(first, desk, exam)
    _judge_cost(desk, exam)


def _judge_numbers(first: list[str], desk: AddingDesk, exam: Examiner) -> None:
    """Another producer takes numbers before and after a call, then while one is under way."""
    exam.case(tr("two more payloads, and another producer before and after them"), NUMBERS)
    desk.others_take_numbers()
    second = desk.add(photos(2, first=4))
    desk.others_take_numbers()
    line = first + second
    _expect_own(line, second, desk, exam)
    exam.case(
        tr("two more payloads, and another producer between two of your commands"), IN_BETWEEN
    )
    desk.others_take_numbers_between()
    third = desk.add(photos(2, first=6))
    desk.trips.between = None
    _expect_own(line + third, third, desk, exam)


def _expect_own(line: list[str], latest: list[str], desk: AddingDesk, exam: Examiner) -> None:
    """The tasks in line have ids that nobody else has, the latest ones last."""
    before = line[: -len(latest)]
    taken_twice = sorted(set(before) & set(latest)) + sorted(desk.others & set(line))
    exam.require(
        not taken_twice, tr("ids that nobody else has"), tr("twice: {ids}", ids=taken_twice[:3])
    )
    exam.require(len(set(latest)) == len(latest), tr("two different ids"), f"{latest}")
    desk.expect_line(line)
    desk.expect_stored(line, photos(len(line)))


def _judge_order(desk: AddingDesk, exam: Examiner) -> None:
    exam.case(tr("three payloads, and a worker that asks between two commands"), RECORD_FIRST)
    sent = desk.trips.sent
    record = _RECORD.search(sent)
    push = _PUSH.search(sent)
    is_record_first = record and push and record.start() < push.start()
    exam.require(
        is_record_first or _AT_ONCE.search(sent),
        tr("the record, then the id in line"),
        tr("the id in line before its record"),
    )


def _judge_cost(desk: AddingDesk, exam: Examiner) -> None:
    exam.case(tr("{count:,} payloads", count=MANY), COUNTED)
    ids = desk.add(photos(MANY, first=8))
    each = len(desk.trips.sent) / MANY
    trips = desk.trips.count
    exam.require(
        trips <= MOST_ROUND_TRIPS,
        tr("{count} round trips", count=MOST_ROUND_TRIPS),
        tr("{count:,} of them", count=trips),
    )
    exam.require(
        each <= MOST_BYTES,
        tr("{count} bytes a task on their way to Redis", count=MOST_BYTES),
        tr("{count:.0f} bytes a task", count=each),
        tr("Send each payload once, and of its record the field payload only."),
    )
    exam.require(
        len(set(ids)) == MANY,
        tr("{count:,} different ids", count=MANY),
        f"{len(set(ids)):,}",
        NUMBERS,
    )


def _is_json_of(text: object, payload: dict[str, str]) -> bool:
    """Whether a text is this payload as JSON, in whatever spacing."""
    try:
        return bool(json.loads(str(text)) == payload)
    except ValueError:
        return False
