"""The judge of lesson 08: claim, ack and reap are killed and interrupted before every command.

No clock decides: the judge moves deadlines into the past, and whatever it does between two commands
of an answer it does at a known place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imglab.exercises.examiner import Examiner, Wrong
from imglab.exercises.killing import die
from imglab.exercises.mistakes import NO_RETURN
from imglab.exercises.rescue_desk import LEASE_MS, WRONG_BY_S, Desk, wrong_clock
from imglab.exercises.words import told
from imglab.language import tr

#: How exact a deadline has to be, in ms.
EXACT_MS = 5000

PLAIN = tr(
    "first in, first out: LPUSH has put them in on the left, so RPOP takes them from the right"
)
NOTED = tr(
    "claim notes two things: HSET processing id token says who has the task, and ZADD "
    "deadlines says until when."
)
NOTHING_TAKEN = tr(
    "claim took nothing out of pending, though three ids are in line. Does each of your keys "
    "begin with q, as in q + 'pending'?"
)
NO_HASH = tr(
    "processing is a HASH, id → token: HSET processing id token, in the script that claims."
)
NO_COUNT = tr(
    "reap returns how many tasks it put back: a number, not the ids. In Lua, #late counts."
)
THREE = tr(
    "Hand in the three functions themselves, in this order: (claim, ack, reap), without "
    "brackets after their names."
)
SECONDS = tr(
    "The deadline is in milliseconds of Redis' clock: TIME gives seconds and microseconds, so "
    "it is t[1] * 1000 + math.floor(t[2] / 1000), plus the lease, which is in milliseconds "
    "already."
)
OWN_CLOCK = tr(
    "This deadline was made with the worker's own clock, which the check had put two hours "
    "wrong. Workers' clocks disagree; let Redis' clock (TIME) make the deadline."
)
NO_DEADLINE_CHECK = tr(
    "reap took a task from a worker that is alive: its lease still runs. Only deadlines that "
    "are over count: ZRANGEBYSCORE deadlines 0 now."
)
LEFT_CLAIM = tr(
    "The task is in line again, but its old claim is still there: reap has to take it out of "
    "processing (HDEL) and out of deadlines (ZREM) as well."
)
NOT_BACK = tr("A task whose lease is over has to go back into pending, and reap returns how many.")
NOT_NEXT = tr(
    "It went to the end of the line. It has waited longest: RPUSH puts it at the right end, "
    "where it is the next to be taken."
)
NO_TOKEN = tr(
    "The token of a claim that is over was accepted: ack has to compare HGET processing id "
    "with its token, and to change nothing when they differ."
)
ACK_LEFT = tr(
    "A finished task is in done and nowhere else: ack takes it out of processing (HDEL) and "
    "out of deadlines (ZREM), or a reap will give it out again."
)
NOWHERE = tr(
    "Between two commands the task was in no key at all, and the process died there. Let one "
    "script do everything: r.eval(…) is one command."
)
TWO_PLACES = tr(
    "Between two commands the task was in two places, and the process died there. Writing "
    "first and removing later loses nothing, but somebody else will do it again: make it one "
    "script."
)
NO_DEADLINE = tr(
    "It died between noting the claim and its deadline: without a deadline, no reap ever finds "
    "the task. Both belong into one script."
)
BETWEEN_CLAIM = tr(
    "Somebody else claimed between two of its commands, and now both have the same task, or "
    "one of them is nowhere. What is read in one command is old news in the next: use one "
    "script."
)
BETWEEN_ACK = tr(
    "When ack compared the token, it was still the right one; before it wrote, the lease ran "
    "out and somebody else claimed the task. Comparing and writing have to be one step."
)
BETWEEN_REAP = tr(
    "While reap was at work, the holder reported after all, and reap put the finished task in "
    "line again. Looking for late tasks and moving them have to be one step."
)


def judge_rescue(
    answer: tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]], exam: Examiner
) -> None:
    """One worker alone, the lease, the zombie, then a killing before every command."""
    are_three = (
        isinstance(answer, tuple | list) and [callable(each) for each in answer] == [True] * 3
    )
    _must(are_three, tr("three functions"), told(answer), THREE)
    desk = Desk(exam, answer)
    _one_worker(desk)
    _live_worker(desk)
    _late_worker(desk)
    _zombie(desk)
    _killed(desk)
    _claim_between_commands(desk)
    _take_over_between_commands(desk)
    _report_between_commands(desk)


def _one_worker(desk: Desk) -> None:
    exam = desk.exam
    exam.case(
        tr("pending holds 'a', 'b', 'c', added in this order; claim(r, q, 'token-1', …)"), PLAIN
    )
    desk.begin("a", "b", "c")
    before = desk.now()
    with wrong_clock(desk.answer):
        got = desk.claim("token-1")
    after = desk.now()
    is_left = got is None and desk.redis.llen(desk.q + "pending") == 3
    _must(not is_left, "'a'", tr("None, and 'a' is still in line"), NOTHING_TAKEN)
    kind = str(desk.redis.type(desk.q + "processing"))
    _must(
        kind in {"hash", "none"},
        tr("a HASH in processing"),
        tr("a {kind}", kind=kind.upper()),
        NO_HASH,
    )
    exam.expect("a", got, PLAIN)
    exam.expect(["b", "c"], desk.redis.lrange(desk.q + "pending", 0, -1)[::-1], PLAIN)
    _expect_in_redis(exam, "token-1", desk.holder("a"), NOTED)
    exam.require("a" in desk.deadlines(), tr("a deadline for 'a'"), tr("none"), NOTED)
    deadline = desk.deadlines()["a"] - LEASE_MS
    _expect_own_time(exam, deadline, before, after)
    _first_report(desk)


def _expect_own_time(exam: Examiner, began: float, before: float, after: float) -> None:
    """A lease that began between two moments of Redis' clock, in ms."""
    off_by_s = abs(began - before) / 1000
    hint = SECONDS
    if abs(off_by_s - WRONG_BY_S) < WRONG_BY_S / 10:
        hint = OWN_CLOCK
    exam.require(
        before - EXACT_MS <= began <= after + EXACT_MS,
        tr("a deadline one lease after Redis' own time"),
        tr("one that is {seconds:,.0f} s away from it", seconds=off_by_s),
        hint,
    )


