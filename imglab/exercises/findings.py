"""The judge of lesson 10: makes each room once more, and asks whether a proof rules out the rest.

A command proves a cause when its answer would be another one without it. So the room's keys are
copied, each copy is changed into what a rival cause would have left behind, and the command is
asked in all of them.
"""

from __future__ import annotations

from typing import Any

from imglab.classroom.fault_room.causes import CAUSES, as_cause
from imglab.classroom.fault_room.commands import Command, NotThisCommand, ask_copy, read_command
from imglab.classroom.fault_room.copies import Copy
from imglab.classroom.fault_room.fault import Fault
from imglab.classroom.fault_room.faults import fault_of, room_of
from imglab.classroom.fault_room.plans import Plan, plans_for
from imglab.classroom.fault_room.room import Room
from imglab.classroom.fault_room.rooms import SPACE
from imglab.errors import ImglabError
from imglab.exercises.examiner import Examiner
from imglab.exercises.words import told
from imglab.language import tr, tr_count
from imglab.text import short

#: What an answer is, in words.
SHAPE = tr("rooms.answer: a name, and room → (cause, proof)")
#: Commands that count and do not look: what they answer under a cause nobody thought of may be the
#: same by chance.
COUNTING = ("HLEN", "HSTRLEN", "LLEN", "MEMORY", "OBJECT", "SCARD", "STRLEN", "XLEN", "ZCARD")
#: Letters of a reply that are told.
REPLY_LETTERS = 200


def judge_findings(answer: Any, exam: Examiner) -> None:
    """The findings that there are, room by room; then whether a room is left."""
    name, findings = _parts(answer, exam)
    try:
        plans = plans_for(name)
    except ImglabError as error:
        exam.require(False, tr("your name"), told(name), str(error))
        return
    for plan in plans:
        if plan.number in findings:
            _judge_room(plan, findings[plan.number], exam)
    right = [plan for plan in plans if plan.number in findings]
    left = [plan for plan in plans if plan.number not in findings]
    got = tr("none for {rooms}", rooms=_numbers(left))
    if right:
        got = tr("{left}; right so far: {rooms}", left=got, rooms=_numbers(right))
    for plan in left:
        exam.case(
            _heard(plan),
            tr(
                'Nothing is noted of it: rooms.diagnose({number}, "the cause", "the command").',
                number=plan.number,
            ),
        )
        exam.require(False, tr("a cause and a command"), got)


def _parts(answer: Any, exam: Examiner) -> tuple[Any, dict[Any, Any]]:
    """The name and the findings of an answer."""
    is_pair = isinstance(answer, tuple) and len(answer) == 2
    hint = tr("Hand in rooms.answer: it has what rooms.diagnose(…) noted.")
    exam.require(is_pair and isinstance(answer[1], dict), SHAPE, told(answer), hint)
    name, findings = answer
    return name, findings


def _heard(plan: Plan) -> str:
    """The room and its symptom."""
    symptom = fault_of(plan).symptom(plan).removesuffix(".")
    return tr("room {number}: {symptom}", number=plan.number, symptom=symptom)


def _numbers(plans: list[Plan]) -> str:
    numbers = ", ".join(str(plan.number) for plan in plans)
    return tr_count("room {numbers}", "rooms {numbers}", len(plans), numbers=numbers)


def _judge_room(plan: Plan, finding: Any, exam: Examiner) -> None:
    fault = fault_of(plan)
    exam.case(_heard(plan), fault.where)
    is_pair = isinstance(finding, tuple) and len(finding) == 2
    exam.require(
        is_pair, tr("(cause, proof)"), told(finding), tr("Use rooms.diagnose(…) to note it.")
    )
    cause, proof = finding
    _judge_cause(plan, cause, exam)
    with room_of(plan, exam.url, exam.namespace) as room:
        command = _command(proof, plan, room, exam)
        fault.make(room)
        _judge_proof(command, fault, room, exam)


def _judge_cause(plan: Plan, cause: Any, exam: Examiner) -> None:
    named = as_cause(cause) if isinstance(cause, str) else None
    names = ", ".join(each.name for each in CAUSES.values())
    exam.require(
        named is not None,
        tr("a cause of the table"),
        told(cause),
        tr("Choose one of these, as it is spelled here: {causes}.", causes=names),
    )
    if named is not None:
        other = CAUSES[named]
        exam.require(
            named == plan.cause,
            tr("another cause"),
            other.name,
            tr(
                "If it were “{cause}”, {shows}. Look whether that is so in room {number}.",
                cause=other.name,
                shows=other.shows,
                number=plan.number,
            ),
        )


def _command(proof: Any, plan: Plan, room: Room, exam: Examiner) -> Command:
    """The proof as a command. Wrong, in its words, when it is none that looks into the room."""
    try:
        return read_command(proof, room.queue.redis, f"{SPACE}{plan.number}:", SPACE)
    except NotThisCommand as error:
        exam.require(False, tr("a command that looks into this room"), told(proof), str(error))
        raise


def _judge_proof(command: Command, fault: Fault, room: Room, exam: Examiner) -> None:
    """Ask the command in a copy of the room as it is, and in one for each rival."""
    with Copy(room, "as-it-is") as as_it_is:
        reply = _ask(command, as_it_is, room, exam)
        again = _ask(command, as_it_is, room, exam)
    exam.require(
        again == reply,
        tr("a command that answers the same twice"),
        str(command),
        tr("Each time it answers something else, though nothing has changed: that proves nothing."),
    )
    for rival in fault.rivals():
        with Copy(room, "otherwise") as otherwise:
            rival.change(otherwise)
            reply_otherwise = _ask(command, otherwise, room, exam)
        exam.require(
            reply_otherwise != reply,
            tr("another answer than if {rival}", rival=rival.words),
            short(" ".join(reply.split()), REPLY_LETTERS),
            tr(
                "The cause is right. But {command} would answer just that, too, if {rival}. "
                "{where}",
                command=command,
                rival=rival.words,
                where=fault.where,
            ),
        )
    exam.require(
        command.name not in COUNTING,
        tr("a command that shows what is there"),
        str(command),
        tr(
            "The cause is right, and you look at the right key. But a length tells how many, and "
            "never what: ask for the fields or entries themselves."
        ),
    )


def _ask(command: Command, copy: Copy, room: Room, exam: Examiner) -> str:
    try:
        return ask_copy(command, copy, f"{SPACE}{room.plan.number}:")
    except NotThisCommand as error:
        exam.require(False, tr("an answer"), str(command), str(error))
        raise
