"""The same tasks on Celery: real workers on a real Redis, killed in the middle; what comes back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import redis
from helpers.clock import until
from helpers.engines import LONG, flaky_tasks, following, statuses, tasks, working
from helpers.processes import started
from helpers.server import new_namespace
from helpers.terminal import IMGLAB, imglab, run_alone

from imglab.engines import follow, open_engine
from imglab.engines.with_celery import BEYOND_LIMIT_S, TASK
from imglab.imaging import open_image
from imglab.storage import storage_for
from imglab.workers.photograph import filter_photograph

# Celery 5.7 calls redis-py by a name that redis-py calls old; nobody but a test is told.
OLD_NAME = "ignore:Call to deprecated setex:DeprecationWarning"
pytestmark = [pytest.mark.timeout(900), pytest.mark.filterwarnings(OLD_NAME)]

QUEUE = "image_processing"


@pytest.fixture
def namespace() -> str:
    return new_namespace()


@pytest.fixture
def on(valkey, namespace, monkeypatch):
    """Where a Celery worker is to listen, as words of its command; nobody else listens there."""
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    return ("--namespace", namespace)


@pytest.fixture
def engine(valkey, namespace, on):
    with open_engine("celery", valkey.url, QUEUE, namespace) as engine:
        yield engine


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.photographs("sample.jpg", "rocket.jpg")
def test_a_folder_is_filtered_as_on_our_own_queue_on_each_kind_of_server(
    server, project, namespace, monkeypatch
):
    (project / "images" / "broken.jpg").write_text("no picture")
    monkeypatch.setenv("IMGLAB_REDIS_URL", server.url)
    words = ("--filters", "edges", "--namespace", namespace)
    with working("celery", project, "--namespace", namespace):
        told = imglab("submit", "images", "--engine", "celery", "--batch", "two", *words)
    assert "two: 3 of 3 ended: 2 completed, 1 failed." in told

    imglab("submit", "images", "--batch", "ours", *words)
    run_alone("worker", "--burst", "--namespace", namespace)
    imglab("batch", "ours", "--manifest", "ours.jsonl", "--namespace", namespace)
    theirs, ours = [
        {line["image_path"]: line for line in lines(project / f"{name}.jsonl")}
        for name in ("two", "ours")
    ]
    assert theirs.keys() == ours.keys()
    for path, line in theirs.items():
        own = ours[path]
        assert line.keys() == own.keys()
        assert (line["status"], line.get("reason")) == (own["status"], own.get("reason"))
        if line["status"] == "completed":
            pictures = [open_image(project / each["output_path"]) for each in (line, own)]
            assert pictures[0].tobytes() == pictures[1].tobytes()


def test_a_batch_goes_on_where_it_stopped_and_does_nothing_twice(project, on, valkey):
    def submit(*words: str) -> str:
        return imglab("submit", "images", "--engine", "celery", "--batch", "b", *on, *words)

    # Nobody works yet: no result comes, and what was sent is taken back.
    code, printed, errors = run_alone(
        "submit", "images", "--engine", "celery", "--batch", "b", "--patience", "1", *on
    )
    assert code == 1
    assert "No result came for 1 s" in errors
    assert "0 completed, 0 failed, 1 cancelled" in printed
    manifest = project / "b.jsonl"
    assert [line["status"] for line in lines(manifest)] == ["cancelled"]

    with working("celery", project, *on):
        # A cancelled task is not done: its worker would have written the file by the time the
        # next one is.
        taken_back = lines(manifest)[0]
        assert "1 of them to do" in submit("--filters", "edges")
        (result,) = (project / "output" / "b").iterdir()
        assert lines(manifest)[-1]["output_path"] == f"output/b/{result.name}"
        assert lines(manifest)[-1]["task"] != taken_back["task"]

        assert "0 of them to do" in submit("--filters", "edges")
        # The last line is torn, as by a full disk: it is done once more.
        manifest.write_text(manifest.read_text()[:-20])
        assert "1 of them to do" in submit("--filters", "edges")
        assert [line["status"] for line in lines(manifest)] == ["cancelled", "completed"]


def test_one_worker_s_life_of_results_failures_and_deaths(project, on, engine):
    """One worker for all of it: to start one takes longer than the tasks."""
    with working("celery", project, *on, "--import", "imglab.classroom.troublemakers") as workers:
        # The result is that of the same function, called here.
        (ending,) = follow(engine, tasks("edges"), LONG)
        own = filter_photograph(tasks("edges")[0][1].payload, [], storage_for((), "output"))
        assert {**ending.result, "seconds": 0} == {**own, "seconds": 0}

        # The same task once more is another one.
        (project / "output" / "sample.png").unlink()
        (ending,) = follow(engine, tasks("edges"), LONG)
        assert (project / "output" / "sample.png").exists()

        # A failure that may pass is tried again, and one that stays is told.
        (project / "marks").mkdir()
        endings = list(follow(engine, flaky_tasks(2, 9), LONG))
        assert statuses(endings) == {"2": "completed", "9": "failed"}
        reasons = [each.reason for each in endings if each.status == "failed"]
        assert reasons == ["RuntimeError: failure 3 of 9, as planned"]

        # Messages for another version fail in a sentence.
        engine.send({"newer": {"protocol": 2, "imglab": "9.9", "payload": {}}, "none": "text"})
        found: dict[str, str] = {}

        def have_ended() -> bool:
            found.update({name: outcome["reason"] for name, outcome in engine.ended()})
            return len(found) == 2

        until(have_ended, LONG)
        assert "submitted by imglab 9.9, and its worker, imglab " in found["newer"]
        assert "by an unknown version" in found["none"]

        # A child that is killed costs a try, and no task.
        with following(engine, tasks("hold")) as heard:
            until((project / "begun").exists, LONG)
            workers.kill_child()
            (project / "go").touch()
            (ending,) = heard.result(LONG)
        assert ending.status == "completed"

        # A task that kills its worker is given up, and its neighbour is not.
        neighbour = ("fine", tasks("grayscale")[0][1])
        endings = list(follow(engine, [*tasks("deadly"), neighbour], LONG))
    assert statuses(endings) == {"sample.png": "failed", "fine": "completed"}
    reasons = [each.reason for each in endings if each.status == "failed"]
    assert reasons == ["crashed: its worker died 3 times"]
    assert (project / "deaths").read_text() == "xxx"


def test_a_killed_worker_gives_its_task_back_only_after_the_visibility_timeout(
    project, on, engine, valkey, namespace
):
    limit = 10
    with redis.Redis(port=valkey.port) as client, following(engine, tasks("hold")) as heard:
        unacked = f"{namespace}celery:unacked"
        with working("celery", project, *on, "--time-limit", str(limit)) as workers:
            until((project / "begun").exists, LONG)
            workers.kill_all()
        (project / "begun").unlink()
        (project / "go").touch()
        # One that starts does not get it: the broker waits for the dead one.
        with working("celery", project, *on, "--time-limit", str(limit)):
            assert client.hlen(unacked) == 1
            assert not heard.done()
            (ending,) = heard.result(LONG + limit + BEYOND_LIMIT_S)
        assert (project / "begun").exists()
    assert ending.status == "completed"


#: Celery as its documentation has it for tasks that must not be lost, and nothing of ours.
BARE = """
from pathlib import Path
import os, signal
from celery import Celery
app = Celery("bare", broker=os.environ["BARE_URL"])
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, worker_prefetch_multiplier=1)
app.conf.broker_transport_options = {"global_keyprefix": os.environ["BARE_PREFIX"]}
app.conf.result_backend_transport_options = app.conf.broker_transport_options
app.conf.broker_connection_retry_on_startup = True

