"""The control room without its browser: real workers, signals and servers, and every sentence."""

from __future__ import annotations

import re
import subprocess
import sys

import nbformat
import psutil
import pytest
from helpers.clock import until
from helpers.processes import processes_of
from helpers.project import ROOT
from helpers.server import free_port, new_namespace, redis_queue
from lessons import classroom
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from imglab.classroom.controls import actions
from imglab.classroom.controls.actions import Controls
from imglab.classroom.controls.buttons import ROWS, perform
from imglab.classroom.controls.panel import picture
from imglab.errors import QueueUnavailable
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.server import lifecycle as server

QUICK = QueueSettings(lease=1, backoff=0.1)
GUIDE = ROOT / "notebooks" / "control_room.ipynb"

pytestmark = pytest.mark.photographs("camera.jpg", "sample.jpg")


@pytest.fixture
def controls(project, valkey, request):
    """A queue with a short lease, and a pool of two that nobody has started yet."""
    with redis_queue(valkey, getattr(request, "param", QUICK)) as queue:
        controls = Controls(queue, 2, project / "no-server-here")
        yield controls
        controls.pool.stop(timeout=0)
        controls.close()


@pytest.fixture
def own(project, monkeypatch):
    """The same on the project's own Redis, on a port of its own."""
    monkeypatch.delenv("IMGLAB_REDIS_URL", raising=False)
    monkeypatch.setenv("IMGLAB_REDIS_GRACE", "20")
    monkeypatch.setattr(server, "PORT", free_port())
    home = project / ".imglab" / "redis"
    with RedisTaskQueue(url=server.ensure(home).url, namespace=new_namespace()) as queue:
        yield Controls(queue, 2, home)
    server.stop(home)


def press(controls: Controls, row: str, label: str, **values) -> str:
    """What the status line says when somebody presses a button."""
    (knob,) = (each for each in ROWS[row].knobs if each.label == label)
    return perform(controls, knob, values)


def add(controls: Controls, count: int = 1, priority: str = "normal") -> str:
    return press(controls, "Tasks", "Add photographs", count=count, priority=priority)


def state(pid: int) -> str:
    try:
        return psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return "gone"


def events_of(controls: Controls) -> list[str]:
    return [event["event"] for event in controls.queue.events()]


# Tasks and the queue


def test_photographs_are_added_under_names_one_can_read_and_drawn(controls, project):
    said = add(controls, 3, "low")
    assert said == "Added 3 at low priority: camera-1 to camera-3."
    assert controls.queue.task("sample-2").priority == "low"
    controls.scale(1)
    assert controls.pool.join(30)
    assert controls.queue.get_stats().completed == 3
    drawn = {path.name for path in (project / "output" / "control-room").iterdir()}
    assert drawn == {"camera.png", "sample.png"}


def test_an_earlier_kernels_tasks_keep_their_names(controls):
    add(controls, 2)
    later = Controls(controls.queue, 2, controls.home)
    assert add(later) == "Added 1 at normal priority: camera-3."


def test_poison_kills_its_workers_until_it_is_failed_and_the_rest_is_done(controls):
    controls.scale(2)
    add(controls, 6)
    assert press(controls, "Tasks", "Add poison").startswith("Added poison-7. It kills its worker")
    assert controls.pool.join(40)
    poison = controls.queue.task("poison-7")
    assert (poison.status, poison.crashes) == ("failed", QUICK.max_crashes)
    assert controls.queue.get_stats().completed == 6


def test_a_missing_file_fails_at_once(controls):
    controls.scale(1)
    assert press(controls, "Tasks", "Add missing file").startswith("Added missing-1, a picture")
    assert controls.pool.join(20)
    assert events_of(controls) == ["added", "claimed", "failed"]


def test_a_pause_holds_the_tasks_back_until_somebody_resumes(controls):
    assert press(controls, "Queue", "Pause").startswith("Paused")
    add(controls, 2)
    controls.scale(1)
    assert controls.queue.get_task("me") is None
    assert press(controls, "Queue", "Resume").startswith("Resumed")
    assert controls.pool.join(20)


