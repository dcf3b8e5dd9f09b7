"""A cell is run again: a queue has one view of each kind, and not a thread for each run."""

from __future__ import annotations

import subprocess
import sys
import threading

import nbformat
import pytest
from helpers.notebooks import as_in_a_notebook
from helpers.server import redis_queue
from nbclient import NotebookClient

from imglab.errors import ImglabError
from imglab.queues import RedisTaskQueue, TaskQueue
from imglab.views import board, lanes, live_keys
from imglab.views.live_view import Live


class Handle:
    """What a notebook gives for a display: it takes each new picture."""

    def update(self, bundle: dict, raw: bool) -> None:
        assert bundle["text/html"]


@pytest.fixture(autouse=True)
def notebook(monkeypatch):
    as_in_a_notebook(monkeypatch, lambda *_, **__: Handle())


def alive() -> int:
    """How many live views there are in this process."""
    return sum(thread.name == "live view" for thread in threading.enumerate())


@pytest.mark.parametrize("kind", [ImglabError, ValueError])
def test_an_error_in_a_picture_is_text_whatever_is_in_it(kind):
    def picture() -> str:
        raise kind("<b> \x1b[2J \u202egpj.exe")

    with Live(picture) as view:
        html = view._bundle()["text/html"]
    assert r"&lt;b&gt; \x1b[2J \u202egpj.exe" in html


@pytest.mark.parametrize("view", [board, lanes, live_keys])
def test_the_same_view_again_stops_the_earlier_one(own_server, view):
    with RedisTaskQueue(url=own_server.url) as queue:
        shown = [view(queue) for _ in range(4)]
        assert alive() == 1
        before = shown[-1].frames
        connections = len(queue.redis.client_list())
        assert connections <= 2  # the queue's own, and that of the last board
        shown[0].stop()  # a second stop does nothing
        assert alive() == 1
        shown[-1].stop()
        assert shown[-1].frames > before
        assert alive() == 0


def test_two_objects_that_stand_for_one_queue_have_one_board(valkey, queue):
    same = RedisTaskQueue(url=valkey.url, namespace=queue.namespace)
    board(queue)
    last = board(same)
    assert alive() == 1
    last.stop()
    same.close()


def test_views_of_something_else_stay(valkey, queue):
    with redis_queue(valkey) as other:
        memory = TaskQueue()
        views = [
            board(queue),
            board(other),
            lanes(queue),
            lanes(memory),
            lanes(TaskQueue()),
            live_keys(queue),
            live_keys(queue, "a:*"),
        ]
        assert alive() == len(views)
        for view in views:
            view.stop()
    assert alive() == 0


def test_another_database_is_another_queue(own_server):
    one = RedisTaskQueue(url=own_server.url)
    two = RedisTaskQueue(url=f"{own_server.url}/1")
    with board(one), board(two):
        pass
    first = board(one)
    second = board(two)
    assert alive() == 2
    first.stop()
    second.stop()
    one.close()
    two.close()


def test_views_in_with_blocks_nest(queue):
    with board(queue) as outer:
        with board(queue) as inner:
            assert alive() == 2
        assert alive() == 1
        loose = board(queue)
        assert alive() == 2
        with board(queue):  # it ends the loose one, and only that
            assert alive() == 2
        assert alive() == 1
        loose.stop()
    assert alive() == 0
    assert outer is not inner


def test_a_view_that_was_stopped_is_forgotten(queue):
    from imglab.views import live_view

    with board(queue):
        pass
    board(queue).stop()
    assert live_view._replaceable == {}


def test_a_name_that_is_no_utf_8_reaches_the_browser_as_an_escape():
    with Live(lambda: "<td>niño \udcff</td>") as view:
        bundle = view._bundle()
    assert bundle["text/html"] == "<td>niño \\udcff</td>"


# Views that move little


@pytest.mark.parametrize(("setting", "is_calm"), [("1", True), ("0", False), ("", False)])
def test_a_setting_makes_every_live_view_calm(queue, monkeypatch, setting, is_calm):
    monkeypatch.setenv("IMGLAB_CALM", setting)
    for view in (board(queue), lanes(queue), live_keys(queue)):
        assert view.calm == is_calm
        assert (view._pause() >= 2) == is_calm
        view.stop()


def test_who_writes_the_call_has_the_last_word(queue, monkeypatch):
    with board(queue, calm=True) as view:
        assert view._pause() >= 2
        view.calm = False
        assert view._pause() < 1
    monkeypatch.setenv("IMGLAB_CALM", "1")
    with board(queue, calm=False) as view:
        assert view._pause() < 1


# In a real notebook


def executed(*cells: str) -> list:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=60, kernel_name="python3").execute()
    return book.cells


def test_a_cell_with_a_board_that_runs_again_leaves_one_thread(own_server):
    run = "view = board(queue)"
    cells = executed(
        "import threading\n"
        "from imglab.queues import RedisTaskQueue\n"
        "from imglab.views import board\n"
        f"queue = RedisTaskQueue(url={own_server.url!r})",
        run,
        run,
        run,
        run,
        "names = [thread.name for thread in threading.enumerate()]\n"
        "print(names.count('live view'), len(queue.redis.client_list()))",
    )
    assert cells[-1].outputs[0].text == "1 2\n"


def test_the_progress_of_a_batch_is_a_line_of_text_in_the_saved_notebook(tmp_path):
    """What is saved shows without a kernel: no widget, whose words are gone with it."""
    (tmp_path / "in").mkdir()
    cells = executed(
        "from pathlib import Path\n"
        "from PIL import Image\n"
        "from imglab.imaging import BatchProcessor, FilterPipeline\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "for number in range(3):\n"
        "    Image.new('RGB', (9, 9)).save(folder / f'in/{number}.jpg')\n"
        "batch = BatchProcessor(FilterPipeline(['blur']))",
        "report = batch.process(folder / 'in', folder / 'out', progress=True)",
        "(folder / 'in/bad.jpg').write_text('no image')\n"
        "report = batch.process(folder / 'in', folder / 'out', progress=True)",
        "report = batch.process([], folder / 'out', progress=True)",
    )
    told = [dict(cell.outputs[0].data) for cell in cells[1:]]
    assert [len(cell.outputs) for cell in cells[1:]] == [1, 1, 1]
    assert told == [
        {"text/plain": "Filtering: 3 of 3"},
        {"text/plain": "Filtering: 4 of 4"},
        {"text/plain": "Filtering: 0 of 0"},
    ]


def test_a_program_outside_a_notebook_hears_that_a_live_view_needs_one(valkey):
    code = (
        "from imglab import ImglabError, RedisTaskQueue\n"
        "from imglab.views import board\n"
        "try:\n"
        f"    board(RedisTaskQueue(url={valkey.url!r}))\n"
        "except ImglabError as error:\n"
        "    print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("A live view needs a notebook")
    assert run.stdout.count("\n") == 1
