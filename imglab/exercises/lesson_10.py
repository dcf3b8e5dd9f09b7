"""Lesson 10: six rooms with a fault each: its cause, and the command that proves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imglab.classroom.fault_room.causes import CAUSES
from imglab.classroom.fault_room.faults import fault_of
from imglab.classroom.fault_room.plans import plans_for
from imglab.classroom.fault_room.rooms import SPACE, latest_name
from imglab.exercises.exercise import Exercise
from imglab.exercises.findings import judge_findings
from imglab.language import tr
from imglab.queues.keys import DEFAULT_NAME, Keys

#: Whose case it is in the solved lesson.
EXAMPLE_NAME = "ada"


@dataclass(frozen=True)
class OwnCase(Exercise):
    """An exercise that is another one for each name: its solution, too, is that of the name."""

    def source(self) -> str:
        """The solution for whoever opened the rooms in this notebook."""
        return as_code(latest_name() or EXAMPLE_NAME)


def findings_for(name: str) -> dict[int, tuple[str, str]]:
    """Room → the cause and a proof."""
    findings = {}
    for plan in plans_for(name):
        keys = Keys(f"{SPACE}{plan.number}:", DEFAULT_NAME)
        findings[plan.number] = (plan.cause, fault_of(plan).proof(plan, keys))
    return findings


def as_code(name: str) -> str:
    """The findings as a notebook's cells have them."""
    lines = []
    for number, (cause, proof) in findings_for(name).items():
        lines.append(f'rooms.diagnose({number}, "{CAUSES[cause].name}",')
        lines.append(f'    "{proof}")')
    return "\n".join(lines)


def solution_for(name: str) -> tuple[str, dict[int, tuple[Any, Any]]]:
    """A right answer."""
    return name, dict(findings_for(name))


EXERCISES = {
    "10-exercise-rooms": OwnCase(
        task=(
            tr(
                "Six queues in Redis, in rooms 1 to 6, have a fault each. Find the cause of each, "
                "as the lesson's table spells it, and one command that proves it: a command of "
                "Redis that only reads keys of the room (they begin with lesson-10:<room>:), or "
                "ps, which shows the workers' processes. It proves the cause if it would answer "
                "something else under every other cause. Each is noted by rooms.diagnose(3, "
                '"paused queue", "HGET …"), and check takes rooms.answer: the name, and room → '
                "(cause, proof)."
            )
        ),
        hints=(
            tr(
                "Begin with where the tasks are: the board's figures. Pending, and nobody takes "
                "them? Ask ps, then the hashes meta and workers. One is missing, and in none of "
                "the places? Then it may never have been a task."
            ),
            tr(
                "What each key answers: task:<id> (a hash) why a try failed and how many workers "
                "died; meta a pause; workers who asked here; delayed (a sorted set) when a task is "
                "due; odd (a list) what was no task. SCAN 0 MATCH lesson-10:3:* COUNT 1000 shows "
                "all keys of room 3."
            ),
            tr(
                "Ask of your proof: would it answer the same if the cause were another one? A "
                "length (LLEN, HLEN, ZCARD) nearly always would. A frozen worker and a killed one "
                "leave the same keys: only ps tells them apart. A task that is due soon and one "
                "that is due in days differ in their score: ZSCORE."
            ),
        ),
        solution=solution_for(EXAMPLE_NAME),
        judge=judge_findings,
        redis=True,
        limit=120.0,
        tells_cases=True,
    )
}
