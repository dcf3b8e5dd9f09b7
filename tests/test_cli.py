"""The terminal, as people use it: real commands, real exit codes.

Workers, monitors and whatever gets a signal have a process of their own, as in life. All other
commands come in by the same door, `main`, in the process of the test, which is much faster.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import typer
from helpers.clock import until
from helpers.processes import started
from helpers.project import ROOT
from helpers.server import free_port
from helpers.terminal import IMGLAB, imglab, refused, run, run_alone

from imglab import cli
from imglab.queues import RedisTaskQueue

pytestmark = pytest.mark.photographs("sample.jpg", "camera.jpg")


@pytest.fixture
def project(project, own_server, monkeypatch):
    """The project, with a Redis that nobody else uses."""
    monkeypatch.setenv("IMGLAB_REDIS_URL", own_server.url)
    monkeypatch.setenv("NO_COLOR", "1")
    return project


def submit(*words: str) -> list[str]:
    return json.loads(imglab("submit", "--json", *words))


def stats() -> dict:
    return json.loads(imglab("stats", "--json"))


def test_s17_producer_and_consumer_are_two_separate_programs(project):
    paths = ("images/sample.jpg", "images/camera.jpg")
    code, words, errors = run_alone("submit", *paths, "--filters", "edges")
    assert (code, errors) == (0, "")
    assert [line.split()[1] for line in words.splitlines()] == [
        "images/sample.jpg",
        "images/camera.jpg",
    ]
    assert "2 completed, 0 failed" in imglab("worker", "--burst")
    assert stats()["completed"] == 2
    assert "completed" in imglab("stats")
    assert len(list((project / "output").iterdir())) == 2


def test_s12_the_courses_redis_lines_answer_as_printed(project):
    (task_id,) = submit("images/sample.jpg")
    assert imglab("redis", "LRANGE", "image_processing:pending", "0", "-1") == f'1) "{task_id}"\n'
    assert imglab("redis", "HGETALL", "image_processing:processing") == "(empty array)\n"
    imglab("worker", "--burst", "--name", "worker-1")
    assert imglab("redis", "LRANGE", "image_processing:completed", "0", "-1") == f'1) "{task_id}"\n'
    assert "image_processing:completed" in imglab("redis", "KEYS", "*")
    assert '"completed"' in imglab("redis", "HGETALL", f"task:{task_id}")
    assert "success" in imglab("redis", "HGETALL", f"result:{task_id}")
    assert imglab("redis", "-n", "1", "KEYS", "*") == "(empty array)\n"
    assert imglab("redis", "FLUSHDB") == "OK\n"
    code, printed, _ = run("redis", "LPUSH")
    assert (code, printed.startswith("(error) ERR wrong number")) == (1, True)


def test_s12_monitor_shows_every_command_live(project):
    with started(*IMGLAB, "monitor", stdout=subprocess.PIPE, text=True) as watching:
        until(lambda: "monitor" in imglab("redis", "CLIENT", "LIST"))
        submit("images/sample.jpg")
        imglab("worker", "--burst")
        lines = iter(watching.stdout.readline, "")
        assert any('"RPOP" "image_processing:pending"' in line for line in lines)


def test_s20_a_task_stuck_in_processing_can_be_freed_by_hand(project, own_server):
    (task_id,) = submit("images/sample.jpg")
    with RedisTaskQueue(url=own_server.url) as queue:
        assert queue.get_task("worker-1").id == task_id
    assert imglab("redis", "HKEYS", "image_processing:processing") == f'1) "{task_id}"\n'
    imglab("redis", "HDEL", "image_processing:processing", task_id)
    imglab("redis", "RPUSH", "image_processing:pending", task_id)
    assert "1 completed" in imglab("worker", "--burst")
    assert stats()["completed"] == 1


def test_failed_tasks_are_listed_shown_and_given_a_fresh_start(project, own_server):
    (project / "images/bad.jpg").write_text("no picture")
    (bad,) = submit("images/bad.jpg")
    assert "0 completed, 1 failed" in imglab("worker", "--burst")
    (listed,) = json.loads(imglab("failed", "list", "--json"))
    assert listed["id"] == bad
    assert "bad.jpg" in listed["reason"]
    assert bad in imglab("failed", "list")
    assert json.loads(imglab("failed", "show", bad))["status"] == "failed"
    told = [event["event"] for event in json.loads(imglab("trace", bad, "--json"))]
    assert told == ["added", "claimed", "failed"]
    with RedisTaskQueue(url=own_server.url) as queue:
        queue.redis.rpush(queue.keys.finished("failed"), "trimmed", "odd", "text")
        queue.redis.set(queue.keys.task("text"), "no record at all")
        queue.redis.hset(queue.keys.task("odd"), mapping={"payload": "{", "status": "failed"})
        listed, odd, text = json.loads(imglab("failed", "list", "--json"))
        assert (listed["id"], odd["id"]) == (bad, "odd")
        assert "Its record cannot be read: This is not a JSON object" in odd["reason"]
        assert text["reason"].startswith("Its record cannot be read: ")
        for each in ("trimmed", "odd", "text"):
            queue.redis.lrem(queue.keys.finished("failed"), 0, each)
        queue.redis.delete(queue.keys.task("text"))
    shutil.copy(project / "images/sample.jpg", project / "images/bad.jpg")
    assert imglab("failed", "requeue", bad) == "1 back in line.\n"
    assert "1 completed" in imglab("worker", "--burst")
    assert imglab("failed", "list") == "No task has failed.\n"
    assert "requeued" in imglab("trace", bad)


def test_tasks_are_cancelled_and_counted_and_one_of_them_is_given_a_fresh_start(
    project, own_server
):
    assert "cancelled" not in imglab("stats")
    running, waiting, done = submit(*["images/sample.jpg"] * 3)
    with RedisTaskQueue(url=own_server.url) as queue:
        held = queue.get_task("w")
        assert imglab("cancel", waiting, running) == (
            f"{waiting}  cancelled\n{running}  its worker is asked to stop\n"
        )
        queue.release(held)
    assert "1 completed, 0 failed" in imglab("worker", "--burst")
    said = refused("cancel", "gone", done, waiting)
    assert f"Finished before: {done}. There is no task 'gone'" in said
    assert f"Finished before: {done}." in refused("cancel", running, done)
    assert "There is no task 'nobody'" in refused("cancel", "nobody")
    assert (stats()["cancelled"], stats()["cancelled_total"]) == (2, 2)
    assert "cancelled total" in imglab("stats")
    told = [event["event"] for event in json.loads(imglab("trace", running, "--json"))]
    assert told == ["added", "claimed", "cancelled"]
    shown = json.loads(imglab("failed", "show", waiting))
    assert (shown["status"], shown["reason"]) == ("cancelled", "cancelled before it ran")
    assert imglab("failed", "requeue", "--all") == "0 back in line.\n"
    assert imglab("failed", "requeue", waiting) == "1 back in line.\n"
    assert "1 completed" in imglab("worker", "--burst")
    assert (stats()["cancelled"], stats()["cancelled_total"]) == (1, 2)


def test_a_full_queue_takes_what_fits_says_what_to_type_and_shows_it(project, own_server):
    assert "in line" not in imglab("stats")
    assert stats()["max_pending"] is None
    imglab("settings", "--max-pending", "2")
    paths = ["images/sample.jpg"] * 3
    told = refused("submit", *paths)
    assert "The queue is full: 2 tasks are in line or delayed" in told
    assert "2 of 3 tasks are in. Type the same line again with --resume" in told
    batch = told.split("--resume ")[1].split(":")[0]
    assert re.search(r"in line\s+full: 2 of 2", imglab("stats"))
    assert stats()["max_pending"] == 2
    with started(*IMGLAB, "worker", "--burst", stdout=subprocess.DEVNULL) as worker:
        assert len(submit(*paths, "--wait", "60", "--resume", batch)) == 3
        worker.wait(60)
    imglab("worker", "--burst")
    assert stats()["completed"] == 3
    assert re.search(r"in line\s+0 of 2", imglab("stats"))


def test_a_worker_reads_and_writes_where_it_is_told_and_brings_its_own_filters(project):
    (project / "elsewhere").mkdir()
    shutil.copy(project / "images/sample.jpg", project / "elsewhere/a.jpg")
    module = """
