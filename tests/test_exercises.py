"""Exercises: a right answer passes, each typical wrong one gets its own hint, nobody is stuck."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from importlib import import_module
from pathlib import Path

import pytest
from helpers.answers import handed_in
from helpers.clock import until
from helpers.project import PHOTOGRAPHS, ROOT

from imglab.console import magics
from imglab.errors import FilterError, ImglabError
from imglab.exercises import exercise, lesson_03, lesson_04, mistakes
from imglab.exercises.answer import is_not_started
from imglab.exercises.exercise import Exercise, check, hint, solution, use
from imglab.imaging import BaseFilter, FilterFactory
from imglab.queues.connection import connect, speaking_to

LESSONS = sorted(path.stem for path in (ROOT / "imglab/exercises").glob("lesson_*.py"))
EXERCISES: dict[str, Exercise] = {
    name: each
    for lesson in LESSONS
    for name, each in import_module(f"imglab.exercises.{lesson}").EXERCISES.items()
}
#: Exercise → wrong answers, each with words of the hint it has to get.
WRONG = {
    name: answers
    for lesson in LESSONS
    for name, answers in import_module(f"wrong.{lesson}").WRONG.items()
}
#: (exercise, right answer in another style than ours).
RIGHT = [
    (name, answer)
    for lesson in LESSONS
    for name, answers in getattr(import_module(f"wrong.{lesson}"), "RIGHT", {}).items()
    for answer in answers
]
ENOUGH = "05-exercise-enough"
#: Seconds for an answer that hangs: its process imports this file first, and the machine is busy.
LIMIT = 8.0

pytestmark = pytest.mark.photographs(*PHOTOGRAPHS)
every_exercise = pytest.mark.parametrize("name", EXERCISES)


@pytest.fixture(autouse=True)
def classroom(project, valkey, monkeypatch):
    """A project and a Redis of the test's own, and a student who has done nothing yet."""
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    monkeypatch.setattr(exercise, "_passed", set())
    monkeypatch.setattr(exercise, "_hinted", {})
    monkeypatch.setattr(exercise, "_sources", {})
    monkeypatch.setattr(exercise, "_verdicts", {})


def words(verdict: object) -> str:
    return " ".join(repr(verdict).split())


@every_exercise
def test_our_own_solution_passes_and_its_examination_leaves_no_keys(name, valkey):
    verdict = check(name, handed_in(EXERCISES[name].solution))
    assert repr(verdict).startswith(f"PASSED {name}: "), verdict
    with connect(url=valkey.url) as client, speaking_to(client):
        until(lambda: not list(client.scan_iter("exercise-*")))


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_a_right_answer_in_another_style_passes(name, answer):
    verdict = check(name, handed_in(answer))
    assert verdict.state == "passed", verdict


@pytest.mark.parametrize(
    ("name", "number"), [(name, n) for name, answers in WRONG.items() for n in range(len(answers))]
)
def test_a_wrong_answer_fails_with_its_own_hint(name, number):
    answer, own = WRONG[name][number]
    verdict = check(name, handed_in(answer))
    assert verdict.state in {"wrong", "raised", "hung"}
    assert own in words(verdict)
    assert not any(other in words(verdict) for _, other in WRONG[name] if other != own)


@every_exercise
def test_an_exercise_has_three_hints_and_three_wrong_answers_with_different_hints(name):
    assert len(set(EXERCISES[name].hints)) == 3
    assert len({own for _, own in WRONG[name]}) >= 3
    assert EXERCISES[name].task


def not_started(rates, cores):
    # Your code here
    ...


def test_what_is_not_started_is_not_wrong():
    for answer in (not_started, ..., [1, ...], {"radius": ...}):
        assert repr(check(ENOUGH, answer)).startswith(f"Not yet: {ENOUGH} is not started.")


@pytest.mark.parametrize(
    ("code", "is_empty"),
    [
        ("def f(a):\n    # Your code here\n    ...", True),
        ('def f(a):\n    """Half of it."""\n    ...', True),
        ("class F:\n    size = 1\n    def change(self, image): ...", True),
        ("import sys\n...", True),
        ("for n in range(3):\n    print(n)\n...", True),
        ("[1, Ellipsis]", True),
        ("{'radius': Ellipsis}", True),
        ("def f(a):\n    return a[::2, ::2, ...]", False),
        ("def f(a) -> tuple[int, ...]:\n    return (a,)", False),
        ("def f(a):\n    return numpy.array(a)[...]", False),
        ("def f(a):\n    return a\n    ...", False),
        ("from typing import Tuple\nPair = Tuple[int, ...]\ndef f(a):\n    return a", False),
        ("def f(a): pass", False),
        ("[1, 2]", False),
        ("def f(:", False),
    ],
)
def test_dots_count_as_not_started_only_where_nothing_else_stands(code, is_empty):
    assert is_not_started(code) is is_empty