@app.task
def poison():
    with Path("bare-deaths").open("a") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    poison.delay()
"""


def test_celery_by_itself_tries_such_a_task_for_ever(project, valkey, namespace):
    (project / "bare.py").write_text(BARE)
    there = {"BARE_URL": valkey.url, "BARE_PREFIX": namespace}
    environment = {**os.environ, "PYTHONPATH": str(project), **there}
    subprocess.run(
        [sys.executable, "-c", "import bare; bare.poison.delay()"],
        cwd=project, env=environment, check=True, timeout=LONG,
    )  # fmt: skip
    command = [sys.executable, "-m", "celery", "-A", "bare", "worker", "--concurrency", "1"]
    with (project / "bare.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=project, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        deaths = project / "bare-deaths"
        until(lambda: deaths.exists() and len(deaths.read_text()) > 4, LONG)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_task_over_the_time_limit_fails_and_the_worker_goes_on(project, on, engine):
    with working("celery", project, *on, "--time-limit", "4"):
        (slow,) = follow(engine, tasks("hold"), LONG)
        (project / "go").touch()
        (next_one,) = follow(engine, tasks("hold"), LONG)
    assert slow.reason == "it took longer than the time limit of its worker"
    assert next_one.status == "completed"


def test_a_broker_that_is_killed_and_comes_back_loses_nothing(
    own_server, project, namespace, monkeypatch
):
    monkeypatch.setenv("IMGLAB_REDIS_URL", own_server.url)
    names = [(str(number), tasks("hold")[0][1]) for number in range(6)]
    with (
        open_engine("celery", own_server.url, QUEUE, namespace) as engine,
        working("celery", project, "--namespace", namespace),
        following(engine, names) as heard,
    ):
        until((project / "begun").exists, LONG)
        own_server.kill()
        own_server.start()
        (project / "go").touch()
        endings = heard.result(LONG)
    assert statuses(endings) == {str(number): "completed" for number in range(6)}


def test_what_is_interrupted_is_taken_back_and_what_is_killed_goes_on(project, on):
    shutil.copy(project / "images" / "sample.png", project / "images" / "other.png")

    def submit(batch: str, sent: signal.Signals) -> tuple[int, str, str]:
        """Send two tasks, and a signal to whoever waits for them when one has begun."""
        command = [*IMGLAB, "submit", "images", "--engine", "celery", "--batch", batch, *on]
        pipe = subprocess.PIPE
        with started(*command, cwd=project, stdout=pipe, stderr=pipe, text=True) as process:
            until((project / "begun").exists, LONG)
            process.send_signal(sent)
            printed, errors = process.communicate(timeout=LONG)
        (project / "begun").unlink()
        (project / "go").touch()
        return process.returncode, printed, errors

    with working("celery", project, *on, "--filters", "hold"):
        code, printed, errors = submit("interrupted", signal.SIGINT)
        assert (code, "2 cancelled" in printed, errors) == (130, True, "")
        told = lines(project / "interrupted.jsonl")
        assert {line["status"] for line in told} == {"cancelled"}
        # The worker is free again, and the other one is behind it.
        imglab("submit", "images", "--engine", "celery", "--batch", "next", *on)
        assert not list((project / "output").glob("interrupted/*"))

        for name in ("go", "begun"):
            (project / name).unlink()
        submit("killed", signal.SIGKILL)
        until(lambda: len(list((project / "output").glob("killed/*.png"))) == 2, LONG)


def test_a_worker_that_is_none_of_ours_is_named(project, valkey, namespace, engine):
    (project / "bare.py").write_text(BARE.replace("@app.task\n", f'@app.task(name="not {TASK}")\n'))
    there = {"BARE_URL": valkey.url, "BARE_PREFIX": f"{namespace}celery:"}
    environment = {**os.environ, "PYTHONPATH": str(project), **there}
    command = [sys.executable, "-m", "celery", "-A", "bare", "--result-backend", valkey.url]
    command += ["worker", "--concurrency", "1", "-Q", QUEUE]
    with (project / "bare.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=project, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        (ending,) = follow(engine, tasks("grayscale"), LONG)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert "start it with `imglab worker --engine celery`" in ending.reason
