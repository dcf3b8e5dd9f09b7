"""The control room without its browser: real workers, signals and servers, and every sentence."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import nbformat
import psutil
import pytest
from helpers.clock import until
from helpers.own_filters import HOLD
from helpers.pages import table
from helpers.processes import processes_of
from helpers.project import ROOT
from helpers.server import free_port, new_namespace, redis_queue
from lessons import classroom
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from imglab.classroom.controls import actions, freezer, producer
from imglab.classroom.controls.actions import Controls
from imglab.classroom.controls.buttons import ROWS, perform
from imglab.classroom.controls.pictures import NOTHING, NOTHING_LATELY, picture
from imglab.classroom.controls.status import Status
from imglab.classroom.controls.widgets import VIEWS
from imglab.errors import QueueUnavailable
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.server import lifecycle as server
from imglab.views.frames import Camera
from imglab.workers import WorkerPool

QUICK = QueueSettings(lease=1, backoff=0.1)
#: A lease that does not run out while a test looks.
PATIENT = QueueSettings(lease=60, backoff=0.1)
#: Seconds for which a button asks again while Redis is away, where a test presses all of them.
BRIEFLY = 0.5
GUIDE = ROOT / "notebooks" / "control_room.ipynb"

pytestmark = pytest.mark.photographs("camera.jpg", "sample.jpg")


@pytest.fixture
def controls(project, valkey, request):
    """A queue with a short lease, and a pool of two that nobody has started yet."""
    with redis_queue(valkey, getattr(request, "param", QUICK)) as queue:
        controls = Controls(queue, 2, project / "no-server-here")
        (project / "hold_filter.py").write_text(HOLD)
        imports = ["imglab.classroom.troublemakers", "hold_filter"]
        controls.pool = WorkerPool(1, (), queue, imports=imports, grace=2)
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
        yield Controls(queue, 2, home, owns_redis=True)
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


def hold_one(controls: Controls, project: Path) -> None:
    """Let worker-1, whom its pool leaves alone from now on, go into a task that waits for `go`."""
    controls.scale(1)
    controls.pool._crew.end_watch()
    controls.add(1, "normal", filters=[{"name": "hold"}])
    until((project / "begun").exists)


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


def test_a_photograph_may_have_any_name(controls, project):
    for name in ("IMG 1234", "IMG_1234", "café", "很", "x" * 200):
        shutil.copyfile(project / "images/camera.jpg", project / "images" / f"{name}.jpg")
    assert add(controls, 7) == "Added 7 at normal priority: IMG_1234-1 to _-7."
    tasks = [controls.queue.task(each) for each in controls.queue.tasks("pending")]
    sources = {task.payload["image_path"] for task in tasks}
    assert sources == {f"images/{each.name}" for each in (project / "images").glob("*.jpg")}
    assert len({task.payload["output_path"] for task in tasks}) == 7


def test_an_earlier_kernels_tasks_keep_their_names(controls):
    add(controls, 2)
    later = Controls(controls.queue, 2, controls.home)
    assert add(later) == "Added 1 at normal priority: camera-3."


def test_poison_kills_its_workers_until_it_is_failed_and_the_rest_is_done(controls):
    controls.scale(2)
    add(controls, 6)
    assert press(controls, "Tasks", "Poison").startswith("Added poison-7. It kills its worker")
    assert controls.pool.join(40)
    poison = controls.queue.task("poison-7")
    assert (poison.status, poison.crashes) == ("failed", QUICK.max_crashes)
    assert controls.queue.get_stats().completed == 6


def test_a_cancelled_task_keeps_its_number(controls):
    add(controls)
    controls.queue.cancel("camera-1")
    assert add(controls) == "Added 1 at normal priority: camera-2."


def test_photographs_keep_coming_until_somebody_presses_again(controls, monkeypatch):
    monkeypatch.setattr(producer, "EVERY", 0.05)
    queue = controls.queue

    def count() -> int:
        return queue.get_stats().pending

    said = press(controls, "Tasks", "Keep adding", priority="low")
    assert said.startswith("5 photographs a second from now on, at low priority, until you press")
    until(lambda: count() >= 2 * actions.STEADY)
    assert controls.is_adding
    said = press(controls, "Tasks", "Keep adding", priority="low")
    assert said.startswith("No more photographs come by themselves.")
    before = count()
    assert not controls.is_adding
    assert count() == before == queue.snapshot().counts["low"]


def test_photographs_stop_coming_while_too_many_are_unfinished(controls, monkeypatch):
    monkeypatch.setattr(producer, "EVERY", 0.01)
    monkeypatch.setattr(actions, "MOST_UNFINISHED", 12)
    controls.keep_adding("normal")
    until(lambda: controls.queue.get_stats().pending == 15)
    controls.queue.get_task("me")
    controls.queue.mark_completed(controls.queue.tasks("processing")[0])
    controls.stop_adding()
    assert controls.queue.get_stats().unfinished == 14


def test_a_missing_file_fails_at_once(controls):
    controls.scale(1)
    assert press(controls, "Tasks", "Missing file").startswith("Added missing-1, a picture")
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
    assert said.startswith("Reset: 40 tasks deleted, 2 workers, nothing paused, no history.")
    assert set(queue.workers()) == {"worker-1", "worker-2"}, "the board has both at once"
    assert list(queue.events()) == []
    assert state(frozen) != psutil.STATUS_STOPPED
    assert len(controls.pool.pids) == controls.size == 2
    assert queue.redis.get(elsewhere) == "stays"
    left = set(queue.redis.scan_iter(queue.namespace + "*"))
    # Idle workers say that they are there, and note when they last looked at the leases.
    assert left - {elsewhere} <= {queue.keys.workers, queue.keys.meta}
    add(controls)
    assert controls.pool.join(20), "nothing is paused any more"


def test_a_reset_ends_the_stream_of_photographs(controls):
    controls.keep_adding("normal")
    press(controls, "Queue", "Reset")
    assert not controls.is_adding
    assert controls.queue.get_stats().unfinished == 0


def test_a_reset_starts_a_redis_that_was_stopped(own):
    add(own, 5)
    server.stop(own.home)
    assert press(own, "Queue", "Reset").startswith("Reset: 5 tasks deleted, 2 workers")
    own.close()


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


def test_a_frozen_worker_loses_its_task_and_its_late_result_is_refused(
    controls, project, monkeypatch
):
    monkeypatch.setattr(freezer, "WATCH", 30)
    hold_one(controls, project)
    pid = controls.pool.pids["worker-1"]
    assert "(SIGSTOP)" in press(controls, "Worker", "Freeze", worker="worker-1")
    until(lambda: state(pid) == psutil.STATUS_STOPPED)
    until(lambda: controls.queue.reap() == 1)
    # From here on no claim may run out.
    controls.queue.change_settings(lease=60)
    task = until(lambda: controls.queue.get_task("another"))
    (project / "go").touch()
    assert press(controls, "Worker", "Thaw", worker="worker-1") == (
        f"worker-1 goes on (SIGCONT), too late. REFUSED: another has claimed {task.id} since. "
        "Redis took nothing from worker-1."
    )
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


@pytest.mark.parametrize("controls", [QueueSettings(lease=30)], indirect=True)
def test_a_worker_that_is_thawed_in_time_keeps_its_task(controls, project):
    hold_one(controls, project)
    press(controls, "Worker", "Freeze", worker="worker-1")
    said = press(controls, "Worker", "Thaw", worker="worker-1")
    assert said == (
        "worker-1 goes on (SIGCONT), in time: camera-1 is still its own, so nothing is lost."
    )
    (project / "go").touch()
    assert controls.pool.join(20)
    assert "expired" not in events_of(controls)


def test_a_late_thaw_whose_refusal_is_not_seen_yet_does_not_claim_it(
    controls, project, monkeypatch
):
    monkeypatch.setattr(freezer, "WATCH", 0)
    monkeypatch.setattr(freezer, "REFUSALS", ())
    hold_one(controls, project)
    press(controls, "Worker", "Freeze", worker="worker-1")
    until(lambda: controls.queue.reap() == 1)
    controls.queue.change_settings(lease=60)
    said = press(controls, "Worker", "Thaw", worker="worker-1")
    assert said.startswith("worker-1 goes on (SIGCONT), too late. It still works for nothing: its")


def test_a_frozen_worker_whose_lease_ran_out_is_silent_and_not_idle(controls, project):
    hold_one(controls, project)
    controls.freeze("worker-1")
    until(lambda: controls.queue.reap() == 1)
    with closing(Camera(controls.queue)) as camera:
        silent = until(lambda: camera.shoot().silent)
    assert silent["worker-1"].startswith("silent since")


@pytest.mark.parametrize("controls", [PATIENT], indirect=True)
def test_freezing_twice_and_thawing_twice_are_harmless(controls):
    controls.scale(1)
    pid = controls.pool.pids["worker-1"]
    for _ in range(2):
        assert press(controls, "Worker", "Freeze", worker="worker-1").startswith("Froze worker-1")
    until(lambda: state(pid) == psutil.STATUS_STOPPED)
    said = [press(controls, "Worker", "Thaw", worker="worker-1") for _ in range(2)]
    assert said[0] == "worker-1 goes on (SIGCONT). It had no task in hand."
    assert said[1].startswith("worker-1 was not frozen, so nothing changed.")
    until(lambda: state(pid) != psutil.STATUS_STOPPED)


@pytest.mark.parametrize("controls", [PATIENT], indirect=True)
def test_a_frozen_worker_goes_on_by_itself_in_the_end(controls, monkeypatch):
    monkeypatch.setattr(controls._freezer, "seconds", 0.2)
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
        queue.patience = BRIEFLY  # each button has its own, and there are many
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
    said = press(own, "Redis", "Kill -9")
    assert re.search(r"After [\d.]+ s it is back, with 5 tasks to do", said)
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
print(first.controls.pool.pids, len(first.panel.box.children), first.panel.line.value)
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
for row in room.panel.box.children[1:-1]:
    print(*(each.description for each in row.children if getattr(each, "disabled", False)))
print(room.panel.inputs["redis"].value)
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
        assert re.match(r"\{\} 1 <div><b>[\d:]+ +Closed\. The workers are gone", second)
        assert closed.strip() == "{} set()"
        until(lambda: not processes_of(env["IMGLAB_ROOT"]), 30)


def test_the_buttons_for_somebody_elses_redis_are_off_and_say_why(own_server):
    with classroom() as env:
        (text,) = printed(FOREIGN, env | {"IMGLAB_REDIS_URL": own_server.url})
    assert text.split("\n")[-4:-1] == ["", "Kill -9 Restart", "IMGLAB_REDIS_URL: left alone"], text


PANEL = [
    """
