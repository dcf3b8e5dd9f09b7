"""A program on a lead: it goes step by step, stands still when frozen, and outlives nobody."""

from __future__ import annotations

import gc

import psutil
import pytest
from helpers.clock import until

from imglab.classroom.programs import Program
from imglab.errors import ImglabError

COUNTS = """import os, sys
for number in range(3):
    print(number, os.getpid(), flush=True)
    sys.stdin.readline()
print("done")
"""


@pytest.fixture
def counts(project):
    (project / "output" / "counts.py").write_text(COUNTS)
    return "output/counts.py"


def test_it_waits_after_each_line_until_it_may_go_on(counts):
    with Program(counts) as program:
        number, pid = program.line().split()
        assert number == "0"
        program.go()
        assert program.line() == f"1 {pid}"
        program.go()
        assert program.finish() == [f"2 {pid}", "done"]
        assert program.line() == ""


def test_a_killed_one_says_no_last_word(counts):
    with Program(counts) as program:
        program.line()
        assert program.kill() == "SIGKILL"
        assert program.line() == ""
        with pytest.raises(ImglabError, match="has ended"):
            program.go()


def test_a_frozen_one_does_nothing_until_it_is_thawed(counts):
    with Program(counts) as program:
        process = psutil.Process(int(program.line().split()[1]))
        program.freeze()
        program.go()
        assert process.status() == psutil.STATUS_STOPPED
        program.thaw()
        assert program.line() == f"1 {process.pid}"


def test_a_frozen_one_can_be_killed(counts):
    with Program(counts) as program:
        program.line()
        program.freeze()
        assert program.kill() == "SIGKILL"


def test_who_has_ended_cannot_be_frozen(counts):
    with Program(counts) as program:
        program.finish()
        with pytest.raises(ImglabError, match="nothing is left to freeze"):
            program.freeze()


def test_it_is_killed_when_nobody_holds_it_any_more(counts):
    program = Program(counts)
    pid = int(program.line().split()[1])
    program.freeze()
    del program
    gc.collect()
    assert until(lambda: not psutil.pid_exists(pid))


def test_an_empty_line_is_a_line_and_not_the_end(project):
    spoken = 'print("before\\n\\nafter", flush=True)\ninput()\nprint(flush=True)\ninput()\n'
    (project / "output" / "gaps.py").write_text(spoken)
    with Program("output/gaps.py") as program:
        assert program.finish() == ["before", "", "after", ""]
        assert program.line() == ""


def test_its_words_are_arguments(project):
    (project / "output" / "words.py").write_text("import sys\nprint(sys.argv[1:])\n")
    with Program("output/words.py", "a b", 3) as program:
        assert program.finish() == ["['a b', '3']"]


def test_a_program_that_is_not_there_is_an_error_for_people(project):
    with pytest.raises(ImglabError, match="run the cell that saves it"):
        Program("output/nothing.py")
