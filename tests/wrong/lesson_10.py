"""Typical wrong findings in lesson 10, each with words of the hint they have to get."""

from imglab.classroom.fault_room import causes
from imglab.classroom.fault_room.plans import plans_for
from imglab.exercises.lesson_10 import findings_for

NAME = "ada"


def plan(name, cause):
    return next(each for each in plans_for(name) if each.cause == cause)


def found(cause, proof, named=None):
    """An answer with one room, that of `cause`; {q} stands for its own keys."""
    room = plan(NAME, cause)
    words = proof.format(q=f"lesson-10:{room.number}:image_processing:")
    return NAME, {room.number: (named or cause, words)}


def with_the_key_of_another_room():
    number = plan(NAME, causes.PAUSED).number
    other = number % 6 + 1
    return NAME, {number: (causes.PAUSED, f"HGET lesson-10:{other}:image_processing:meta paused")}


def without_the_last_room():
    findings = findings_for(NAME)
    del findings[6]
    return NAME, findings


WRONG = {
    "10-exercise-rooms": [
        (found(causes.FROZEN, "ps", causes.KILLED), "ps would say of the worker that its process"),
        (found(causes.FROZEN, "HGETALL {q}workers"), "if the worker had been killed"),
        (found(causes.PAUSED, "LLEN {q}pending"), "if nobody worked here"),
        (found(causes.PAUSED, "HKEYS {q}workers"), "if the worker were only slow"),
        (found(causes.PAUSED, "HLEN {q}meta"), "a length tells how many, and never"),
        (found(causes.OTHER_QUEUE, "HLEN {q}workers"), "if nobody worked anywhere"),
        (found(causes.OTHER_QUEUE, "ps"), "if the worker asked at the right queue"),
        (found(causes.POISON, "LRANGE {q}failed 0 -1"), "which kills nobody"),
        (found(causes.NO_RECORD, "LRANGE {q}pending 0 -1"), "if it were a task that has failed"),
        (found(causes.NO_RECORD, "LRANGE {q}failed 0 -1"), "it were a task that somebody cancel"),
        (found(causes.FAR_AWAY, "ZCARD {q}delayed"), "if it were due in a few seconds"),
        (found(causes.PAUSED, "HDEL {q}meta paused"), "is no command that reads keys"),
        (found(causes.PAUSED, "MONITOR"), "MONITOR never ends"),
        (found(causes.PAUSED, "GET {q}meta"), "Redis refuses it: WRONGTYPE"),
        (found(causes.PAUSED, "XREAD BLOCK 0 STREAMS {q}events $"), "With BLOCK it waits"),
        (found(causes.PAUSED, "PAUSED?"), "Redis has no command"),
        (found(causes.PAUSED, "LLEN image_processing:pending"), "It names no key of this room"),
        (found(causes.PAUSED, "HGET '{q}meta"), "A quote is missing"),
        (found(causes.POISON, "ps", "Redis is slow"), "Choose one of these"),
        (with_the_key_of_another_room(), "is no key of this room"),
        (
            without_the_last_room(),
            "none for room 6; right so far: rooms 1, 2, 3, 4, 5 hint Nothing is noted of it",
        ),
        (findings_for(NAME), "Hand in rooms.answer"),
    ]
}


def findings(name, proofs):
    """All six rooms of a name, with proofs of one's own."""
    answers = {}
    for each in plans_for(name):
        q = f"lesson-10:{each.number}:image_processing:"
        record = f"lesson-10:{each.number}:task:{each.photograph}"
        words = proofs[each.cause].format(
            q=q,
            record=record,
            photo=each.photograph,
            room=f"lesson-10:{each.number}:",
            other=each.other_queue,
        )
        answers[each.number] = (each.cause, words)
    return name, answers


WITH_WHOLE_KEYS = findings(
    "Grace Hopper",
    {
        causes.FROZEN: "ps",
        causes.OTHER_QUEUE: "HGETALL {room}{other}:image_processing:workers",
        causes.PAUSED: "HGETALL {q}meta",
        causes.POISON: "HGETALL {record}",
        causes.NO_RECORD: "LRANGE {q}odd 0 -1",
        causes.FAR_AWAY: "ZRANGE {q}delayed 0 -1 WITHSCORES",
    },
)
FROM_THE_HISTORY = findings(
    "李雷",
    {
        causes.FROZEN: "PS",
        causes.OTHER_QUEUE: "SCAN 0 MATCH {room}* COUNT 1000",
        causes.PAUSED: "HEXISTS {q}meta paused",
        causes.POISON: "XRANGE {q}events - +",
        causes.NO_RECORD: "XREVRANGE {q}events + -",
        causes.FAR_AWAY: "XRANGE {q}events - + COUNT 10",
    },
)
AS_TYPED_IN_A_TERMINAL = findings(
    "  ADA ",
    {
        causes.FROZEN: "ps",
        causes.OTHER_QUEUE: "redis-cli EXISTS {room}{other}:image_processing:workers",
        causes.PAUSED: "%redis hget '{q}meta' paused",
        causes.POISON: "redis-cli hmget {record} crashes errors",
        causes.NO_RECORD: "redis-cli TYPE {record}",
        causes.FAR_AWAY: "redis-cli zscore {q}delayed {photo}",
    },
)
RIGHT = {"10-exercise-rooms": [WITH_WHOLE_KEYS, FROM_THE_HISTORY, AS_TYPED_IN_A_TERMINAL]}
