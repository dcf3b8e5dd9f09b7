"""A shared room: the machines of a class work on one queue, and everybody sees who did what."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
from helpers.clock import until
from helpers.notebooks import as_in_a_notebook, without_tags
from helpers.project import make_project
from helpers.server import redis_queue

from imglab.classroom.shared import LEASE_S, namespace_of, own_name, room_queue, shared_room
from imglab.errors import ImglabError
from imglab.queues import RedisTaskQueue
from imglab.queues.connection import connect
from imglab.views.frames import Frame
from imglab.views.who import BIG_PX, MOST_ROWS, NAME_LETTERS, ONE_COLUMN, WIDTH, Tally, who

IMGLAB = [sys.executable, "-m", "imglab"]
#: A notebook of a student, which sits in the Redis of the class and stays there.
NOTEBOOK = """
import sys
from imglab.classroom import take_seat
print(take_seat("lesson-05:").url, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    """What the instructor's notebook was shown."""
    bundles = []

    def display(bundle, **_):
        bundles.append(bundle)
        return SimpleNamespace(update=lambda bundle, **_: bundles.append(bundle))

    as_in_a_notebook(monkeypatch, display)
    return bundles


@pytest.fixture
def instructor(project, own_server, monkeypatch):
    """A project with two photographs, and the Redis of a class in which nobody is."""
    monkeypatch.setenv("IMGLAB_REDIS_URL", own_server.url)
    return own_server


pytestmark = pytest.mark.photographs("camera.jpg", "sample.jpg")


def environment(root, url: str, who: str) -> dict[str, str]:
    return {**os.environ, "IMGLAB_ROOT": str(root), "IMGLAB_REDIS_URL": url, "LOGNAME": who}


@contextmanager
def machine(folder, who: str, url: str, *words: str):
    """Somebody's machine: a project of its own, in which `imglab join` was typed."""
    root = make_project(folder / f"machine-of-{who}", "camera.jpg", "sample.jpg")
    process = subprocess.Popen(
        [*IMGLAB, "join", *words],
        cwd=root,
        env=environment(root, url, who),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    process.root = root
    process.said = process.stdout.readline()
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


@contextmanager
def student_notebook(folder, who: str, url: str):
    """Somebody's lesson on the Redis of the class; what it yields is the address of its seat."""
    root = make_project(folder / f"notebook-of-{who}", "camera.jpg")
    with subprocess.Popen(
        [sys.executable, "-c", NOTEBOOK],
        env=environment(root, url, who),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        *_, seat = iter_until_url(process.stdout)
        yield seat
        process.kill()


def iter_until_url(lines):
    for line in lines:
        yield line.strip()
        if line.startswith("redis://"):
            return


def drawings(root) -> set[str]:
    return {path.name for path in (root / "output" / "room").glob("*.png")}


def test_three_machines_are_the_workers_of_one_queue_and_all_see_who_did_what(
    instructor, tmp_path, shown
):
    people = ("ada", "grace", "linus")
    with shared_room() as room, ExitStack() as class_of:
        machines = [
            class_of.enter_context(machine(tmp_path, each, instructor.url)) for each in people
        ]
        until(lambda: len(room.queue.workers()) == len(people))
        room.add(36)
        until(lambda: not room.queue.get_stats().unfinished, 60)
        until(lambda: sum(share.done for share in room.shares()) == 36)
        done = {share.worker.partition("@")[0]: share.done for share in room.shares()}
        assert set(done) == set(people)
        assert all(done.values()), "each of them drew some"
        # The room counts first, and draws a moment later.
        until(lambda: "36 done" in shown[-1]["text/html"])
        picture = shown[-1]["text/html"]
        for share in room.shares():
            assert share.worker[: NAME_LETTERS[0] - 4] in picture
            assert f"{share.worker} " in str(room)
        assert all(drawings(each.root) for each in machines), "what a machine drew stays on it"
        assert room.queue.check() == []
        room.clear()
        until(lambda: not any(share.done for share in room.shares()))


def test_who_has_a_seat_of_their_own_is_in_the_room_all_the_same(instructor, tmp_path):
    with (
        student_notebook(tmp_path, "ada", instructor.url) as first,
        student_notebook(tmp_path, "grace", instructor.url) as second,
        shared_room() as room,
    ):
        assert first != second
        assert second.endswith("/1"), "grace's lesson is in another database"
        with machine(tmp_path, "grace", second):
            room.add(2)
            until(lambda: room.queue.get_stats().completed == 2, 30)
        (name,) = room.queue.workers() or {each.worker: 0 for each in room.shares()}
        assert name.startswith("grace@")


def test_two_of_one_name_get_two_names(instructor, tmp_path):
    with (
        shared_room() as room,
        machine(tmp_path, "one", instructor.url, "--name", "ada") as first,
        room_queue(instructor.url, "room") as queue,
    ):
        assert first.said == "You are ada here, and work until Ctrl-C.\n"
        until(lambda: "ada" in queue.workers())
        assert own_name(queue, "ada") == "ada-1"
        with machine(tmp_path, "two", instructor.url, "--name", "ada") as second:
            assert second.said.startswith("You are ada-1 ")
            until(lambda: {"ada", "ada-1"} <= set(room.queue.workers()))


def test_a_machine_that_is_killed_loses_no_task(instructor, tmp_path):
    with shared_room() as room, ExitStack() as class_of:
        room.queue.change_settings(lease=1, backoff=0)  # before anybody comes
        first, _ = [
            class_of.enter_context(machine(tmp_path, each, instructor.url, "--name", each))
            for each in ("ada", "grace")
        ]
        until(lambda: len(room.queue.workers()) == 2)
        room.add(20)
        until(lambda: any(claim.worker == "ada" for claim in room.queue.claims()))
        first.kill()
        until(lambda: not room.queue.get_stats().unfinished, 60)
        assert room.queue.get_stats().completed == 20
        until(lambda: {"ada": "away"}.items() <= states(room).items(), 30)
        assert "✕ ada" in str(room)


def states(room) -> dict[str, str]:
    return {share.worker: share.state for share in room.shares()}


def test_a_machine_without_photographs_takes_no_task_and_says_why(instructor, tmp_path):
    with shared_room() as room:
        room.add(3)
        empty = make_project(tmp_path / "empty")
        for root, words in ((empty, "There are no photographs in"), (tmp_path, "no photographs")):
            done = subprocess.run(
                [*IMGLAB, "join"],
                cwd=root,
                env={**environment(root, instructor.url, "ada")},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 1
            assert words in done.stderr
            assert "Traceback" not in done.stderr
        assert room.queue.get_stats().pending == 3


def test_the_class_joins_as_a_user_who_may_work_in_this_room_and_nowhere_else(instructor, tmp_path):
    lines = subprocess.check_output(
        [*IMGLAB, "users", "--namespace", namespace_of("room")], text=True
    ).splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith("imglab ")]
    assert [words[4] for words in commands] == ["producer", "worker", "viewer"]
    for words in commands:
        printed = subprocess.check_output([*IMGLAB, *words[1:]], text=True)
        assert printed.strip() == "OK"
    addresses = dict(
        re.findall(r"^# For a (\w+): export IMGLAB_REDIS_URL=(\S+)$", "\n".join(lines), re.M)
    )
    assert addresses["worker"].endswith(instructor.url.removeprefix("redis://"))
    with shared_room() as room, machine(tmp_path, "ada", addresses["worker"]):
        room.add(2)
        until(lambda: room.queue.get_stats().completed == 2, 30)
    with connect(url=addresses["worker"]) as client, pytest.raises(Exception, match="permission"):
        client.get("anything")
    with RedisTaskQueue(url=addresses["viewer"], namespace="room:") as queue:
        assert queue.get_stats().completed == 2


def test_the_passwords_are_new_each_time(monkeypatch):
    monkeypatch.delenv("IMGLAB_REDIS_URL", raising=False)
    first, second = (subprocess.check_output([*IMGLAB, "users"], text=True) for _ in range(2))
    assert first != second
    assert "@HOST:PORT" in first


def test_the_instructor_is_told_what_the_class_has_to_type(instructor, capsys):
    with shared_room("lab-3"):
        said = capsys.readouterr().out
    assert "On each machine: imglab join --room lab-3" in said
    assert "IMGLAB_REDIS_URL" in said


@pytest.mark.parametrize("name", ["", "a room", "x:y", "*"])
def test_a_room_has_a_name_that_can_stand_in_a_key(name):
    with pytest.raises(ImglabError, match="name"):
        namespace_of(name)


def test_a_rooms_settings_are_the_same_whoever_comes_first(instructor, tmp_path):
    with (
        machine(tmp_path, "ada", instructor.url),
        room_queue(instructor.url, "room") as queue,
    ):
        until(queue.workers)
        with shared_room() as room:
            assert room.queue.settings.lease == LEASE_S


# The picture


def rows_of(html: str) -> list[str]:
    return [without_tags(each) for each in html.split("</tr>")[:-1]]


def play(queue, people, tasks: int) -> None:
    queue.add_tasks([{}] * tasks)
    for number in range(tasks):
        queue.mark_completed(queue.get_task(people[number % len(people)]))


@pytest.mark.parametrize("count", [1, ONE_COLUMN, ONE_COLUMN + 1, 2 * MOST_ROWS, 40])
def test_a_class_fits_on_one_screen_in_letters_for_the_last_row(queue, shown, count):
    people = [f"student-{number:02}" for number in range(count)]
    play(queue, people, 2 * count)
    view = who(queue, big=True)
    view.stop()
    html = shown[-1]["text/html"]
    assert f"font-size:{BIG_PX}px" in html
    assert f"width:{WIDTH}ch" in html
    rows = rows_of(html)
    assert len(rows) <= MOST_ROWS + 4
    for name in people[: 2 * MOST_ROWS]:
        assert name in html
    if count > 2 * MOST_ROWS:
        assert f"and {count - 2 * MOST_ROWS} more, with 16 tasks" in html
    assert "● at work   ○ idle   ✕ not heard of   – has left" in rows[-1]
    assert len(view.shares) == count
    assert all(share.done == 2 for share in view.shares)


def test_names_are_text_whatever_is_in_them(queue, shown):
    queue.redis.hset(queue.keys.workers, "<b>x</b>\x1b", '{"seen": 1}')
    queue.redis.xadd(
        queue.keys.events, {"event": "completed", "task": "t", "worker": "<script>\x1b"}
    )
    view = who(queue)
    view.stop()
    html = shown[-1]["text/html"]
    assert "<script>" not in html
    assert "\x1b" not in html + str(view)


def test_nobody_yet_is_said(queue, shown):
    who(queue).stop()
    assert "nobody has come yet" in shown[-1]["text/html"]


def test_counts_go_on_from_where_they_were_and_begin_anew_with_a_cleared_queue(queue):
    tally = Tally(queue)

    def done():
        total = queue.get_stats().completed_total
        frame = replace(Frame.empty(), total=total, workers=["ada"])
        return {share.worker: share.done for share in tally.shares(frame)}

    play(queue, ["ada"], 3)
    assert done() == {"ada": 3}
    play(queue, ["ada"], 2)
    assert done() == {"ada": 5}
    assert done() == {"ada": 5}
    queue.clear()
    assert done() == {"ada": 0}
    play(queue, ["ada"], 1)
    assert done() == {"ada": 1}


def test_a_long_history_is_read_page_by_page(queue, monkeypatch):
    monkeypatch.setattr("imglab.queues.inspect.PAGE", 2)
    play(queue, ["ada"], 3)
    mark, events = queue.events_after("0-0")
    assert events == list(queue.events())
    assert queue.events_after(mark) == (mark, [])


def test_redis_away_is_said_and_the_numbers_stay(own_server, shown):
    with redis_queue(own_server) as queue:
        play(queue, ["ada"], 2)
        view = who(queue)
        until(lambda: view.shares)
        own_server.kill()
        until(lambda: "Redis is away" in shown[-1]["text/html"], 20)
        assert "2" in rows_of(shown[-1]["text/html"])[2]
        own_server.start()
        until(lambda: "Redis is away" not in shown[-1]["text/html"], 20)
        view.stop()
