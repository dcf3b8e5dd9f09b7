"""Two people on one Redis do not meet: each lesson has one seat in each database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import nbformat
import pytest
from helpers.clock import until
from nbclient import NotebookClient

from imglab.classroom import seats
from imglab.queues import RedisTaskQueue
from imglab.queues.addresses import in_database
from imglab.queues.connection import connect
from imglab.queues.presence import Presence

#: A notebook: it takes a seat, says what it was told and where it sits, and stays until its end.
NOTEBOOK = """
import sys
from imglab.classroom import take_seat
here = take_seat(sys.argv[1])
print(here.url.partition("@")[2] or here.url, flush=True)
sys.stdin.read()
"""


@contextmanager
def notebook(url: str, lesson: str = "lesson-05:", who: str = "ada"):
    """A process that sits in a lesson; what it yields is the process, its database and words."""
    env = {**os.environ, "IMGLAB_REDIS_URL": url, "LOGNAME": who}
    with subprocess.Popen(
        [sys.executable, "-c", NOTEBOOK, lesson],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        words = ""
        line = process.stdout.readline()
        while line and not line.startswith(("redis://", "127", "localhost")):
            words += line
            line = process.stdout.readline()
        database = line.rpartition(":")[2].partition("/")[2].strip() or "0"
        yield process, int(database), words
        process.kill()


def seat_names(url: str) -> list[str]:
    with connect(url=url) as client:
        return [each["name"] for each in client.client_list() if "imglab-seat" in each["name"]]


@pytest.fixture
def url(valkey, monkeypatch):
    """The address of a server on which nobody sits, before and after."""
    yield from nobody_sits_at(valkey, monkeypatch)


@pytest.fixture
def either_url(server, monkeypatch):
    """The same for each kind of server."""
    yield from nobody_sits_at(server, monkeypatch)


def nobody_sits_at(server, monkeypatch):
    until(lambda: not seat_names(server.url))
    monkeypatch.setenv("IMGLAB_REDIS_URL", server.url)
    yield server.url
    for presence in seats._taken.values():
        presence.leave()
    seats._taken.clear()
    until(lambda: not seat_names(server.url))


def test_the_first_notebook_sits_where_the_address_says_and_hears_nothing(url):
    with notebook(url) as (_, database, words):
        assert (database, words) == (0, "")


def test_a_second_person_gets_a_database_of_their_own_and_is_told_how_to_reach_it(url):
    with notebook(url), notebook(url, who="grace") as (_, database, words):
        assert database == 1
        assert words.startswith("ada@")
        assert "runs this lesson here, so you get database 1 of this Redis" in words
        assert "imglab redis -n 1" in words
        assert f"export IMGLAB_REDIS_URL={url}/1" in words


def test_a_second_notebook_of_the_same_person_does_not_meet_the_first(url):
    with notebook(url), notebook(url) as (_, database, words):
        assert database == 1
        assert words.startswith("Another notebook of yours runs this lesson here")


def test_the_lessons_of_one_person_share_a_database(url):
    with notebook(url, "lesson-03:"), notebook(url, "lesson-05:") as (_, database, words):
        assert (database, words) == (0, "")


def test_a_person_stays_in_the_database_of_their_other_notebooks(url):
    grace = {"who": "grace"}
    with (
        notebook(url),
        notebook(url, **grace),
        notebook(url, "lesson-07:", **grace) as (_, database, words),
    ):
        assert database == 1
        assert words.startswith("ada@")


def test_whoever_was_killed_sits_nowhere_and_a_restart_takes_the_seat_back(url):
    with notebook(url) as (process, _, _):
        process.kill()
        process.wait()
        with notebook(url) as (_, database, words):
            assert (database, words) == (0, "")


def test_four_that_come_at_once_get_four_databases(either_url):
    env = {**os.environ, "IMGLAB_REDIS_URL": either_url}
    command = [sys.executable, "-c", NOTEBOOK.replace("print(", "print('seat', "), "lesson-05:"]
    pipe = subprocess.PIPE
    people = [
        subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, text=True) for _ in range(4)
    ]
    try:
        found = []
        for person in people:
            line = next(each for each in person.stdout if each.startswith("seat"))
            found.append(line.strip().rpartition(":")[2].partition("/")[2] or "0")
        assert sorted(map(int, found)) == list(range(4))
    finally:
        for person in people:
            person.communicate()


def test_who_came_first_stays_though_somebody_looks_in_meanwhile(url, monkeypatch):
    """Who comes second stands at the first seat for a moment, until it has seen who sits there."""
    really = Presence.appear
    second = Presence(url)

    def appear_and_be_followed(self, name, database):
        found = really(self, name, database)
        really(second, "imglab-seat:05:bob@there:1", database)
        return found

    monkeypatch.setattr(Presence, "appear", appear_and_be_followed)
    assert seats.take_seat("lesson-05:").url == url
    second.leave()


def test_the_cell_that_takes_the_seat_can_run_again(url, capsys):
    with notebook(url, who="grace"):
        first = seats.take_seat("lesson-05:")
        assert first.url == f"{url}/1"
        assert "database 1" in capsys.readouterr().out
        assert seats.take_seat("lesson-05:") == first
        assert capsys.readouterr().out == ""
        assert len(seat_names(url)) == 2


def test_a_seat_is_there_again_after_redis_was_killed(own_server, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", own_server.url)
    seats.take_seat("lesson-05:")
    own_server.kill()
    own_server.start()
    until(lambda: seat_names(own_server.url))
    for presence in seats._taken.values():
        presence.leave()
    seats._taken.clear()


def test_the_seventeenth_is_told_what_to_do(url, monkeypatch):
    monkeypatch.setattr(seats, "DATABASES", 1)
    with notebook(url), pytest.raises(seats.QueueUnavailable, match="Shut down a notebook"):
        seats.take_seat("lesson-05:")


def test_a_user_who_may_not_list_connections_is_told_how_to_share(url, monkeypatch, capsys):
    with connect(url=url) as admin:
        admin.execute_command("ACL", "SETUSER", "pupil", "reset", "on", ">x", "~*", "+@all")
        admin.execute_command("ACL", "SETUSER", "pupil", "-client|list")
        monkeypatch.setenv("IMGLAB_REDIS_URL", url.replace("redis://", "redis://pupil:x@"))
        here = seats.take_seat("lesson-05:")
        admin.execute_command("ACL", "DELUSER", "pupil")
    assert here.url == os.environ["IMGLAB_REDIS_URL"]
    assert "write /1 or /2 behind the address" in capsys.readouterr().out


def test_two_notebooks_of_one_lesson_each_count_their_own_tasks_only(url):
    with notebook(url, who="grace"):
        theirs = RedisTaskQueue(url=url, namespace="lesson-05:")
        mine = RedisTaskQueue(url=seats.take_seat("lesson-05:").url, namespace="lesson-05:")
        for queue, number in ((theirs, 3), (mine, 5)):
            queue.clear()
            queue.add_tasks([{} for _ in range(number)])
        assert (theirs.get_stats().pending, mine.get_stats().pending) == (3, 5)
        for queue in (theirs, mine):
            queue.delete_namespace()
            queue.close()


def keys_of(url: str, database: int, pattern: str) -> list[str]:
    with connect(url=in_database(url, database)) as client:
        return sorted(client.scan_iter(pattern))


@pytest.mark.photographs("camera.jpg")
def test_a_demo_beside_somebody_elses_has_a_database_of_its_own_and_leaves_its_seat(url, project):
    command = [sys.executable, "-m", "imglab", "demo", "--json"]
    with notebook(url, "demo:"):
        done = subprocess.run(
            [*command, "--tasks", "2", "--workers", "1", "--filters", "edges"],
            env={**os.environ, "LOGNAME": "grace"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout)["tasks"] == 2
        assert "runs the demo here, so you get database 1 of this Redis" in done.stderr
        assert keys_of(url, 0, "demo:*") == []
        assert "demo:image_processing:completed" in keys_of(url, 1, "demo:*")
        until(lambda: len(seat_names(url)) == 1)
    with RedisTaskQueue(url=f"{url}/1", namespace="demo:") as queue:
        queue.delete_namespace()


def test_a_demo_alone_is_where_the_address_says(url):
    with seats.seat("demo:", "the demo") as here:
        assert here.url == url
        assert len(seat_names(url)) == 1
    until(lambda: not seat_names(url))


def test_a_seat_that_was_taken_twice_is_free_when_it_was_left_twice(url):
    with seats.seat("control:", "a control room") as here:
        with seats.seat("control:", "a control room") as again:
            assert again == here
        assert len(seat_names(url)) == 1
    until(lambda: not seat_names(url))
    seats.leave_seat("control:", here)


@pytest.mark.photographs("camera.jpg")
def test_a_second_control_room_is_in_another_database_until_it_is_closed(url, project):
    sources = (
        "from imglab.classroom import control_room\nroom = control_room(1)",
        "room.controls.queue.redis.client_info()['db']",
        "room.close()",
    )
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    client = NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=60)
    with notebook(url, "control:"), client.setup_kernel(env={**os.environ, "LOGNAME": "grace"}):
        for number, cell in enumerate(cells):
            client.execute_cell(cell, number)
        assert "runs a control room here, so you get database 1" in cells[0].outputs[0].text
        assert cells[1].outputs[0].data["text/plain"] == "1"
        until(lambda: len(seat_names(url)) == 1)
    with RedisTaskQueue(url=f"{url}/1", namespace="control:") as queue:
        queue.delete_namespace()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("redis://h:1", "redis://h:1/2"),
        ("redis://u:p%2F@h:1/0", "redis://u:p%2F@h:1/2"),
        ("redis://h:1?db=5&client_name=x", "redis://h:1/2?client_name=x"),
        ("unix:///tmp/redis.sock", "unix:///tmp/redis.sock?db=2"),
    ],
)
def test_an_address_keeps_all_but_its_database(before, after):
    assert in_database(before, 2) == after
