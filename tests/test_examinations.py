"""An answer may do anything: a notebook gets a verdict, in time, and nobody stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from helpers import judged
from helpers.clock import until
from helpers.judged import EXERCISES, NAME, TELLING
from helpers.processes import started

from imglab.exercises import answer as answers
from imglab.exercises import exercise
from imglab.exercises.examiner import Examiner, Wrong
from imglab.exercises.exercise import Exercise, check
from imglab.exercises.guard import MOST_PROCESSES
from imglab.exercises.limits import FILE, OUT_OF_MEMORY
from imglab.exercises.papers import (
    CASE_LETTERS,
    MOST_CASES,
    REPORT_BYTES,
    Report,
    read_report,
)
from imglab.exercises.words import TEXT_LETTERS, plain

#: Bytes by which the notebook's process may grow while it hears a verdict.
GROWTH = 20 << 20
#: Seconds for one that hangs.
SHORT_LIMIT = 4.0


@pytest.fixture(autouse=True)
def one_exercise(monkeypatch):
    """An exercise of which each answer passes that returns 2."""
    own = EXERCISES[NAME]
    monkeypatch.setattr(exercise, "find", lambda name: own)
    monkeypatch.setattr(exercise, "_module", lambda name: judged.__name__)
    paths = [str(Path(__file__).parent), *sys.path]
    monkeypatch.setattr(sys, "path", paths)
    return own


@pytest.fixture
def short(monkeypatch, one_exercise):
    """An examination that has little time."""
    quick = Exercise(**{**vars(one_exercise), "limit": SHORT_LIMIT})
    monkeypatch.setattr(exercise, "find", lambda name: quick)


def words(verdict: object) -> str:
    return " ".join(repr(verdict).split())


def student(code: str):
    """A function as a student writes it in a notebook: its module is no file."""
    space: dict = {"__name__": "__main__"}
    exec(code, space)
    return space["answer"]


def examined(code: str):
    """The verdict of `answer`, a function in this code; it always is a text that can be shown."""
    verdict = check(NAME, student(code))
    repr(verdict).encode()
    assert len(repr(verdict)) < 10 * TEXT_LETTERS
    return verdict


def test_an_answer_that_is_right_passes():
    assert examined("def answer(): return 2").state == "passed"


# Texts without end


def test_what_an_answer_prints_without_end_reaches_nobody():
    before = psutil.Process().memory_info().rss
    verdict = examined(
        """
def answer():
    import os, time
    end = time.monotonic() + 1
    while time.monotonic() < end:
        print("x" * 100_000)
        os.write(2, b"y" * 100_000)
    return 2
"""
    )
    assert verdict.state == "passed"
    assert psutil.Process().memory_info().rss - before < GROWTH


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError('x' * 50_000_000)",
        "return 'x' * 50_000_000",
        "return list(range(500_000))",
        "return 10 ** 10_000",
        "raise RuntimeError(*['x' * 1_000_000] * 50)",
    ],
)
def test_a_text_of_megabytes_is_cut(body):
    before = psutil.Process().memory_info().rss
    verdict = examined(f"def answer():\n    {body}")
    assert verdict.state in {"wrong", "raised"}
    assert psutil.Process().memory_info().rss - before < GROWTH


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("'\\udcff'", "\\udcff"),
        ("'\\x1b[2J\\x07'", "\\x1b[2J\\x07"),
        ("'\\u202e'", "\\u202e"),
        ("'niño'", "niño"),
    ],
)
def test_an_errors_text_is_shown_as_text(text, shown):
    verdict = examined(f"def answer(): raise ValueError({text})")
    assert f"ValueError: {shown}" in words(verdict)


# Everything that can be raised


@pytest.mark.parametrize(
    ("raised", "shown"),
    [
        ("SystemExit(0)", "SystemExit: 0"),
        ("KeyboardInterrupt", "KeyboardInterrupt, in"),
        ("GeneratorExit", "GeneratorExit, in"),
        ("asyncio.CancelledError", "CancelledError, in"),
        ("ExceptionGroup('two', [ValueError(), OSError()])", "ExceptionGroup: two"),
        ("sys.exit('gone')", "SystemExit: gone"),
        ("int", "TypeError: exceptions must derive from BaseException"),
        ("Silent", "its text cannot be read, for that raises SystemExit"),
        ("Number", "its text cannot be read, for that raises TypeError"),
        ("Nameless", "Nameless, in"),
        ("again()", "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_whatever_an_answer_raises_is_told(raised, shown):
    verdict = examined(
        f"""