def _first_report(desk: Desk) -> None:
    exam = desk.exam
    exam.case(tr("ack(r, q, 'a', 'token-1', 'ok') by its holder"), ACK_LEFT)
    got = desk.ack("a", "token-1", "ok")
    exam.require(
        got, tr("a true value, such as 1"), repr(got), NO_RETURN if got is None else ACK_LEFT
    )
    _expect_in_redis(
        exam, "ok", desk.result("a"), tr("ack writes the result: HSET done id result.")
    )
    exam.expect(["done"], desk.places("a"), ACK_LEFT)
    exam.expect({}, desk.deadlines(), ACK_LEFT)
    exam.case(tr("two more claims, then one when nothing is left"), PLAIN)
    rest = [desk.claim("token-2"), desk.claim("token-3"), desk.claim("token-4")]
    exam.expect(["b", "c", None], rest, tr("claim returns None when pending is empty."))
    exam.expect(
        ["b", "c"], sorted(desk.deadlines()), tr("Without a task there is nothing to note.")
    )


def _live_worker(desk: Desk) -> None:
    exam = desk.exam
    exam.case(tr("'a' is claimed, its lease still runs; reap(r, q)"), NO_DEADLINE_CHECK)
    desk.begin("a", "b")
    desk.claim("token-1")
    desk.shorten_lease("a")
    got = desk.reap()
    exam.expect(["processing"], desk.places("a"), NO_DEADLINE_CHECK)
    _expect_in_redis(exam, "token-1", desk.holder("a"), NO_DEADLINE_CHECK)
    _must(not isinstance(got, list | tuple), "0", told(got), NO_COUNT)
    exam.require(
        _is_number(got, 0), "0", repr(got), NO_RETURN if got is None else NO_DEADLINE_CHECK
    )


def _late_worker(desk: Desk) -> None:
    exam = desk.exam
    exam.case(tr("'a' and 'b' are claimed, the lease of 'a' is over; reap(r, q)"), NOT_BACK)
    desk.begin("a", "b", "c")
    desk.claim("token-1")
    desk.claim("token-2")
    desk.end_lease("a")
    desk.shorten_lease("b")
    got = desk.reap()
    exam.expect(["processing"], desk.places("b"), NO_DEADLINE_CHECK)
    places = desk.places("a")
    exam.expect(["pending"], places, LEFT_CLAIM if "pending" in places else NOT_BACK)
    exam.expect(["b"], sorted(desk.deadlines()), LEFT_CLAIM)
    exam.require(_is_number(got, 1), "1", repr(got), NO_RETURN if got is None else NOT_BACK)
    exam.case(tr("the same, and then claim(r, q, 'token-3', …)"), NOT_NEXT)
    exam.expect("a", desk.claim("token-3"), NOT_NEXT)


def _zombie(desk: Desk) -> None:
    exam = desk.exam
    exam.case(
        tr("the lease of 'a' is over, it is in line again; its first holder reports"), NO_TOKEN
    )
    desk.begin("a")
    desk.claim("token-1")
    desk.end_lease("a")
    desk.reap()
    got = desk.ack("a", "token-1", "late")
    exam.expect(["pending"], desk.places("a"), NO_TOKEN)
    exam.require(not got, tr("a false value, such as 0"), repr(got), NO_TOKEN)
    exam.case(tr("'token-2' holds 'a' by now; its first holder, 'token-1', reports"), NO_TOKEN)
    desk.claim("token-2")
    got = desk.ack("a", "token-1", "late")
    _expect_in_redis(exam, "token-2", desk.holder("a"), NO_TOKEN)
    exam.expect(["processing"], desk.places("a"), NO_TOKEN)
    exam.expect(["a"], sorted(desk.deadlines()), NO_TOKEN)
    exam.require(not got, tr("a false value, such as 0"), repr(got), NO_TOKEN)
    exam.case(tr("'token-2' reports, and then the first holder once more"), NO_TOKEN)
    desk.ack("a", "token-2", "second")
    exam.require(
        not desk.ack("a", "token-1", "late"), tr("a false value"), tr("a true one"), NO_TOKEN
    )
    _expect_in_redis(exam, "second", desk.result("a"), NO_TOKEN)