def test_a_reset_deletes_the_queues_own_keys_and_mends_the_pool(controls):
    queue = controls.queue
    elsewhere = queue.namespace + "of-somebody-else"
    queue.redis.set(elsewhere, "stays", ex=60)
    controls.scale(3)
    controls.queue.pause()
    add(controls, 40)
    (frozen, *_) = (controls.freeze(name) for name in ("worker-1", "worker-3"))
    said = press(controls, "Queue", "Reset")
    assert said.startswith("Reset: 40 tasks deleted")
    assert state(frozen) != psutil.STATUS_STOPPED
    assert len(controls.pool.pids) == controls.size == 2
    assert queue.redis.get(elsewhere) == "stays"
    left = set(queue.redis.scan_iter(queue.namespace + "*"))
    # Idle workers say that they are there, and note when they last looked at the leases.
    assert left - {elsewhere} <= {queue.keys.workers, queue.keys.meta}
    add(controls)
    assert controls.pool.join(20), "nothing is paused any more"


# Workers and the pool


def test_a_killed_worker_is_replaced_and_its_task_done_by_somebody(controls):
    controls.scale(2)
    add(controls, 20)
    until(lambda: "completed" in events_of(controls))
    before = controls.pool.pids
    said = press(controls, "Worker", "Kill -9", worker="worker-2")
    assert said.startswith(f"Killed worker-2 (kill -9 {before['worker-2']})")
    until(lambda: controls.pool.pids.get("worker-2", before["worker-2"]) != before["worker-2"])
    assert controls.pool.join(40)
    assert controls.queue.get_stats().completed == 20
    assert controls.queue.check() == []


def test_a_frozen_worker_loses_its_task_and_its_late_result_is_refused(controls):
    controls.scale(1)
    controls.add(1, "normal", filters=[{"name": "busy", "ms": 1500}])
    until(lambda: "claimed" in events_of(controls))
    pid = controls.pool.pids["worker-1"]
    assert "(SIGSTOP)" in press(controls, "Worker", "Freeze", worker="worker-1")
    until(lambda: state(pid) == psutil.STATUS_STOPPED)
    until(lambda: controls.queue.reap() == 1)
    task = until(lambda: controls.queue.get_task("another"))
    assert "(SIGCONT)" in press(controls, "Worker", "Thaw", worker="worker-1")
    assert state(pid) != psutil.STATUS_STOPPED
    controls.queue.mark_completed(task, {"by": "another"})
    add(controls)
    assert controls.pool.join(20), "it works on"
    assert controls.queue.result(task.id) == {"by": "another"}
    assert controls.queue.check() == []


def test_the_pool_replaces_a_worker_that_stays_frozen(controls):
    controls.scale(1)
    pid = controls.freeze("worker-1")
    until(lambda: controls.pool.pids.get("worker-1", pid) != pid)
    add(controls)
    assert controls.pool.join(20)


def test_freezing_twice_and_thawing_twice_are_harmless(controls):
    controls.scale(1)
    pid = controls.pool.pids["worker-1"]
    for _ in range(2):
        assert press(controls, "Worker", "Freeze", worker="worker-1").startswith("Froze worker-1")
    until(lambda: state(pid) == psutil.STATUS_STOPPED)
    for _ in range(2):
        assert press(controls, "Worker", "Thaw", worker="worker-1").startswith("worker-1 goes on")
    until(lambda: state(pid) != psutil.STATUS_STOPPED)


def test_a_frozen_worker_goes_on_by_itself_in_the_end(controls, monkeypatch):
    monkeypatch.setattr(actions, "THAW", 0.2)
    controls.scale(1)
    pid = controls.freeze("worker-1")
    until(lambda: state(pid) != psutil.STATUS_STOPPED)
    assert controls.pool.pids["worker-1"] == pid, "it is the same, not one in its place"


FREEZE_AND_WAIT = """
import sys, time
from pathlib import Path
from imglab.classroom.controls.actions import Controls
from imglab.queues import RedisTaskQueue

controls = Controls(RedisTaskQueue(url=sys.argv[1], namespace=sys.argv[2]), 1, Path())
controls.scale(1)
print(controls.freeze("worker-1"), flush=True)
time.sleep(60)
"""


