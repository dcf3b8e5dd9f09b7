"""Lesson 03: put the lines of a first in, first out queue in order; the judge runs them."""

from __future__ import annotations

from typing import Any

from imglab.errors import QueueError
from imglab.exercises.examiner import Examiner
from imglab.exercises.exercise import Exercise
from imglab.language import tr
from imglab.queues.connection import speaking_to

#: A line behind each letter; two of the ten are not part of the program.
LINES = {
    "A": "    r.incr(done)",
    "B": "while photo := r.lpop(line):",
    "C": "    r.lpush(line, photo)",
    "D": "r.expire(done, 3600)",
    "E": '    taken.append(r.hget(task + photo, "path"))',
    "F": "for photo in photos:",
    "G": "    r.delete(task + photo)",
    "H": '    r.hset(line, "path", f"images/{photo}.jpg")',
    "I": "while photo := r.rpop(line):",
    "J": '    r.hset(task + photo, "path", f"images/{photo}.jpg")',
}
#: Lines that the program needs.
LENGTH = 8
PHOTOS = ["astronaut", "coffee", "rocket"]
PATHS = [f"images/{photo}.jpg" for photo in PHOTOS]
ANSWER = """order = (
    ["F", "J", "C", "I", "E", "G", "A", "D"]
)
"""
MISSING = tr(
    "A job has no line. There are eight of them: go through the photographs, store the payload, "
    "put the id in line, take ids out, read the payload, remove it, count, give the counter an end."
)


class Taken(list[str | None]):
    """What a program takes, and what is in Redis at that moment: ids, payloads, the counter."""

    def __init__(self, r: Any, line: str, done: str, payloads: list[str]) -> None:
        super().__init__()
        self.in_line: list[int] = []
        self.stored: list[int] = []
        self.counted: list[int] = []
        self._redis = r
        self._line = line
        self._done = done
        self._payloads = payloads

    def append(self, path: str | None) -> None:
        """Note it, and look around."""
        super().append(path)
        self.in_line.append(self._redis.llen(self._line))
        self.stored.append(self._redis.exists(*self._payloads))
        self.counted.append(int(self._redis.get(self._done) or 0))


def judge_order(answer: Any, exam: Examiner) -> None:
    """Letters, then a program that runs; what it takes, and in which order; what it leaves."""
    letters = _letters(answer, exam)
    with exam.queue() as queue:
        r = queue.redis
        line = exam.namespace + "line"
        done = exam.namespace + "done"
        task = exam.namespace + "task:"
        taken = Taken(r, line, done, [task + photo for photo in PHOTOS])
        names = {"r": r, "line": line, "done": done, "task": task, "taken": taken}
        names["photos"] = list(PHOTOS)
        program = "\n".join(LINES[letter] for letter in letters)
        _run_program(program, names, exam)
        _judge_taken(taken, letters, exam)
        exam.case(tr("the keys that are left at the end"), MISSING)
        left = sorted(r.scan_iter(exam.namespace + "*"))
        exam.expect(["done"], [each.removeprefix(exam.namespace) for each in left])
        exam.expect("3", r.get(done))
        hint = MISSING
        if "D" in letters:
            hint = tr(
                "EXPIRE for a key that does not exist does nothing: the counter has to be there "
                "first."
            )
        exam.require(
            r.ttl(done) > 0,
            tr("the counter will be gone by itself"),
            tr("it stays for ever"),
            hint,
        )