from dataclasses import dataclass
from PIL import ImageOps
from imglab.imaging import BaseFilter, FilterFactory

@FilterFactory.register
@dataclass(frozen=True)
class MirrorFilter(BaseFilter):
    def change(self, image):
        return ImageOps.mirror(image)
"""
    (project / "my_filters.py").write_text(module)
    submit("elsewhere/a.jpg")
    assert "0 completed, 1 failed" in imglab("worker", "--burst", "--filters", "blur")
    imglab("failed", "requeue", "--all")
    places = ("--images", "elsewhere", "--output", "results")
    own = ("--import", "my_filters", "--filters", "mirror")
    done = refused("worker", "--burst", *places, "--filters", "mirror")
    assert "No filter 'mirror'" in done
    assert "1 completed" in imglab("worker", "--burst", *places, *own)
    assert len(list((project / "results").iterdir())) == 1


def test_s11_the_demo_ends_with_its_figures_and_the_results(project):
    figures = json.loads(imglab("demo", "--tasks", "4", "--workers", "2", "--json"))
    assert figures["cores"] == os.cpu_count()
    assert [sum(stage["shares"].values()) for stage in figures["stages"]] == [4, 4, 4]
    assert [stage["workers"] for stage in figures["stages"]] == [1, 2, 2]
    assert len(list((project / "output").iterdir())) == 4
    assert imglab("redis", "LLEN", "demo:image_processing:completed") == "(integer) 4\n"


def test_the_demo_prints_a_table(project):
    words = imglab("demo", "--tasks", "2", "--workers", "1", "--filters", "edges")
    for word in ("speed-up", "efficiency", "throughput", "cores", "agree in every pixel"):
        assert word in words


def test_the_demo_says_so_when_the_folder_of_photographs_is_empty(project):
    for each in (project / "images").iterdir():
        each.unlink()
    assert f"There is no photograph in {project / 'images'}" in refused("demo", "--tasks", "1")


def test_a_demo_that_fails_stops_the_redis_it_started(project, monkeypatch):
    monkeypatch.delenv("IMGLAB_REDIS_URL")
    monkeypatch.setenv("IMGLAB_REDIS_GRACE", "5")
    try:
        assert "No filter" in refused("demo", "--filters", "blurr")
        assert imglab("server", "stop") == "No Redis of this project runs.\n"
    finally:
        imglab("server", "stop")


def test_a_worker_with_a_filter_that_does_not_exist_says_so_before_it_asks_redis(
    project, monkeypatch
):
    monkeypatch.setenv("IMGLAB_REDIS_URL", f"redis://127.0.0.1:{free_port()}")
    assert "Did you mean blur" in refused("worker", "--filters", "blurr")


def test_a_demo_leaves_a_redis_running_that_was_there_before(project, monkeypatch):
    monkeypatch.delenv("IMGLAB_REDIS_URL")
    monkeypatch.setenv("IMGLAB_REDIS_GRACE", "5")
    try:
        imglab("server", "start")
        refused("demo", "--filters", "blurr")
        assert json.loads(imglab("server", "status", "--json"))["appendonly"] is True
    finally:
        imglab("server", "stop")


def test_mistakes_get_one_sentence_and_exit_code_1(project):
    assert "none.jpg is no file" in refused("submit", "none.jpg")
    latin = os.fsencode(project / "images") + b"/caf\xe9.jpg"
    (project / os.fsdecode(latin)).write_bytes(b"a name that is not UTF-8")
    assert r"caf\udce9.jpg is not UTF-8" in refused("submit", os.fsdecode(latin))
    assert "Did you mean blur" in refused("submit", "images/sample.jpg", "--filters", "blurr")
    assert "radius" in refused("submit", "images/sample.jpg", "--filters", "blur:radius=-1")
    assert "high, normal, low" in refused("submit", "images/sample.jpg", "--priority", "top")
    assert "There is no task" in refused("trace", "nobody")
    assert "There is no task" in refused("failed", "show", "nobody")
    assert "imglab failed list" in refused("failed", "requeue")
    assert "Not among the failed" in refused("failed", "requeue", "nobody")
    assert "cannot be imported" in refused("worker", "--import", "no_such_module")
    assert stats()["pending"] == 0, "nothing was added by a mistake"


def test_a_mistake_is_one_sentence_in_a_process_of_its_own_too(project):
    code, printed, errors = run_alone("submit", "none.jpg")
    assert (code, printed, errors.count("\n")) == (1, "", 1)
    assert "none.jpg is no file" in errors


def test_s20_a_python_without_the_packages_is_told_in_one_sentence_where_they_are(tmp_path):
    # With -S it finds no package that was installed, as a Python outside the .venv.
    done = subprocess.run(
        [sys.executable, "-S", "-m", "imglab", "stats"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "No module named 'typer': this Python lacks" in done.stderr
    assert "source .venv/bin/activate" in done.stderr


def test_redis_away_or_with_another_password_is_said_in_one_sentence(project, own_server):
    away = refused("stats", IMGLAB_REDIS_URL="redis://127.0.0.1:1")
    assert "No Redis answers at 127.0.0.1:1" in away
    assert "imglab server start" in away
    imglab("redis", "CONFIG", "SET", "requirepass", "s3cret")
    assert "asks for a password" in refused("stats")
    wrong = own_server.url.replace("//", "//:wr0ng@")
    told = refused("stats", IMGLAB_REDIS_URL=wrong)
    assert "asks for a password" in told
    assert "wr0ng" not in told
    assert "not the address of a Redis" in refused("stats", IMGLAB_REDIS_URL="http://:s3cret@x")


def test_a_file_that_a_plain_worker_may_not_read_is_taken_with_a_word(project):
    (project / "elsewhere").mkdir()
    shutil.copy(project / "images/sample.jpg", project / "elsewhere/a.jpg")
    words = [*IMGLAB, "submit", "--json", "elsewhere/a.jpg", "images/sample.jpg"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)) == 2
    assert "imglab worker --images elsewhere\n" in done.stderr
    assert "sample.jpg" not in done.stderr


def test_in_a_project_a_worker_reads_its_images_only_wherever_it_is_started(project, monkeypatch):
    (project / "elsewhere").mkdir()
    shutil.copy(project / "images/sample.jpg", project / "elsewhere/a.jpg")
    monkeypatch.delenv("IMGLAB_ROOT")
    monkeypatch.chdir(project / "elsewhere")
    (task_id,) = submit("a.jpg")
    assert "0 completed, 1 failed" in imglab("worker", "--burst")
    assert "outside the folders" in imglab("failed", "show", task_id)


def test_in_the_folder_above_all_a_worker_wants_to_hear_what_it_may_read(project, monkeypatch):
    monkeypatch.delenv("IMGLAB_ROOT")
    monkeypatch.chdir("/")
    assert "--images FOLDER" in refused("worker", "--burst")


def test_a_worker_on_a_host_without_photographs_says_so_and_claims_none_before(project):
    (task_id,) = submit("images/sample.jpg")
    (project / "images").rename(project / "not-mounted")
    words = "This host has no photographs: there is nothing to read in images"
    assert words in refused("worker", "--burst")
    pipe = subprocess.PIPE
    with started(*IMGLAB, "worker", stdout=pipe, stderr=subprocess.STDOUT, text=True) as worker:
        assert "waits for them, and takes no task before" in worker.stdout.readline()
        assert json.loads(imglab("stats", "--json"))["pending"] == 1
        (project / "not-mounted").rename(project / "images")
        until(lambda: "completed" in imglab("trace", task_id), 60)
        worker.terminate()
        worker.wait(60)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("my-machine", "is not the address of a machine"),
        ("0.0.0.0", "is not an address under which other machines reach this one"),
        ("127.0.0.1", "is not an address under which other machines reach this one"),
        ("192.0.2.1", "is not an address of this machine"),
    ],
)
def test_a_server_is_opened_to_others_at_an_address_of_this_machine_only(
    project, monkeypatch, address, words
):
    monkeypatch.delenv("IMGLAB_REDIS_URL")
    assert words in refused("server", "start", "--host", address)
    assert not (project / ".imglab").exists()


def test_who_uses_another_redis_opens_none_of_the_projects_own(project):
    assert "unset IMGLAB_REDIS_URL" in refused("server", "start", "--host", "192.0.2.1")


def test_a_reader_that_has_seen_enough_ends_a_monitor_without_a_traceback(project):
    pipe = subprocess.PIPE
    with started(*IMGLAB, "monitor", stdout=pipe, stderr=pipe, text=True) as watching:
        until(lambda: "monitor" in imglab("redis", "CLIENT", "LIST"))
        watching.stdout.readline()
        watching.stdout.close()
        until(lambda: imglab("redis", "PING") and watching.poll() is not None)
        assert watching.returncode == 1
        assert watching.stderr.read() == ""


def test_a_key_of_another_type_is_explained(project):
    imglab("redis", "SET", "image_processing:pending", "oops")
    assert "wrote it by hand" in refused("submit", "images/sample.jpg")


def test_s1_server_start_status_and_stop(project, monkeypatch):
    monkeypatch.delenv("IMGLAB_REDIS_URL")
    monkeypatch.setenv("IMGLAB_REDIS_GRACE", "5")
    try:
        assert "Redis started at 127.0.0.1:" in imglab("server", "start")
        assert "Redis answers at 127.0.0.1:" in imglab("server", "start")
        assert json.loads(imglab("server", "status", "--json"))["appendonly"] is True
        assert imglab("redis", "PING") == "PONG\n"
    finally:
        assert "Redis stopped" in imglab("server", "stop")
    assert "No Redis of this project runs" in imglab("server", "stop")


def test_ctrl_c_ends_a_watch_quietly(project):
    pipe = subprocess.PIPE
    with started(*IMGLAB, "stats", "--watch", stdout=pipe, stderr=pipe, text=True) as watch:
        until(lambda: "cmd=lrange" in imglab("redis", "CLIENT", "LIST"))
        watch.send_signal(2)
        _, errors = watch.communicate(timeout=20)
    assert watch.returncode == 130
    assert "Traceback" not in errors


# The help


def commands(group, *before: str):
    """The words of every command, such as ("failed", "list")."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *before, name)
        else:
            yield (*before, name)


def test_the_help_of_each_command_has_an_example_of_that_command():
    found = list(commands(typer.main.get_command(cli.load_app())))
    assert ("failed", "list") in found
    for words in found:
        assert f"Example: imglab {' '.join(words)}" in imglab(*words, "--help")


def test_the_help_says_where_to_begin_and_which_redis_it_is():
    said = " ".join(imglab("--help").split())
    assert "imglab lab" in said
    assert "IMGLAB_REDIS_URL" in said