def test_a_frozen_worker_does_not_outlive_a_kernel_that_was_killed(controls, project):
    where = [controls.queue.redis.connection_pool.connection_kwargs[k] for k in ("host", "port")]
    url = "redis://{}:{}".format(*where)
    script = [sys.executable, "-c", FREEZE_AND_WAIT, url, controls.queue.namespace]
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True) as kernel:
        pid = int(kernel.stdout.readline())
        until(lambda: state(pid) == psutil.STATUS_STOPPED)
        kernel.kill()
    # Where nobody buries orphans, a dead process remains as a zombie.
    until(lambda: state(pid) in ("gone", psutil.STATUS_ZOMBIE))


@pytest.mark.parametrize("controls", [QueueSettings(lease=30)], indirect=True)
def test_a_gentle_stop_loses_nothing_even_when_it_is_frozen(controls):
    controls.scale(1)
    add(controls, 5)
    until(lambda: "claimed" in events_of(controls))
    pid = controls.freeze("worker-1")
    assert "(SIGTERM)" in press(controls, "Worker", "Stop gently", worker="worker-1")
    until(lambda: controls.pool.pids.get("worker-1", pid) != pid)
    assert controls.pool.join(30)
    assert controls.queue.get_stats().completed == 5
    assert "expired" not in events_of(controls)


def test_the_pool_has_as_many_workers_as_the_button_says(controls):
    for label, size in (("3", 3), ("1", 1), ("Stop all", 0), ("Stop all", 0), ("2", 2)):
        assert press(controls, "Pool", label) == f"Workers in the pool now: {size}."
        assert list(controls.pool.pids) == [f"worker-{number + 1}" for number in range(size)]


def test_a_frozen_worker_leaves_with_the_others(controls):
    controls.scale(2)
    pid = controls.freeze("worker-2")
    controls.scale(1)
    assert state(pid) == "gone"
    assert list(controls.pool.pids) == ["worker-1"]


# What cannot be done


@pytest.mark.parametrize("label", ["Kill -9", "Freeze", "Thaw", "Stop gently"])
def test_a_worker_that_is_not_there_is_a_sentence(controls, label):
    said = press(controls, "Worker", label, worker="worker-9")
    assert said == "This was not done. There is no worker-9 any more, or not yet."


def test_without_redis_every_button_says_so_and_nothing_is_lost(project, own_server):
    with redis_queue(own_server, QUICK) as queue:
        controls = Controls(queue, 2, project / "no-server-here")
        controls.scale(2)
        controls.queue.pause()
        add(controls, 5)
        workers = controls.pool.pids
        own_server.kill()
        inputs = {"count": 2, "priority": "low"}
        for row in ("Tasks", "Queue", "Pool"):
            for knob in ROWS[row].knobs:
                said = perform(controls, knob, inputs)
                assert said.startswith("Redis is away"), (row, knob.label)
        assert controls.pool.pids == workers
        own_server.start()
        controls.queue.resume()
        assert controls.pool.join(30)
        assert controls.queue.get_stats().completed == 5
        controls.close()


# Redis itself


def test_a_killed_redis_is_back_on_its_port_with_its_tasks(own, monkeypatch):
    monkeypatch.setattr(actions, "QUICK", 0)
    add(own, 5)
    before = server.status(own.home)
    assert "with 5 tasks to do" in press(own, "Redis", "Kill -9")
    after = server.status(own.home)
    assert (after.port, after.pid != before.pid) == (before.port, True)


def test_a_young_redis_is_spared_for_its_keeper_would_give_it_up(own):
    before = server.status(own.home)
    said = press(own, "Redis", "Kill -9")
    assert said.startswith("This was not done. Only our own Redis may be killed, and only once")
    assert server.status(own.home).pid == before.pid


