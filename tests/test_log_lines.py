"""Logs as JSON, and the trace that a task belongs to: from its payload into logs and its result."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import threading

import pytest
from helpers.clock import until
from hypothesis import given
from hypothesis import strategies as st

from imglab.errors import ImglabError
from imglab.queues import Task, TaskQueue
from imglab.workers import Worker, WorkerPool
from imglab.workers.about import AtWork, about, traceparent_of
from imglab.workers.json_lines import JsonFormatter
from imglab.workers.logs import HarmlessFormatter

#: The example of the W3C's recommendation.
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ODD = (
    *(None, 7, True, [TRACE], {TRACE: TRACE}, ""),
    *(TRACE.upper(), f" {TRACE}", f"{TRACE}\n", f"{TRACE}-", f"{TRACE}\x1b[2J", TRACE[:-1]),
    "ff" + TRACE[2:],
    f"00-{'0' * 32}-00f067aa0ba902b7-01",
    f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
    TRACE.replace("4", "\u0664"),
    "x" * 60_000,
)


class Grumbling(Worker):
    """Says something of its own in each task, and fails when it is asked to."""

    def process(self, task):
        logging.getLogger("a.filter").warning("in the middle\nof %s", task.id)
        if "fail" in task.payload:
            raise ValueError(task.payload["fail"])
        return {"seen": task.id}


@pytest.fixture
def logged():
    """Log in a format; what came out of it."""
    root = logging.getLogger()
    level = root.level
    handlers = []

    def begin(formatter: logging.Formatter) -> io.StringIO:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        handlers.append(handler)
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        return stream

    yield begin
    for handler in handlers:
        root.removeHandler(handler)
    root.setLevel(level)


def work(payload: dict) -> tuple[TaskQueue, str]:
    queue = TaskQueue()
    task_id = queue.add_task(payload, task_id="t1", max_attempts=1)
    Grumbling("w1", (), queue).start()
    return queue, task_id


def lines_of(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_record_is_one_line_of_json_with_worker_and_task(logged):
    stream = logged(JsonFormatter("w1"))
    work({})
    own, done = lines_of(stream)
    assert own.items() >= {"level": "warning", "worker": "w1", "task": "t1"}.items()
    assert own["message"] == "in the middle\nof t1"
    assert done["level"] == "debug"
    assert done["message"].startswith("w1: task t1 completed: ")
    assert done["task"] == "t1"
    assert done["time"].endswith("Z")
    assert "error" not in done
    assert "traceparent" not in done


def test_what_went_wrong_stands_in_a_field_of_its_own(logged):
    stream = logged(JsonFormatter("w1"))
    work({"fail": 'boom\n{"level": "forged"}'})
    _, raised, failed = lines_of(stream)
    assert raised["error"].startswith("Traceback")
    assert "forged" in raised["error"]
    assert failed["error"].startswith("ValueError: boom")
    assert {raised["task"], failed["task"]} == {"t1"}


@given(st.text() | st.sampled_from(["\ud800", "\u2028", "\x00", "a\r\nb", '"}', "\x1b[2J"]))
def test_no_text_breaks_a_line(text):
    record = logging.LogRecord("n", logging.INFO, "f", 1, "%s", (text,), None)
    record.task = text
    record.error = text
    line = JsonFormatter("w").format(record)
    assert line.isascii()
    assert line.isprintable()
    values = json.loads(line)
    whole = text.encode(errors="backslashreplace").decode()
    assert (values["message"], values["task"]) == (whole, whole)
    json.dumps(values, ensure_ascii=False).encode()


def test_words_and_values_that_do_not_fit_are_logged_all_the_same():
    record = logging.LogRecord("n", logging.INFO, "f", 1, "%d of %d", ("x",), None)
    assert json.loads(JsonFormatter().format(record))["message"] == "%d of %d"


def test_a_trace_goes_into_all_lines_of_its_task_and_into_its_result(logged):
    in_json = logged(JsonFormatter())
    in_text = logged(HarmlessFormatter("%(message)s"))
    queue, task_id = work({"traceparent": TRACE})
    assert queue.result(task_id) == {"seen": "t1", "traceparent": TRACE}
    assert [line["traceparent"] for line in lines_of(in_json)] == [TRACE] * 2
    assert all(line.endswith(f" traceparent={TRACE}") for line in in_text.getvalue().splitlines())


def test_a_trace_stands_before_a_traceback(logged):
    stream = logged(HarmlessFormatter("%(message)s"))
    work({"fail": "boom", "traceparent": TRACE})
    raised = stream.getvalue().splitlines()[1]
    assert raised == f"w1: task t1 raised traceparent={TRACE}"


@pytest.mark.parametrize("odd", ODD, ids=[str(number) for number in range(len(ODD))])
def test_a_trace_of_another_shape_does_no_harm(logged, odd):
    stream = logged(JsonFormatter())
    queue, task_id = work({"traceparent": odd})
    assert queue.task(task_id).status == "completed"
    assert queue.result(task_id) == {"seen": "t1"}
    assert not [line for line in lines_of(stream) if "traceparent" in line]


@given(st.text())
def test_only_what_is_a_trace_is_taken_for_one(text):
    found = traceparent_of({"traceparent": text})
    assert found in ("", text)
    assert not found or len(found) == len(TRACE)


def test_a_trace_of_a_later_version_is_passed_on():
    later = "01" + TRACE[2:]
    assert traceparent_of({"traceparent": later}) == later


def test_a_thread_knows_only_its_own_task(logged):
    stream = logged(JsonFormatter())
    with AtWork("w", Task("mine", {})):
        other = threading.Thread(target=logging.getLogger("n").warning, args=("elsewhere",))
        other.start()
        other.join()
        logging.getLogger("n").warning("here")
    logging.getLogger("n").warning("after", extra=about("w", Task("named", {})))
    assert [line.get("task") for line in lines_of(stream)] == [None, "mine", "named"]


def test_a_result_that_is_none_is_refused_for_what_it_is(project):
    class Wrong(Worker):
        def process(self, task):
            return 7

    queue = TaskQueue()
    task_id = queue.add_task({"traceparent": TRACE})
    Wrong("w", (), queue).start()
    assert "must be a dict" in queue.task(task_id).reason


def test_a_pool_writes_json_into_its_logs(project, queue):
    queue.add_task({"image_path": "images/none\u2028.png", "traceparent": TRACE}, task_id="t1")
    with WorkerPool(1, (), queue, log_format="json") as pool:
        assert pool.join(timeout=30)
        log = pool.logs / "worker-1.log"
        until(lambda: "failed" in log.read_text())
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["worker"] for line in lines} == {"worker-1"}
    (failed,) = [line for line in lines if line.get("task") == "t1"]
    assert failed["traceparent"] == TRACE
    assert "none" in failed["error"]


def test_a_worker_in_a_terminal_prints_nothing_but_json(queue, valkey, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no project: it says which folders it reads
    monkeypatch.delenv("IMGLAB_ROOT", raising=False)
    (tmp_path / "another.png").write_bytes(b"a folder without photographs is another story")
    queue.add_task({"image_path": "none.png"}, task_id="t1")
    command = [sys.executable, "-m", "imglab", "worker", "--burst", "--log-format", "json"]
    done = subprocess.run(
        [*command, "--name", "w1", "--namespace", queue.namespace],
        env={**os.environ, "IMGLAB_REDIS_URL": valkey.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["message"].startswith("There is no project here")
    assert {line["worker"] for line in lines} == {"w1"}
    assert [line["task"] for line in lines if "task" in line] == ["t1"]


def test_another_format_is_refused_in_words(queue):
    with pytest.raises(ImglabError, match="as text or as json, not as 'xml'"):
        WorkerPool(1, (), queue, log_format="xml")