import asyncio, sys
class Silent(Exception):
    def __str__(self): raise SystemExit(1)
class Number(BaseException):
    def __str__(self): return 1
class Nameless(NameError):
    @property
    def name(self): raise SystemExit(1)
def again(): return again()
def answer(): raise {raised}
"""
    )
    assert verdict.state == "raised"
    assert shown in words(verdict)


# Values that are no plain values


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        ("def __eq__(self, other): return True", "Odd object"),
        ("def __eq__(self, other): raise SystemExit(0)", "Odd object"),
        ("def __repr__(self): raise SystemExit(0)", "a Odd, whose repr raises SystemExit"),
        ("def __repr__(self): return 1", "a Odd, whose repr raises TypeError"),
        ("def __repr__(self): return repr(self)", "a Odd, whose repr raises RecursionError"),
        ("def __repr__(self): return '\\udcff'", "\\udcff"),
    ],
)
def test_an_answer_of_an_odd_class_is_wrong_and_is_told(method, shown):
    verdict = examined(f"class Odd:\n    {method}\ndef answer(): return Odd()")
    assert verdict.state == "wrong"
    assert shown in words(verdict)


@pytest.mark.usefixtures("short")
def test_a_repr_without_end_hangs():
    body = "class Odd:\n    def __repr__(self):\n        while True: pass\n"
    verdict = examined(body + "def answer(): return Odd()")
    assert verdict.state == "hung"
    assert "it hung, in __repr__()" in words(verdict)


class Always:
    """Equal to everything."""

    __hash__ = None

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ([1, 2], [1, Always()]),
        ((2, "cores"), (2, Always())),
        ({"a": [1]}, {"a": [Always()]}),
        ({"a": 1}, {"b": 1}),
        ([None], [0]),
        ([1], [1, 2]),
        ("a", "b"),
        (2, 2.0),
        (True, 1),
    ],
)
def test_a_class_that_is_equal_to_everything_is_equal_to_nothing_here(expected, got):
    with pytest.raises(Wrong):
        Examiner().expect(expected, got)


@pytest.mark.parametrize(
    "value", [2, 2.5, "a", None, [1, (2, "b")], {"a": [1, {"b": None}]}, {1, 2}, True, b"x"]
)
def test_equal_values_are_equal(value):
    Examiner().expect(value, copy_of(value))


def copy_of(value):
    """An equal value that is another object."""
    if isinstance(value, list | tuple | set):
        return type(value)(copy_of(each) for each in value)
    if isinstance(value, dict):
        return {name: copy_of(each) for name, each in value.items()}
    return value


# What breaks a verdict

BREAKS = {
    "ends the process": ("import os; os._exit(0)", "the process ended with code 0"),
    "kills itself": ("import os; os.kill(os.getpid(), 9)", "the process was ended by SIGKILL"),
    "kills its group": ("import os; os.kill(0, 15)", "the process was ended by SIGTERM"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "the process was ended by SIGSEGV"),
    "closes every pipe": ("import os; os.closerange(0, 256); return 2", "the process ended with"),
    "daemonizes": ("import os\n    if os.fork(): os._exit(0)\n    return 2", "ended with code 0"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_an_answer_that_breaks_its_examination_has_not_passed(name):
    body, shown = BREAKS[name]
    verdict = examined(f"def answer():\n    {body}")
    assert verdict.state == "wrong"
    assert shown in words(verdict)


@pytest.mark.usefixtures("short")
def test_an_answer_that_stops_itself_hangs():
    verdict = examined("def answer():\n    import os; os.kill(os.getpid(), 19); return 2")
    assert verdict.state == "hung"
    assert "or it is stopped" in words(verdict)


HARMLESS = {
    "writes into every pipe": (
        "import os\n"
        "    for pipe in range(256):\n"
        '        try: os.write(pipe, b\'{"state": "hung"}\\n\')\n'
        "        except OSError: pass\n"
    ),
    "puts its own json.dumps there": "import json; json.dumps = json.loads = None\n",
    "closes standard input": "import sys; sys.stdin.close()\n",
    "has its own print": "import sys; sys.stdout = sys.stderr = None\n",
    "closes standard output": "import sys; sys.stdout.close(); sys.stderr.close()\n",
    "has a handler for its end": "import atexit; atexit.register(input)\n",
    "forks, and both come back": "import os; os.fork()\n",
    "changes its folder": "import os; os.chdir('/')\n",
    "ignores all signals": (
        "import signal\n    for number in (2, 15): signal.signal(number, signal.SIG_IGN)\n"
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_an_answer_that_is_right_passes_whatever_else_it_does(name):
    verdict = examined(f"def answer():\n    {HARMLESS[name]}    return 2")
    assert verdict.state == "passed", verdict


def test_what_is_printed_is_no_verdict_though_it_looks_like_one():
    passed = Report("passed", passed=1).to_json()
    verdict = examined(
        f"""