def test_a_redis_of_somebody_else_is_spared(controls, valkey, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    monkeypatch.setattr(actions, "QUICK", 0)
    assert press(controls, "Redis", "Kill -9").startswith("This was not done. Only our")
    assert valkey.process.poll() is None


def test_a_restarted_redis_is_back_on_its_port_though_another_would_be_free(own, monkeypatch):
    add(own, 5)
    before = server.status(own.home)
    monkeypatch.setattr(server, "PORT", free_port())
    for _ in range(2):
        assert "with 5 tasks to do" in press(own, "Redis", "Restart")
    after = server.status(own.home)
    assert (after.port, after.pid != before.pid) == (before.port, True)


def test_a_redis_that_was_stopped_is_started(own):
    add(own, 5)
    server.stop(own.home)
    with pytest.raises(QueueUnavailable):
        own.queue.get_stats()
    assert "with 5 tasks to do" in press(own, "Redis", "Restart")


# The room in a kernel

TWICE = [
    """
import threading
from imglab.classroom.controls.panel import control_room
first = control_room(2)
""",
    """
room = control_room(1)
for thread in first._threads:
    thread.join()
print(first.controls.pool.pids, len(first._panel.children), first.inputs["status"].value)
""",
    """
room.close()
room.close()
names = {thread.name for thread in threading.enumerate()}
print(room.controls.pool.pids, names & {"pool", "live view"})
""",
    "again = control_room(2)",
]
FOREIGN = [
    """
from imglab.classroom.controls.panel import control_room
room = control_room(1)
for row in room._panel.children[:-1]:
    print(*(each.description for each in row.children if getattr(each, "disabled", False)))
print(room.inputs["redis"].value)
room.close()
""",
]


def printed(cells: list[str], env: dict[str, str]) -> list[str]:
    """What each cell of a notebook prints; its kernel ends with a SIGKILL."""
    notebook = new_notebook(cells=[new_code_cell(cell.strip()) for cell in cells])
    NotebookClient(notebook, timeout=60).execute(env=env | {"IMGLAB_REDIS_GRACE": "1"})
    return ["".join(o.get("text", "") for o in cell.outputs) for cell in notebook.cells]


def test_a_room_that_is_opened_again_closes_the_one_before_and_a_killed_kernel_leaves_nothing():
    with classroom() as env:
        _, second, closed, _ = printed(TWICE, env)
        assert re.match(r"\{\} 1 <b>[\d:]+ +Closed\. The workers are gone", second)
        assert closed.strip() == "{} set()"
        until(lambda: not processes_of(env["IMGLAB_ROOT"]), 30)


def test_the_buttons_for_somebody_elses_redis_are_off_and_say_why(own_server):
    with classroom() as env:
        (text,) = printed(FOREIGN, env | {"IMGLAB_REDIS_URL": own_server.url})
    assert text.split("\n")[-4:-1] == ["", "Kill -9 Restart", "IMGLAB_REDIS_URL: left alone"]


# The charts and the guide


def test_the_charts_have_their_numbers_in_words_also_before_the_first_task_is_done(controls):
    add(controls, 3)
    task = controls.queue.get_task("worker-1")
    for _ in range(2):
        bundle = picture(list(controls.queue.events()))
        assert f'alt="{bundle["text/plain"]}"' in bundle["text/html"]
        assert "worker-1: 1 tries" in bundle["text/plain"]
        controls.queue.mark_completed(task)
    assert "1 tasks completed" in bundle["text/plain"]


def test_the_charts_show_the_latest_minute():
    story = [
        {"at": at, "event": event, "task": task, "worker": "worker-1"}
        for task, at in (("old", 0), ("new", 90_000))
        for event in ("added", "claimed", "completed")
    ]
    assert "1 tasks completed" in picture(story)["text/plain"]


def test_the_notebook_opens_the_room_in_one_cell_and_explains_every_button():
    nb = nbformat.read(GUIDE, as_version=4)
    nbformat.validate(nb)
    assert nb.metadata.kernelspec.name == "python3"
    assert all(re.fullmatch(r"room-[a-z]+", cell.id) for cell in nb.cells)
    (code,) = (cell for cell in nb.cells if cell.cell_type == "code")
    assert (code.outputs, code.execution_count) == ([], None)
    guide = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    rows = re.findall(r"^\| (?:\*\*(\w+)\*\* · )?([^|]+) \|", guide, re.MULTILINE)
    explained, row = [], ""
    for title, button in rows[1:]:
        row = title or row
        explained.append((row, button))
    buttons = [(row, knob.label) for row, each in ROWS.items() for knob in each.knobs]
    numbers = [(row, label) for row, label in buttons if label.isdigit()]
    wanted = [each for each in buttons if each not in numbers]
    wanted.insert(wanted.index(("Pool", "Stop all")) + 1, ("Pool", "1 … 8"))
    assert explained == wanted
    assert [label for _, label in numbers] == [str(n) for n in range(1, 9)]
