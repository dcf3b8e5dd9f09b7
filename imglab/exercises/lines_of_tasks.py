"""Three lines of tasks in Redis, and a watch on each claim from them: what was promised, is kept.

Whoever claims may do it in any way: with one command or several, with a script or a transaction.
What counts is what is in the lists before and after, and between two commands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

from imglab.exercises.examiner import Examiner, Wrong
from imglab.exercises.words import told
from imglab.language import tr
from imglab.queues import RedisTaskQueue
from imglab.queues.keys import as_pattern
from imglab.queues.vocabulary import PRIORITIES

#: Of so many claims in a row, at most one passes a task of a higher level by.
FEW_PASS_BY = 8
#: A line with tasks in it is served at least once in so many claims in a row.
SERVED_WITHIN = 16

FORGOTTEN = tr(
    "It took {task} out of its line and gave None, so nobody will ever do that task. Is a "
    "return missing?"
)
NO_ID = tr(
    "Return what r.rpop(line) gave, the id of the task: no line, no pair, and no text of your own."
)
NOT_THE_OLDEST = tr(
    "Inside a line the oldest task is the first. LPUSH adds on the left, so the oldest is on "
    "the right: r.rpop(line)."
)
LEFT_IN_LINE = tr(
    "It is still in its line, so the next worker gets it as well: r.rpop takes it out."
)
MORE_THAN_ONE = tr(
    "A claim takes one task out, and leaves all others where they are: do not take a second "
    "one, and put nothing back."
)
PUT_BACK = tr(
    "It took a task out and put it back. In between the task is in no line: a worker that is "
    "killed there loses it. Decide which line to ask first, then take."
)
PASSED_BY_TOO_OFTEN = tr(
    "High first: of any eight claims in a row, at most one may take a task while one of a "
    "higher level waits. All other claims ask high, then normal, then low."
)
BOTH_STARVE = tr(
    "This is strict: the others starve for as long as high tasks come. Every 8th claim has to "
    "begin with another line."
)
LOW_STARVES = tr(
    "Low gets no turn of its own while others wait. The claims that do not begin with high "
    "have to begin with low and with normal in turn, or more often."
)
NORMAL_STARVES = tr(
    "The middle starves: the claims that do not begin with high must not all begin with low. "
    "Let low and normal have them in turn."
)
STRAY_KEY = tr(
    "The names of the lines are in `lines`, and an answer needs no other key: nobody would "
    "ever read it."
)


class LinesOfTasks:
    """The lines of a queue, filled and claimed from; they are gone at the end of a `with`."""

    def __init__(
        self,
        exam: Examiner,
        queue: RedisTaskQueue,
        answer: Callable[[Any, Sequence[str], int], object],
        *,
        claims_before: int = 0,
        hint_for_turns: str = "",
    ) -> None:
        self._exam = exam
        #: What helps here with a turn at the wrong time, whichever it is.
        self._hint_for_turns = hint_for_turns
        self._answer = answer
        self._number = claims_before
        #: Ours; the answer has a connection of its own, on which we listen.
        self._client = queue.redis
        self._keys = dict(zip(PRIORITIES, queue.keys.lines, strict=True))
        self._namespace = queue.namespace
        self._theirs = RedisTaskQueue(url=exam.url, namespace=exam.namespace)
        #: Level → ids, the oldest first.
        self._waiting: dict[str, list[str]] = {level: [] for level in PRIORITIES}
        self._added = 0
        #: The claims that passed a higher task by, as their numbers.
        self._passed_by: list[int] = []
        #: Level → claims in a row in which it had tasks and got none.
        self._unserved = dict.fromkeys(PRIORITIES, 0)
        #: Commands of the claim that is being watched, and what was out of its line between them.
        self._commands = 0
        self._was_out: set[str] = set()
        self._others_claim = False
        self._claimed_by_others: set[str] = set()
        self._listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._exam.passed += 1
        self._client.delete(*self._keys.values())
        self._theirs.close()

    def add(self, level: str, count: int = 1) -> None:
        """Put tasks at the end of a line."""
        for _ in range(count):
            self._added += 1
            task_id = f"{level}-{self._added}"
            self._waiting[level].append(task_id)
            self._client.lpush(self._keys[level], task_id)

    def claim(self, times: int = 1, *, others_claim_between: bool = False) -> None:
        """Let the answer claim, and judge each claim.

        With `others_claim_between`, another worker claims once in between, if there is a between.
        """
        for _ in range(times):
            self._commands = 0
            self._was_out.clear()
            self._others_claim = others_claim_between
            got = self._answer(self._theirs.redis, list(self._keys.values()), self._number)
            self._others_claim = False
            self._judge(got)

    def expect_no_other_key(self) -> None:
        """Judge whether the answer left a key that is none of the lines."""
        pattern = as_pattern(self._namespace) + "*"
        found = {str(key) for key in self._client.scan_iter(pattern)}
        strays = sorted(found - set(self._keys.values()))
        _must(not strays, tr("no key but the three lines"), told(strays), STRAY_KEY)

    # What the answer sends

    def _listen(self) -> None:
        """Look into the lines before each command that the answer sends, but the first."""
        client = self._theirs.redis
        send = client.execute_command
        make_pipeline = client.pipeline

        def listening_send(*arguments: Any, **options: Any) -> Any:
            self._before_command()
            return send(*arguments, **options)

        def listening_pipeline(*arguments: Any, **options: Any) -> Any:
            pipe = make_pipeline(*arguments, **options)
            execute = pipe.execute

            def listening_execute(*more: Any, **others: Any) -> Any:
                self._before_command()
                return execute(*more, **others)

            setattr(pipe, "execute", listening_execute)  # noqa: B010 - a method of this one only
            return pipe

        setattr(client, "execute_command", listening_send)  # noqa: B010
        setattr(client, "pipeline", listening_pipeline)  # noqa: B010

    def _before_command(self) -> None:
        self._commands += 1
        if self._commands == 1:
            return
        there = self._in_redis()
        for level in PRIORITIES:
            self._was_out.update(set(self._waiting[level]) - set(there[level]))
        if self._others_claim:
            self._others_claim = False
            self._claim_as_another_worker()

    def _claim_as_another_worker(self) -> None:
        for level in PRIORITIES:
            task_id = self._client.rpop(self._keys[level])
            if task_id:
                self._waiting[level].remove(str(task_id))
                self._claimed_by_others.add(str(task_id))
                return

    def _in_redis(self) -> dict[str, list[str]]:
        """Level → the ids in its list, the oldest first."""
        with self._client.pipeline(transaction=True) as pipe:
            for key in self._keys.values():
                pipe.lrange(key, 0, -1)
            lists = pipe.execute()
        return {level: ids[::-1] for level, ids in zip(PRIORITIES, lists, strict=True)}

    # What came of it

    def _judge(self, got: object) -> None:
        there = self._in_redis()
        if got is None:
            self._judge_none(there)
            return
        level = self._level_of(got)
        others = [each for each in PRIORITIES if each != level]
        line = self._waiting[level]
        task = str(got)
        _must(
            task not in there[level],
            tr("{task} leaves its line", task=task),
            tr("{task} is in it", task=task),
            LEFT_IN_LINE,
        )
        _must(
            task == line[0],
            tr("{task}, the oldest {level} one", task=line[0], level=level),
            task,
            NOT_THE_OLDEST,
        )
        expected = {each: self._waiting[each] for each in others}
        expected[level] = line[1:]
        is_as_expected = all(there[each] == expected[each] for each in PRIORITIES)
        _must(
            is_as_expected,
            tr("all but {task} stay in line", task=task),
            _told(there),
            MORE_THAN_ONE,
        )
        was_back = sorted(self._was_out - {task})
        _must(
            not was_back,
            tr("nothing is put back"),
            tr("{tasks} was out and in again", tasks=was_back),
            PUT_BACK,
        )
        self._judge_turns(level)
        self._waiting[level] = line[1:]
        self._number += 1

    def _judge_none(self, there: dict[str, list[str]]) -> None:
        for level in PRIORITIES:
            gone = [task for task in self._waiting[level] if task not in there[level]]
            if gone:
                raise Wrong(gone[0], "None", FORGOTTEN.format(task=gone[0]))
        waiting = sum(map(len, there.values()))
        _must(
            waiting == 0,
            tr(
                "the id of one of {waiting} waiting tasks, at number = {number}",
                waiting=waiting,
                number=self._number,
            ),
            "None",
            self._exam.hint,
        )

    def _level_of(self, got: object) -> str:
        for level in PRIORITIES:
            if isinstance(got, str) and got in self._waiting[level]:
                return level
        if isinstance(got, str) and got in self._claimed_by_others:
            words = tr("{task}, which another worker has", task=got)
            raise Wrong(tr("a task that nobody has"), words, self._exam.hint)
        raise Wrong(tr("the id of a task that waits, or None where none does"), told(got), NO_ID)

    def _judge_turns(self, taken: str) -> None:
        higher = PRIORITIES[: PRIORITIES.index(taken)]
        if any(self._waiting[level] for level in higher):
            latest = [each for each in self._passed_by if each > self._number - FEW_PASS_BY]
            _must(
                not latest,
                tr(
                    "at most 1 of {claims} claims takes less than the highest that waits",
                    claims=FEW_PASS_BY,
                ),
                tr("claims {numbers} did", numbers=[*latest, self._number]),
                self._hint_for_turns or PASSED_BY_TOO_OFTEN,
            )
            self._passed_by.append(self._number)
        for level in PRIORITIES:
            is_left = bool(self._waiting[level]) and level != taken
            self._unserved[level] = self._unserved[level] + 1 if is_left else 0
        starved = [each for each in PRIORITIES if self._unserved[each] >= SERVED_WITHIN]
        if starved:
            raise Wrong(
                tr("each line with tasks is served within {claims} claims", claims=SERVED_WITHIN),
                _told_starved(starved),
                self._hint_for_turns or _hint_for(starved),
            )


def _must(is_so: bool, expected: str, got: str, hint: str) -> None:
    if not is_so:
        raise Wrong(expected, got, hint)


def _hint_for(starved: Sequence[str]) -> str:
    if starved == ["low"]:
        return LOW_STARVES
    if starved == ["normal"]:
        return NORMAL_STARVES
    return BOTH_STARVE


def _told_starved(starved: Sequence[str]) -> str:
    levels = starved[0]
    for level in starved[1:]:
        levels = tr("{first} and {second}", first=levels, second=level)
    return tr("{levels} waited for {claims} claims in a row", levels=levels, claims=SERVED_WITHIN)


def _told(lines: dict[str, list[str]]) -> str:
    return "; ".join(f"{level} {ids}" for level, ids in lines.items())