def answer():
    import os
    for pipe in range(256):
        try: os.write(pipe, {passed!r}.encode() + b"\\n")
        except OSError: pass
    os._exit(0)
"""
    )
    assert verdict.state == "wrong"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "\xff",
        '{"state": "excellent"}',
        '{"state": "passed", "more": 1}',
        '{"state": ["passed"]}',
        '{"state": "passed", "passed": "many"}',
        '{"state": "wrong", "got": 7}',
        '{"state": "hung", "place": 7}',
        '{"state": "hung", "place": ["a", "b", "c"]}',
        '{"state": "hung", "place": ["a", 1]}',
        "[" * 100_000,
    ],
)
def test_a_report_that_is_none_is_not_read(text):
    assert read_report(text) is None


def test_the_largest_report_comes_through():
    emoji = "\U0001f600" * TEXT_LETTERS
    texts = dict.fromkeys(("given", "hint", "expected", "got"), emoji)
    report = Report("wrong", **texts)
    assert len(report.to_json()) < REPORT_BYTES
    assert read_report(report.to_json()) == report


def test_a_guard_that_cannot_start_is_a_sentence(monkeypatch, tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no room >&2; exit 1\n")
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    assert "ended without a verdict: no room" in examined("def answer(): return 2").lines["got"]


# Whoever is left behind

LEAVES = {
    "a program": 'subprocess.Popen(["sleep", "1000"])',
    "a program with the pipes": 'subprocess.Popen(["sleep", "1000"], close_fds=False)',
    "a program in a session of its own": 'subprocess.Popen(["sleep", "1000"], start_new_session=1)',
    "a fork": "os.fork() or time.sleep(1000)",
    "a fork of a fork in sessions of their own": (
        "if not os.fork():\n"
        "        os.setsid()\n"
        "        if os.fork(): os._exit(0)\n"
        "        os.setsid(); time.sleep(1000)"
    ),
    "a thread": "threading.Thread(target=time.sleep, args=(1000,)).start()",
    "a daemon thread": "threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
    "a process that hears no signal": (
        "if not os.fork():\n        signal.signal(15, signal.SIG_IGN); time.sleep(1000)"
    ),
    "a process of multiprocessing": (
        'multiprocessing.get_context("fork").Process(target=time.sleep, args=(1000,)).start()'
    ),
}


def with_mark(mark: str) -> list[psutil.Process]:
    """The processes with a variable of their own in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and mark in process.environ():
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def mark(monkeypatch) -> str:
    """A variable that every process of an examination inherits."""
    name = f"IMGLAB_TEST_{os.urandom(6).hex()}"
    monkeypatch.setenv(name, "1")
    return name


@pytest.mark.parametrize("name", LEAVES)
def test_nobody_outlives_the_examination(name, mark):
    verdict = examined(
        f"""
import multiprocessing, os, signal, subprocess, threading, time
def answer():
    {LEAVES[name]}
    return 2
"""
    )
    assert verdict.state == "passed"
    assert with_mark(mark) == []


@pytest.mark.usefixtures("short")
def test_nobody_outlives_an_answer_that_hangs(mark):
    verdict = examined(
        """
import subprocess
def answer():
    subprocess.Popen(["sleep", "1000"], start_new_session=True).wait()
"""
    )
    assert verdict.state == "hung"
    assert with_mark(mark) == []


def test_a_crowd_is_ended(mark):
    verdict = examined(
        """
import os, time
def answer():
    for _ in range(200):
        if not os.fork():
            time.sleep(1000)
    time.sleep(1000)
"""
    )
    assert f"more than {MOST_PROCESSES} processes" in words(verdict)
    assert with_mark(mark) == []


