"""What workers print: harmless, bounded, and readable whatever the bytes."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys

import pytest
from helpers.project import ROOT

from imglab.workers import WorkerPool
from imglab.workers.logs import HarmlessFormatter, last_lines
from imglab.workers.process import why_not_imported

#: A worker's set-up without the worker: it logs and prints through a log of 1,000 bytes.
CHATTER = """
import logging, os, sys
from imglab.workers import logs
logs.MAX_LOG_BYTES = 1000
logs.log_to_own_file()
for number in range(200):
    logging.info("line %d", number)
"""


def run_with_log(code: str, log, **environment: str) -> None:
    settings = {"IMGLAB_WORKER_LOG": str(log), "PYTHONPATH": str(ROOT), **environment}
    with log.open("ab") as out:
        command = [sys.executable, "-c", code]
        subprocess.run(command, stdout=out, stderr=out, env=os.environ | settings, check=True)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "worker-1.log"


def test_p11_a_log_has_a_bound_and_its_last_lines_are_there(log):
    run_with_log(CHATTER, log)
    files = sorted(log.parent.iterdir())
    assert [file.name for file in files] == ["worker-1.log", "worker-1.log.1"]
    assert all(file.stat().st_size <= 1000 for file in files)
    assert last_lines(log, 1).endswith("line 199")


def test_p11_the_last_lines_go_on_into_the_log_before_this_one(log):
    run_with_log(CHATTER, log)
    lines = last_lines(log, 30).splitlines()
    assert [line.split()[-1] for line in lines] == [str(number) for number in range(170, 200)]


def test_p11_what_is_printed_past_the_log_counts_and_moves_on_with_it(log):
    printing = """
for number in range(100):
    print("printed", number, flush=True)
    os.write(2, b"from C\\n")
    logs.keep_short()
"""
    run_with_log(CHATTER + printing, log)
    assert sum(file.stat().st_size for file in log.parent.iterdir()) < 2500
    assert "printed 99\nfrom C" in last_lines(log, 2)


def test_p10_bytes_that_are_no_utf_8_and_escapes_are_shown_as_what_they_are(log):
    log.write_bytes(b"good\n\xff\xfe bad\n\x1b[2J\x1b]0;x\x07\n")
    assert last_lines(log, 3) == "good\n\ufffd\ufffd bad\n\\x1b[2J\\x1b]0;x\\x07"


def test_a_huge_log_is_read_at_its_end_only(log):
    with log.open("wb") as file:
        file.truncate(10**12)  # a terabyte with a hole in it
        file.seek(0, os.SEEK_END)
        file.write(b"\nthe end\n")
    assert last_lines(log, 1) == "the end"


@pytest.mark.parametrize("lines", [0, -5])
def test_no_lines_are_no_lines(log, lines):
    log.write_text("one\ntwo\n")
    assert last_lines(log, lines) == ""


def test_a_log_that_is_not_there_is_empty(tmp_path):
    assert last_lines(tmp_path / "nobody.log", 5) == ""


def test_p10_a_pool_shows_a_log_of_any_bytes(queue, tmp_path, monkeypatch):
    monkeypatch.setenv("IMGLAB_ROOT", str(tmp_path))
    pool = WorkerPool(1, [], queue)
    pool.logs.mkdir(parents=True)
    (pool.logs / "worker-1.log").write_bytes(b"\xff\n")
    assert pool.log("worker-1") == "\ufffd"


def test_p10_what_a_filter_prints_in_ascii_does_not_fail_its_task(log):
    printing = "print('a\\u00f1o', flush=True); logging.info('a\\u00f1o \\udcff')"
    run_with_log(CHATTER + printing, log, PYTHONIOENCODING="ascii")
    printed, logged = last_lines(log, 2).splitlines()
    assert printed == "a\\xf1o"
    assert logged.endswith("año \\udcff")


def printed_by(logger_call) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(HarmlessFormatter("%(message)s"))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    logger_call(logger)
    return stream.getvalue()


def test_p4_a_reason_with_line_ends_forges_no_line_of_a_log():
    reason = "boom\nworker-1: task t2 completed\x1b[2J"
    assert printed_by(lambda logger: logger.info("failed: %s", reason)) == (
        "failed: boom\\nworker-1: task t2 completed\\x1b[2J\n"
    )


def test_p4_a_traceback_keeps_its_lines_but_none_at_the_margin():
    def fail():
        raise ValueError("boom\nworker-1: forged\x1b[2J")

    def log_it(logger):
        try:
            fail()
        except ValueError:
            logger.warning("task t1 raised", exc_info=True)

    first, *others = printed_by(log_it).rstrip("\n").split("\n")
    assert first == "task t1 raised"
    assert all(line.startswith("    ") for line in others)
    assert any("forged\\x1b[2J" in line for line in others)


@pytest.mark.parametrize(
    ("module", "error", "words"),
    [
        ("nobody", ModuleNotFoundError("…", name="nobody"), "there is none of this name"),
        ("mine.py", ModuleNotFoundError("…", name="mine.py"), "without .py"),
        ("", ValueError("Empty module name"), "there is none of this name"),
        ("..up", TypeError("…"), "there is none of this name"),
        ("mine", ModuleNotFoundError("No module named 'other'", name="other"), "named 'other'"),
        ("mine", SyntaxError("'(' was never closed"), "SyntaxError: '(' was never closed"),
        ("mine", SystemExit(0), "ended with SystemExit: 0"),
        ("mine", ValueError("a\nb\x1b[2J"), r"ValueError: a\nb\x1b[2J"),
    ],
)
def test_p8_a_module_that_cannot_be_imported_is_told_with_its_reason(module, error, words):
    assert words in why_not_imported(module, error)