def _killed(desk: Desk) -> None:
    """Killed before each command, then rescued: all is done in the end, and done once."""
    operations: dict[str, tuple[Callable[[], None], Callable[[Any], Any]]] = {
        "claim": (desk.two_in_line, desk.first_claims),
        "ack": (desk.one_held, desk.first_reports),
        "reap": (desk.two_late, desk.reap),
    }
    for name, (begin, operation) in operations.items():
        desk.exam.case(
            tr("{name}, killed before its first command", name=name),
            NOWHERE,
        )
        for number, _ in desk.each_command(begin, operation, die):
            desk.exam.case(
                tr("{name}, killed before its command {number}", name=name, number=number),
                NOWHERE,
            )
            _expect_sound(desk)
            _rescued(desk)


def _rescued(desk: Desk) -> None:
    """After a death, reap and one more worker bring everything to its end."""
    desk.end_lease(*desk.names)
    desk.reap()
    while name := desk.claim("token-9"):
        desk.ack(name, "token-9", "ok")
    for name in desk.names:
        desk.exam.expect(["done"], desk.places(name), NOWHERE)


def _claim_between_commands(desk: Desk) -> None:
    exam = desk.exam
    exam.case(tr("somebody else claims right before a command of claim"), BETWEEN_CLAIM)
    for _, got in desk.each_command(desk.two_in_line, desk.first_claims, desk.other_claims):
        (other,) = desk.others
        exam.expect(["a", "b"], sorted(map(str, [got, other])), BETWEEN_CLAIM)
        _expect_sound(desk, BETWEEN_CLAIM)
        _expect_in_redis(exam, "token-1", desk.holder(got), BETWEEN_CLAIM)
        _expect_in_redis(exam, "token-2", desk.holder(other), BETWEEN_CLAIM)


def _take_over_between_commands(desk: Desk) -> None:
    exam = desk.exam
    exam.case(
        tr("the lease runs out and somebody else claims right before a command of ack"), NO_TOKEN
    )
    for _, got in desk.each_command(desk.one_held, desk.first_reports, desk.other_takes_over):
        _expect_in_redis(exam, "token-2", desk.holder("a"), BETWEEN_ACK)
        exam.require(not got, tr("a false value, such as 0"), repr(got), BETWEEN_ACK)
        _expect_sound(desk, BETWEEN_ACK)


def _report_between_commands(desk: Desk) -> None:
    exam = desk.exam
    exam.case(tr("the holder reports right before a command of reap"), BETWEEN_REAP)
    for _, _ in desk.each_command(desk.one_late, desk.reap, desk.holder_reports):
        _expect_sound(desk, BETWEEN_REAP)
        (was_recorded,) = desk.others
        expected = ["done"] if was_recorded else ["pending"]
        exam.expect(expected, desk.places("a"), BETWEEN_REAP)


def _expect_sound(desk: Desk, left: str = TWO_PLACES) -> None:
    """Each task in one place, and a deadline for each claim and for nothing else."""
    for name in desk.names:
        places = desk.places(name)
        got = _told_places(places)
        expected = tr("task {name!r} is in one of pending, processing and done", name=name)
        hint = left if places else NOWHERE
        desk.exam.require(len(places) == 1, expected, got, hint)
        has_deadline = name in desk.deadlines()
        is_held = places == ["processing"]
        got = tr("in {place} without a deadline", place=places[0])
        if has_deadline:
            got = tr("in {place} with a deadline", place=places[0])
        expected = tr(
            "task {name!r} has a deadline while it is in processing, and only then", name=name
        )
        hint = NO_DEADLINE if is_held else left
        desk.exam.require(is_held == has_deadline, expected, got, hint)


def _told_places(places: list[str]) -> str:
    if not places:
        return tr("it is in none")
    words = places[0]
    for place in places[1:]:
        words = tr("{places} and in {place}", places=words, place=place)
    return tr("it is in {places}", places=words)


def _expect_in_redis(exam: Examiner, expected: str, got: str | None, hint: str) -> None:
    """Compare what is in Redis: None there is no function's forgotten return."""
    exam.require(got == expected, repr(expected), repr(got), hint)


def _must(is_so: bool, expected: str, got: str, hint: str) -> None:
    """End the examination unless it is so: what goes without saying is not counted as a step."""
    if not is_so:
        raise Wrong(expected, got, hint)


def _is_number(got: object, number: int) -> bool:
    return isinstance(got, int) and got == number
