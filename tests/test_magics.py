"""What a notebook shows of Redis itself: the key space, %redis and %monitor."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import threading
import time
from contextlib import closing

import nbformat
import pytest
from helpers.clock import until
from helpers.notebooks import as_in_a_notebook
from helpers.project import ROOT
from nbclient import NotebookClient

from imglab.console import magics
from imglab.errors import ImglabError
from imglab.views.key_space import boxes, keys, live_keys


@pytest.fixture
def busy(queue):
    """A queue with a task in nearly each place, known to the magics."""
    queue.add_task({"image_path": "images/<b>.jpg"}, task_id="t1")
    queue.add_task({}, task_id="t2", priority="high")
    queue.add_task({}, task_id="t3", delay=100)
    queue.mark_completed(queue.get_task("worker-1"), {"n": 1})
    magics.use(queue)
    yield queue
    magics._chosen.clear()


def test_the_key_space_has_every_key_of_the_queue_and_no_other(busy):
    busy.redis.set("foreign", "x")
    space = keys(busy)
    names = {key.name.removeprefix(busy.namespace) for key in space.keys}
    own = {f"image_processing:{each}" for each in ("pending", "delayed", "completed", "wake")}
    own |= {f"image_processing:{each}" for each in ("workers", "events", "meta")}
    assert names == own | {"task:t1", "task:t2", "task:t3", "result:t2"}
    assert {busy.namespace + name for name in names} == set(busy.redis.keys(busy.namespace + "*"))
    busy.redis.delete("foreign")


def test_a_key_shows_its_type_length_ttl_and_first_entries(busy):
    by_name = {key.name.removeprefix(busy.namespace): key for key in keys(busy).keys}
    pending, result = by_name["image_processing:pending"], by_name["result:t2"]
    assert (pending.kind, pending.length, pending.ttl) == ("list", 1, None)
    assert pending.value == '1) "t1"'
    assert (result.kind, result.length) == ("hash", 2)
    assert 86_000 < result.ttl <= 86_400
    assert '"result"' in result.value
    assert by_name["image_processing:delayed"].value.startswith('1) "t3"\n2) "')


def test_the_key_space_reads_as_text(busy):
    text = str(keys(busy))
    assert f'{busy.namespace}image_processing:pending  list, 1 long\n    1) "t1"' in text
    assert re.search(r"result:t2  hash, 2 long, gone in 86,\d\d\d s\n", text)


def test_many_keys_are_counted_and_not_all_shown(busy):
    busy.add_tasks([{}] * 100)
    space = keys(busy, limit=20)
    assert len(space.keys) == 20
    assert space.more == len(list(busy.redis.scan_iter(busy.namespace + "*"))) - 20
    assert f"and {space.more} more keys" in str(space)


def test_in_a_notebook_the_key_space_is_a_table_with_lists_between_their_ends(busy):
    for number in range(5):
        busy.add_task({}, task_id=f"n{number}")
    space = keys(busy)
    table = re.sub(r"<[^>]+>", " ", space._repr_html_())
    assert f"{busy.namespace}image_processing:pending  list, 6  " in table
    assert "left ┤ n4 │ n3 │ n2 │ n1 │ … ├ right" in table
    assert "payload: {&quot;image_path&quot;:&quot;images/&lt;b&gt;.jpg&quot;}" in table
    assert re.search(r"result:t2  hash, 2  gone in 86,\d\d\d s  result: ", table)
    assert boxes([]) == "left ┤  ├ right"
    # In words, it is the same whenever the queue is: no value, for it may hold a time.
    assert f"{busy.namespace}task:t1  hash, 6 long" in repr(space).splitlines()
    assert "0 s" not in repr(space)


def test_a_pattern_chooses_other_keys(busy):
    client, line = busy.redis, busy.namespace + "line"
    assert repr(keys(busy, pattern=line + "*")) == "no keys"
    client.rpush(line, "a", "b")
    assert keys(busy, pattern=line + "*")._repr_html_().count("left ┤ a │ b ├ right") == 1
    assert str(keys(busy, limit=0, pattern=line)) == "and 1 more keys"


def test_the_key_space_is_drawn_anew_while_somebody_works(busy, monkeypatch):
    pictures = []
    as_in_a_notebook(monkeypatch, lambda *_, **__: Screen(pictures))
    with live_keys(busy) as view:
        busy.add_task({}, task_id="late")
        until(lambda: pictures and "late" in pictures[-1])
        monkeypatch.setattr("imglab.views.key_space.keys", refuse)
        until(lambda: pictures[-1] == "away")
    frames = view.frames
    view.stop()
    assert view.frames == frames


class Screen:
    def __init__(self, pictures):
        self.pictures = pictures

    def update(self, bundle, raw):
        assert bundle["text/plain"] == "<live queue view>"
        self.pictures.append(bundle["text/html"])


def refuse(*_, **__):
    raise ImglabError("away")


def test_redis_prints_what_redis_cli_would(busy, capsys):
    magics.redis(f"LRANGE {busy.namespace}image_processing:pending 0 -1")
    assert capsys.readouterr().out == '1) "t1"\n'
    magics.redis("", f"# both lines\nTYPE {busy.namespace}task:t1\nNO_SUCH_COMMAND\n")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"> TYPE {busy.namespace}task:t1", "hash"]
    assert lines[3].startswith("(error) ERR unknown command")


@pytest.mark.parametrize("line", ['GET "no end', ""])
def test_a_line_that_is_no_command_is_no_traceback(busy, capsys, line):
    magics.redis(line)
    assert "Traceback" not in capsys.readouterr().out


def watchers(queue) -> set[str]:
    """The connections that watch all commands."""
    return {each["id"] for each in queue.redis.client_list() if each["cmd"] == "monitor"}


def test_monitor_names_the_worker_and_the_script_behind_each_command(busy):
    before = watchers(busy)

    def work():
        until(lambda: watchers(busy) - before)
        busy.mark_completed(busy.get_task("worker-7"), {"n": 7})
        busy.get_stats()
        busy.redis.echo("that was all")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    lines = []
    with closing(magics.watch(seconds=30)) as watch:
        for line in watch:
            lines.append(line)
            if "that was all" in line:
                break
    thread.join()
    text = "\n".join(lines)
    assert "worker-7         get_tasks worker-7" in text
    assert "worker-7         mark_completed t1" in text
    assert "in a script      HGET" in text
    assert busy.namespace + "image_processing:pending" in text


def test_monitor_ends_after_so_many_commands(busy):
    stop = threading.Event()

    def chat():
        while not stop.is_set():
            busy.redis.ping()
            time.sleep(0.01)

    thread = threading.Thread(target=chat, daemon=True)
    thread.start()
    try:
        assert len(list(magics.watch(seconds=20, commands=5))) == 5
    finally:
        stop.set()
        thread.join()


def test_a_wrong_monitor_says_how_to_write_it(capsys):
    magics.monitor("often")
    assert "Write %monitor 20" in capsys.readouterr().out


def test_a_saved_cell_is_a_module_here_and_in_other_processes(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("IMGLAB_ROOT", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)  # as it is for most people
    (tmp_path / "output").mkdir()
    for number in (1, 2):
        magics.save("output/lesson/saved_here.py", f"NUMBER = {number}\n")
        assert number == importlib.import_module("saved_here").NUMBER
    assert capsys.readouterr().out == 2 * "Saved output/lesson/saved_here.py: 1 lines.\n"
    asked = [sys.executable, "-c", "import saved_here; print(saved_here.NUMBER)"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "2\n"
    assert sys.path.count(str(tmp_path / "output/lesson")) == 1
    before = tmp_path / "output/lesson/saved_here.py.before"
    assert before.read_text() == "NUMBER = 1\n", "what was there is kept"


@pytest.mark.parametrize("path", ["../elsewhere.py", "images/cat.py", ""])
def test_a_cell_is_saved_below_output_only(tmp_path, monkeypatch, capsys, path):
    monkeypatch.setenv("IMGLAB_ROOT", str(tmp_path))
    magics.save(path, "NUMBER = 1\n")
    assert capsys.readouterr().out.startswith("(error) ")
    assert not list(tmp_path.rglob("*.py"))


@pytest.fixture
def importing(tmp_path, monkeypatch):
    """A project whose output folder Python may come to search."""
    monkeypatch.setenv("IMGLAB_ROOT", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "output").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", ["queue", "random", "redis", "PIL", "imglab", "sys"])
@pytest.mark.parametrize("path", ["output/lesson/{name}.py", "output/{name}/__init__.py"])
def test_a_saved_program_never_hides_a_module_that_others_import(importing, capsys, name, path):
    magics.save(path.format(name=name), "NUMBER = 1\n")
    said = capsys.readouterr().out
    assert said.startswith(f"(error) {name} is the name of a module that others import")
    assert f"such as my_{name}.py" in said
    assert not list(importing.rglob("*.py"))
    assert not any(str(importing) in path for path in sys.path)


def test_a_saved_program_may_have_the_name_of_another_in_output(importing, capsys):
    for folder in ("lesson-04", "lesson-08", "lesson-04"):
        magics.save(f"output/{folder}/careless_here.py", f"FOLDER = {folder!r}\n")
    assert capsys.readouterr().out.count("Saved ") == 3


def test_a_saved_text_that_is_no_program_takes_no_module_away(importing):
    json = importlib.import_module("json")
    magics.save("output/lesson/json.txt", "{}\n")
    assert importlib.import_module("json") is json
    assert str(importing / "output/lesson") not in sys.path


def test_the_magics_work_in_a_kernel(busy, valkey):
    cells = [
        "%load_ext imglab.console",
        f"%redis LLEN {busy.namespace}image_processing:pending",
        f"%%redis\nTYPE {busy.namespace}task:t1\nHGET {busy.namespace}task:t1 status",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    environment = {"IMGLAB_REDIS_URL": valkey.url, "IMGLAB_ROOT": str(ROOT)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        NotebookClient(book, timeout=60, kernel_name="python3").execute()
    printed = ["".join(each.text for each in cell.outputs) for cell in book.cells]
    assert printed[1] == "(integer) 1\n"
    assert printed[2].splitlines()[1::2] == ["hash", '"pending"']