from imglab.classroom.controls.panel import control_room
room = control_room(2, big=True, calm=True)
panel = room.panel
""",
    """
panel.inputs["count"].value = 900
print(panel.inputs["count"].value, panel.line.value)
""",
    """
import re, time
pause = panel.buttons["Queue", "Pause"]
for _ in range(60):
    pause.click()
while not (waiting := re.search(r"… (.*) · (\\d+) more waiting", panel.line.value)):
    time.sleep(0.001)
print(*waiting.groups())
while "Paused" not in panel.line.value.split("</div>")[0]:
    time.sleep(0.01)
print(panel.line.value)
""",
    """
def waits_for(row, label):
    panel.buttons[row, label].click()
    while "…" in panel.line.value:
        time.sleep(0.01)
    lit = [name for (_, name), each in panel.buttons.items() if each.button_style]
    views = panel.is_big, room._board.big, room._board.calm
    print(list(panel.inputs["worker"].options), lit, *views)
waits_for("Pool", "4")
waits_for("Tasks", "Keep adding")
panel.views["Big letters"].value = False
panel.views["Calm"].value = False
waits_for("Queue", "Reset")
while not room._board._film.workers:
    time.sleep(0.01)
print(panel.inputs["count"].value, *room._board._film.workers)
room.close()
""",
]


def test_the_panel_says_what_it_does_and_lights_what_is_the_case():
    with classroom() as env:
        _, corrected, hasty, lit = printed(PANEL, env)
    assert corrected.startswith("500 ")
    assert "A click adds 1 to 500 photographs: 900 became 500." in corrected
    what, count = hasty.splitlines()[0].rsplit(" ", 1)
    assert what in ("pausing", "starting workers")
    assert 0 < int(count) <= 60
    four = [f"worker-{number}" for number in range(1, 5)]
    assert lit.splitlines() == [
        f"{four} ['4'] True True True",
        f"{four} ['Keep adding', '4'] True True True",
        f"{four[:2]} ['2'] False False False",
        "50 worker-1 worker-2",
    ], "a reset puts all back, and no row of the board is left over"


def test_many_clicks_are_counted_and_the_last_answer_stays():
    status = Status()
    for name in ("pausing", "resuming", "killing <worker-1>"):
        status.ordered(name)
    assert "… pausing · 2 more waiting</b>" in status.html()
    status.answered("Paused.")
    lines = status.html().split("</div>")
    assert "… resuming · 1 more waiting</b>" in lines[0]
    assert "Paused." in lines[1]
    status.answered("Resumed.")
    status.remark("A number was corrected.")
    status.answered("Killed <worker-1>.")
    lines = status.html().split("</div>")
    assert "Killed &lt;worker-1&gt;.</b>" in lines[0]
    assert "A number was corrected." in lines[1]


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


def test_the_charts_never_deny_a_task_that_was_claimed():
    claimed = [
        {"at": 0, "event": event, "task": "a", "worker": "w"} for event in ("added", "claimed")
    ]
    assert picture([])["text/plain"] == NOTHING
    later = {"at": 90_000, "event": "added", "task": "b"}
    assert picture([*claimed, later])["text/plain"] == NOTHING_LATELY
    assert "w: 1 tries" in picture(claimed)["text/plain"]


def test_s23_the_notebook_opens_the_room_in_one_cell_and_explains_every_button():
    nb = nbformat.read(GUIDE, as_version=4)
    nbformat.validate(nb)
    assert nb.metadata.kernelspec.name == "python3"
    assert all(re.fullmatch(r"room-[a-z]+", cell.id) for cell in nb.cells)
    (code,) = (cell for cell in nb.cells if cell.cell_type == "code")
    assert (code.outputs, code.execution_count) == ([], None)
    guide = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    explained, row = [], ""
    for named, *_ in table(guide, "| button | what the class sees | what to say |"):
        title, is_first, button = named.rpartition(" · ")
        if is_first:
            row = title.strip("*")
        explained.append((row, button))
    buttons = [(row, knob.label) for row, each in ROWS.items() for knob in each.knobs]
    numbers = [(row, label) for row, label in buttons if label.isdigit()]
    wanted = [each for each in buttons if each not in numbers]
    wanted.insert(wanted.index(("Pool", "Stop all")) + 1, ("Pool", "1 … 8"))
    wanted += [("View", label) for label in VIEWS]
    assert explained == wanted
    assert [label for _, label in numbers] == [str(n) for n in range(1, 9)]