def _letters(answer: Any, exam: Examiner) -> list[str]:
    """The letters of an answer, which are known and different."""
    exam.case(
        tr("your letters"),
        tr(
            'Write them as a list, such as ["A", "B", "C"]. Each letter stands there at most once, '
            "and two of the ten are not needed."
        ),
    )
    letters = list[str]()
    if isinstance(answer, list | tuple | str):
        letters = [str(each) for each in answer]
    are_known = set(letters) <= LINES.keys()
    are_different = len(set(letters)) == len(letters)
    are_right = letters and are_known and are_different
    are_known_as_capitals = {each.upper() for each in letters} <= LINES.keys()
    hint = exam.hint
    if are_known_as_capitals and not are_known:
        hint = tr("Write capital letters, as they stand in front of the lines.")
    exam.require(are_right, tr("letters from A to J"), f"{answer!r:.80}", hint)
    exam.require(
        len(letters) <= LENGTH,
        tr("{count} letters", count=LENGTH),
        tr("{count} of them", count=len(letters)),
        tr(
            "Two of the ten lines are not needed: which of them does nothing that the text asks "
            "for?"
        ),
    )
    return letters


def _run_program(program: str, names: dict[str, Any], exam: Examiner) -> None:
    exam.case(
        tr("your lines as a program"),
        tr(
            "Python cannot read it. An indented line belongs to the loop above it, so the program "
            "begins with a loop, and each loop has an indented line below it."
        ),
    )
    try:
        with speaking_to(names["r"]):
            exec(program, names)
    except SyntaxError as error:
        exam.require(
            False, "Python", tr("{error}, line {line} of yours", error=error.msg, line=error.lineno)
        )
    except QueueError as error:
        wrong = tr(
            "`line` is a list, and HSET works on hashes: the payload needs a key of its own."
        )
        exam.require(False, tr("no error from Redis"), str(error.__cause__), wrong)


def _judge_taken(taken: Taken, letters: list[str], exam: Examiner) -> None:
    exam.case(
        tr("what your program takes, in this order"),
        tr(
            "The line was empty when the while loop asked for the first id, and so the loop ended "
            "at once. Ids have to be put in line, and before anybody takes them."
        ),
    )
    exam.require(taken, f"{PATHS}", tr("nothing"), exam.hint if "E" in letters else MISSING)
    never = tr("HGET of a key that does not exist gives None: nobody has stored a payload there.")
    early = tr("The payload was not there when it was read: store it before, and remove it after.")
    if None in taken:
        exam.expect(PATHS, list(taken), early if "J" in letters else never)
    exam.expect(
        PATHS,
        list(taken),
        tr(
            "The rocket came last and was taken first: a stack, in and out at the left end. A "
            "queue takes from the end opposite to the one it adds to."
        ),
    )
    exam.case(
        tr("how many ids are in line whenever a payload is read"),
        tr("A payload was read before its id was taken: reading belongs into the loop that takes."),
    )
    exam.expect([2, 1, 0], taken.in_line)
    exam.case(
        tr("what the counter says whenever a payload is read"),
        tr("The counter counts what was taken: its line belongs into the loop that takes."),
    )
    exam.expect([True, True, True], [n <= place for place, n in enumerate(taken.counted, 1)])
    exam.case(
        tr("how many payloads are stored when the first id is taken"),
        tr("Whoever adds a task stores its payload, or another program would find none."),
    )
    exam.expect(len(PHOTOS), taken.stored[0])


EXERCISES = {
    "03-exercise-fifo": Exercise(
        task=tr(
            "Put eight of ten given lines in order, so that they are a first in, first out queue "
            "in Redis: it stores a payload for each photograph and puts its id in line; it takes "
            "all ids, the first one first, reads each payload, removes it, and counts; it leaves "
            "only the counter, for an hour. The answer is a list of letters."
        ),
        hints=(
            tr(
                "There are two loops. The first goes through `photos` and has two indented lines; "
                "the second takes ids as long as there are any, and has three. One line follows "
                "both."
            ),
            tr(
                "New ids go in on the left (C), so the oldest is at the right end. In the second "
                "loop read the payload before you remove it."
            ),
            tr(
                "It begins with F, J, C and I. Of the three lines in the second loop, E stands "
                "before G, and A anywhere. D is the last: the counter has to be there by then."
            ),
        ),
        solution=["F", "J", "C", "I", "E", "G", "A", "D"],
        judge=judge_order,
        redis=True,
        text=ANSWER,
    )
}