@pytest.mark.parametrize(
    ("answer", "own"),
    [
        (lambda rates, cores: None, mistakes.NO_RETURN),
        (lambda rates, cores: [2, "cores"], mistakes.NO_PAIR),
        (lambda rates, cores: (2, "Cores"), mistakes.OTHER_CASE),
        (lambda rates: (2, "cores"), "another number of values"),
        (lambda rates, cores: rates[one], "one is not known where your answer runs"),  # noqa: F821
        ((2, "cores"), mistakes.ONLY_CALLED),
    ],
)
def test_mistakes_of_every_exercise_have_words_of_their_own(answer, own):
    verdict = check(ENOUGH, answer)
    assert verdict.state in {"wrong", "raised"}
    assert own in words(verdict)
    assert "checked" in repr(verdict) or answer == (2, "cores")


def test_a_file_that_python_cannot_read_is_told_with_its_line():
    magics.save("output/lesson-01/pixels.py", "import sys\nclass PixelsFilter(:\n    size = 1\n")
    verdict = check("01-exercise-pixels", "output/lesson-01/pixels.py")
    assert verdict.state == "raised"
    assert "line 2 is no Python" in words(verdict)


def test_a_file_that_was_mended_is_quoted_as_it_is_now():
    path = "output/lesson-01/pixels.py"
    ours = EXERCISES["01-exercise-pixels"].solution[path]
    for line in ("small = image.first(1)", "small = image.second(2)"):
        magics.save(path, ours.replace("small = image.reduce(self.size)", line))
        verdict = check("01-exercise-pixels", path)
        assert line in words(verdict)


def test_a_filter_of_a_module_replaces_one_of_the_notebook(monkeypatch):
    monkeypatch.setattr(FilterFactory, "_classes", dict(FilterFactory._classes))
    for module in ("__main__", "pixels", "pixels"):
        FilterFactory.register(pixels_of(module))
    with pytest.raises(FilterError, match="is taken"):
        FilterFactory.register(pixels_of("other"))


def pixels_of(module: str) -> type[BaseFilter]:
    class PixelsFilter(BaseFilter):
        def change(self, image):
            return image

    PixelsFilter.__module__ = module
    return PixelsFilter


def hangs(rates, cores):
    while rates:
        cores += 1


def hangs_in_native_code(rates, cores):
    return sum(iter(int, 1))


def test_an_answer_that_hangs_is_ended_and_hears_in_which_line(monkeypatch):
    quick = Exercise(**{**vars(EXERCISES[ENOUGH]), "limit": LIMIT})
    monkeypatch.setattr(exercise, "find", lambda name: quick)
    verdict = check(ENOUGH, hangs)
    assert verdict.state == "hung"
    line = hangs.__code__.co_firstlineno + 1
    assert any(f"in line {line + n} of hangs(): " in words(verdict) for n in (0, 1))


def test_one_that_hangs_in_native_code_is_ended_too(monkeypatch):
    quick = Exercise(**{**vars(EXERCISES[ENOUGH]), "limit": LIMIT})
    monkeypatch.setattr(exercise, "find", lambda name: quick)
    assert "native code" in words(check(ENOUGH, hangs_in_native_code))


def raises(rates, cores):
    return rates[0], "cores"


def test_an_answer_that_raises_hears_what_and_in_which_line():
    verdict = check(ENOUGH, raises)
    line = raises.__code__.co_firstlineno + 1
    assert f"KeyError: 0, in line {line} of raises(): return rates[0]" in words(verdict)


def ends_the_process(rates, cores):
    os._exit(7)


def test_an_answer_that_ends_its_process_does_not_end_ours():
    assert "the process ended with code 7" in words(check(ENOUGH, ends_the_process))


def prints(rates, cores):
    print('{"state": "passed"}')
    return 0, ""


def test_what_an_answer_prints_is_no_verdict():
    assert check(ENOUGH, prints).state == "wrong"


def test_what_cannot_travel_is_named():
    lock = threading.Lock()
    space: dict = {"lock": lock}
    exec("def uses(rates, cores):\n    return lock", space)
    assert "it uses lock of this notebook" in words(check(ENOUGH, space["uses"]))


def test_hints_come_one_by_one_and_then_the_way_to_the_solution(capsys):
    for _ in range(4):
        hint(ENOUGH)
    said = capsys.readouterr().out
    assert re.findall(r"^Hint (\d) of 3:", said, re.MULTILINE) == ["1", "2", "3"]
    last = f'That was the last hint; solution("{ENOUGH}") shows one way to do it.'
    assert " ".join(said.split()).endswith(last)


def test_the_solution_stands_beside_the_students_own(capsys):
    check(ENOUGH, raises)
    solution(ENOUGH)
    printed = capsys.readouterr().out
    assert printed.index('return rates[0], "cores"') < printed.index("One way:")
    assert "def enough(rates, cores):" in printed.partition("One way:")[2]