def test_an_examination_ends_when_the_notebook_interrupts_it(mark, request):
    """As the stop button does: a signal to the notebook alone, in the middle of an examination."""
    pid = os.getpid()
    # Who is started in the background of a shell ignores the signal; a notebook does not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))

    def press_stop() -> None:
        until(lambda: len(with_mark(mark)) == 3)
        os.kill(pid, signal.SIGINT)

    code = """
import subprocess
def answer():
    subprocess.run(["sleep", "1000"], start_new_session=True)
"""
    threading.Thread(target=press_stop, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        examined(code)
    assert with_mark(mark) == []


def test_an_examination_ends_when_the_notebook_is_killed(mark):
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_examinations as here
from imglab.exercises import examination
code = '''
import time
def answer(): time.sleep(1000)
'''
import cloudpickle
from imglab.exercises.papers import Request
packed = cloudpickle.dumps(here.student(code))
examination.examine(Request(sys.path, "helpers.judged", here.NAME, "", "", 60.0, packed), print)
"""
    with started(sys.executable, "-c", program):
        until(lambda: len(with_mark(mark)) == 3)  # the notebook, the guard, the answer
    until(lambda: not with_mark(mark))


# Memory and disk


@pytest.mark.parametrize(
    "body",
    [
        "return bytearray(4_000_000_000)",
        "return [bytes(1_000_000) for _ in range(4000)]",
        "text = ''\n    while True: text += 'x' * 1_000_000",
    ],
)
def test_an_answer_that_takes_too_much_memory_hears_it(body):
    verdict = examined(f"def answer():\n    {body}")
    assert verdict.state == "raised"
    assert OUT_OF_MEMORY in words(verdict)


def test_a_file_has_a_bound_too(tmp_path):
    file = tmp_path / "large"
    verdict = examined(
        f"""
def answer():
    with open({str(file)!r}, "wb") as file:
        while True: file.write(bytes(10_000_000))
"""
    )
    assert "File too large" in words(verdict)
    assert file.stat().st_size <= FILE


# What cannot be packed

TRAVELS = {
    "a lock": ("import threading\nlock = threading.Lock()\ndef answer(): return lock", "uses lock"),
    "raises": (
        "class Odd:\n    def __reduce__(self): raise SystemExit(0)\n"
        "odd = Odd()\ndef answer(): return odd",
        "it uses odd of this notebook (SystemExit: 0)",
    ),
    "is huge": ("data = bytes(200_000_000)\ndef answer(): return data", "larger than 64 MB"),
    "is deep": (
        "deep = []\nfor _ in range(100_000): deep = [deep]\ndef answer(): return deep",
        "uses deep of this notebook",
    ),
    "hangs": (
        "class Odd:\n    def __reduce__(self):\n        while True: pass\n"
        "odd = Odd()\ndef answer(): return odd",
        "took longer than 1 s",
    ),
}


@pytest.mark.parametrize("name", TRAVELS)
def test_an_answer_that_cannot_travel_is_told_so(name, monkeypatch):
    monkeypatch.setattr(answers, "PATIENCE_S", 1.0)
    code, shown = TRAVELS[name]
    verdict = examined(code)
    assert verdict.state == "wrong"
    assert shown in words(verdict)


def test_an_answer_that_cannot_be_unpacked_is_told_so():
    verdict = examined(
        """
def explode(): raise SystemExit("not here")
class Odd:
    def __reduce__(self): return explode, ()
odd = Odd()
def answer(): return odd
"""
    )
    assert verdict.state == "raised"
    assert "SystemExit: not here" in words(verdict)


class Odd:
    """A value whose every word about itself is trouble."""

    def __init__(self, what) -> None:
        self.what = what

    def __repr__(self) -> str:
        return self.what()

    def __getattr__(self, name):
        raise SystemExit(0)


def forever() -> str:
    while True:
        time.sleep(0.001)


def leave() -> str:
    raise SystemExit(0)


def deep() -> list:
    value: list = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "answer",
    [
        Odd(forever),
        Odd(leave),
        Odd(lambda: 1),
        Odd(lambda: "(" * 1000),
        Odd(lambda: "\udcff"),
        Odd(lambda: "\0"),
        Odd(lambda: "x" * 100_000_000),
        deep(),
        "/dev/zero",
        "\0",
        "a" * 100_000,
        "\udcff",
        "images",
        Path("/dev/zero"),
        (Odd(leave), "x"),
        10**10_000,
        asyncio.sleep,
    ],
    ids=range(17),
)
def test_a_notebook_survives_looking_at_an_answer(answer, monkeypatch):
    monkeypatch.setattr(answers, "PATIENCE_S", 1.0)
    verdict = check(NAME, answer)
    assert verdict.state in {"wrong", "raised", "not started"}
    repr(verdict).encode()


def test_somebody_elses_alarm_goes_on_when_an_answer_was_packed():
    before = signal.getitimer(signal.ITIMER_REAL)
    handler = signal.getsignal(signal.SIGALRM)
    answers.packed(2)
    after = signal.getitimer(signal.ITIMER_REAL)
    assert signal.getsignal(signal.SIGALRM) is handler
    assert bool(after[0]) == bool(before[0])


# Programs


def test_a_program_that_prints_without_end_leaves_its_beginning_and_its_end(tmp_path):
    file = tmp_path / "program.py"
    file.write_text("print('first')\nfor _ in range(500): print('x' * 100_000)\nprint('last')")
    exam = Examiner()
    printed = exam.ended(exam.start(file, seconds=30))
    assert printed.startswith("first")
    assert printed.endswith("last\n")
    assert len(printed) < 100_000


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("import sys; sys.exit('imglab-hung-at a:b')", "imglab-hung-at a:b"),
        ("import os; os._exit(3)", ""),
        ("raise ValueError('x' * 10_000_000)", "ValueError: xxx"),
        ("import os, time; os.close(2); time.sleep(1000)", ""),
    ],
)
def test_a_program_that_ends_badly_is_told(tmp_path, code, shown):
    file = tmp_path / "program.py"
    file.write_text(code)
    exam = Examiner()
    with pytest.raises(Wrong) as wrong:
        exam.ended(exam.start(file, seconds=2))
    assert wrong.value.got.startswith(shown)


def test_a_program_whose_child_holds_its_output_ends_all_the_same(tmp_path, mark):
    file = tmp_path / "program.py"
    file.write_text("import subprocess; print('x'); subprocess.Popen(['sleep', '1000'])")
    exam = Examiner()
    assert exam.ended(exam.start(file, seconds=30)) == "x\n"
    for child in with_mark(mark):
        child.kill()


def test_a_text_is_plain_whatever_its_class_says():
    class Text(str):
        __slots__ = ()

        def __getitem__(self, _):
            raise SystemExit(0)

        def __len__(self):
            return 0

    assert plain(Text("x" * 2000)) == "x" * 999 + "…"
    assert type(plain(Text("x"))) is str


def test_an_answer_that_kills_its_guard_gets_a_sentence():
    verdict = examined("def answer():\n    import os; os.kill(os.getppid(), 9)\n    return 2")
    assert "the examination ended without a word" in words(verdict)


def test_the_notebook_keeps_reading_within_a_bound(monkeypatch, tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec yes xxxxxxxxxxxxxxxxxxxxxxxxxxxx\n")
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    before = psutil.Process().memory_info().rss
    assert check(NAME, 2).state == "wrong"
    assert psutil.Process().memory_info().rss - before < GROWTH


# What takes long says where it is


@pytest.fixture
def telling(monkeypatch):
    monkeypatch.setattr(exercise, "find", lambda name: EXERCISES[TELLING])


def test_each_case_is_said_as_it_begins(telling, capsys):
    assert repr(check(TELLING, lambda number: 2)).startswith(f"PASSED {TELLING}: 3 of 3")
    said = capsys.readouterr().out
    assert said == "Trying: case 1 …\nTrying: case 2 …\nTrying: case 3 …\n"


def test_after_a_case_that_fails_no_other_is_said(telling, capsys):
    assert "given case 2" in words(check(TELLING, lambda number: 3 - number))
    assert capsys.readouterr().out == "Trying: case 1 …\nTrying: case 2 …\n"


def test_a_case_is_said_while_its_answer_still_runs(telling, monkeypatch, tmp_path):
    heard = tmp_path / "heard"
    monkeypatch.setattr(exercise, "_say_case", heard.write_text)
    code = f"""
import pathlib, time
def answer(number):
    while pathlib.Path({str(heard)!r}).read_text() != f"case {{number}}": time.sleep(0.01)
    return 2
"""
    heard.write_text("")
    assert repr(check(TELLING, student(code))).startswith("PASSED")


def test_an_answer_that_says_cases_without_end_is_heard_thirty_times(telling, capsys):
    code = """
import gc
from imglab.exercises.examiner import Examiner
def answer(number):
    (exam,) = [each for each in gc.get_objects() if type(each) is Examiner]
    for each in range(10_000): exam.tell("x" * 5000)
    return 2
"""
    assert repr(check(TELLING, student(code))).startswith("PASSED")
    said = capsys.readouterr().out
    assert said.count("Trying:") == MOST_CASES
    assert len(said) < 2 * MOST_CASES * CASE_LETTERS


def test_an_exercise_that_is_quick_says_nothing(capsys):
    check(NAME, lambda: 2)
    assert capsys.readouterr().out == ""