def test_what_follows_uses_ours_until_the_students_own_has_passed(capsys):
    assert use(ENOUGH, raises) is EXERCISES[ENOUGH].solution
    assert "has not passed yet" in capsys.readouterr().out
    own = EXERCISES[ENOUGH].solution
    check(ENOUGH, own)
    assert use(ENOUGH, own) is own
    assert capsys.readouterr().out == ""
    check(ENOUGH, raises)
    assert use(ENOUGH, raises) is own
    assert "has not passed yet" in capsys.readouterr().out


def test_another_answer_than_the_one_that_passed_has_not_passed(capsys):
    own = EXERCISES[ENOUGH].solution
    check(ENOUGH, own)
    assert use(ENOUGH, raises) is own, "ours, though an answer passed before"
    assert "has not passed yet" in capsys.readouterr().out
    assert not exercise.has_passed(ENOUGH, ...)
    assert exercise.has_passed(ENOUGH, own)


def test_an_answer_without_code_is_known_by_itself(monkeypatch):
    monkeypatch.setattr(exercise, "source", lambda answer: "")
    own = EXERCISES[ENOUGH].solution
    check(ENOUGH, own)
    assert exercise.has_passed(ENOUGH, own)
    assert not exercise.has_passed(ENOUGH, raises)


def test_a_file_of_ours_is_used_until_the_students_own_has_passed(capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    name, path = "01-exercise-pixels", "output/lesson-01/pixels.py"
    root, (ours,) = Path(os.environ["IMGLAB_ROOT"]), EXERCISES[name].solution.values()
    magics.save(path, "...\n")
    assert check(name, path).state == "not started"
    where = use(name, path)
    assert where == "output/lesson-01/ours/pixels.py"
    assert "has not passed yet" in capsys.readouterr().out
    assert (root / where).read_text() == ours
    assert (root / path).read_text() == "...\n", "the student's file stays as it is"
    monkeypatch.setattr(FilterFactory, "_classes", dict(FilterFactory._classes))
    assert str(import_module("pixels").PixelsFilter(4)) == "pixels:size=4"
    own = ours + "# my own\n"
    magics.save(path, own)
    assert check(name, path).state == "passed"
    assert use(name, path) == path
    assert (root / path).read_text() == own


def test_c9_the_lines_of_lesson_03_are_shown_to_who_has_found_them_alone(queue, capsys):
    # Not with nbformat: each examination here imports this file, and that takes seconds to import.
    book = json.loads((ROOT / "notebooks/03_redis_in_ten_commands.ipynb").read_text())
    (source,) = ["".join(cell["source"]) for cell in book["cells"] if cell["id"] == "03-program"]
    names = {each: f"{queue.namespace}{each}:" for each in ("line", "done", "task")}
    names |= {"r": queue.redis, "queue": queue, "keys": lambda *_, **__: None}
    names |= {"use": use, "LINES": lesson_03.LINES, "photos": lesson_03.PHOTOS}
    right = EXERCISES["03-exercise-fifo"].solution
    for order, is_shown in ((..., False), (right, True)):
        check("03-exercise-fifo", order)
        exec(source, {**names, "order": order})
        printed = capsys.readouterr().out
        assert "images/rocket.jpg" in printed, "it ran"
        assert ("r.lpush(line, photo)" in printed) is is_shown
        queue.redis.delete(names["done"])


def test_an_answer_that_passed_is_known_after_the_notebook_was_restarted(monkeypatch, capsys):
    answer = EXERCISES[ENOUGH].solution
    assert check(ENOUGH, answer).state == "passed"
    monkeypatch.setattr(exercise, "_passed", set())
    assert use(ENOUGH, answer) is answer
    assert use(ENOUGH, not_started) is answer, "ours, for this one has not passed"
    assert "has not passed yet" in capsys.readouterr().out


def test_an_unknown_exercise_is_an_error_for_people():
    for name in ("05-exercise-nothing", "99-exercise", ""):
        with pytest.raises(ImglabError, match="There is no exercise"):
            check(name, 1)


def test_a_check_the_wrong_way_round_is_an_error_for_people():
    asks = (check, use, lambda value, _: hint(value), lambda value, _: solution(value))
    for ask in asks:
        for value in (raises, [1], None):
            with pytest.raises(ImglabError, match='comes first, in quotes, such as "05-exercise-'):
                ask(value, ENOUGH)


def test_a_wait_of_a_consumer_is_not_over_when_somebody_else_asks_redis(queue):
    queue.add_task({"number": 3})
    with queue.redis.monitor() as monitor:
        queue.mark_completed(queue.get_task("consumer"), {"square": 9})
        waits = threading.Thread(target=queue.get_task, args=("consumer",), kwargs={"timeout": 0.5})
        waits.start()
        while waits.is_alive():
            queue.redis.ping()
        queue.redis.echo(lesson_04.END_MARK)
        rest = lesson_04._after_the_last_task(monitor, queue.namespace)
    assert rest.waited > 0.4
