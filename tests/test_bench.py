"""The bench: each lamp is green for what really happened, red with a sentence; nothing is left."""

from __future__ import annotations

import os
import re
import shutil
import threading
from types import SimpleNamespace

import nbformat
import psutil
import pytest
from helpers.notebooks import as_in_a_notebook, without_tags
from helpers.project import PHOTOGRAPHS
from helpers.server import free_port
from nbclient import NotebookClient

from imglab.classroom import setup_check as module
from imglab.classroom.setup_check import Bench, bench
from imglab.queues import RedisTaskQueue
from imglab.queues.connection import connect

NAMES = ["Python and packages", "photographs", "Redis", "worker process", "round trip", "live view"]
NO_REDIS = ["green", "green", "red", "not tried", "not tried", "not tried"]

pytestmark = [pytest.mark.usefixtures("project"), pytest.mark.photographs(*PHOTOGRAPHS)]


@pytest.fixture(autouse=True)
def left_over(valkey):
    """Nothing that a bench started may be there after it."""
    yield
    with connect(url=valkey.url) as client:
        assert list(client.scan_iter("bench:*")) == []
    assert not [each for each in threading.enumerate() if each.name in ("live view", "pool")]
    commands = [each.cmdline() for each in psutil.Process().children(recursive=True)]
    assert not [each for each in commands if "imglab.workers" in each]


@pytest.fixture
def shown(monkeypatch):
    """What a notebook would have been shown, in its order."""
    bundles = []

    def display(bundle, **_):
        bundles.append(bundle)
        return SimpleNamespace(update=lambda bundle, **_: bundles.append(bundle))

    as_in_a_notebook(monkeypatch, display)
    return bundles


def states(lamps: Bench) -> list[str]:
    assert list(lamps.lamps) == NAMES
    return [state for state, _ in lamps.lamps.values()]


def words(lamps: Bench, name: str) -> str:
    return lamps.lamps[name][1]


def text_of(html: str) -> str:
    """The words of a picture, each one space from the next."""
    return " ".join(without_tags(html, " ").split())


def test_all_lamps_are_green_where_all_is_well(valkey, shown, project):
    lamps = bench(valkey.url)
    assert states(lamps) == ["green"] * 6, lamps.lamps
    assert repr(lamps).splitlines() == [f"{n} {name}: green" for n, name in enumerate(NAMES, 1)]
    assert words(lamps, "Python and packages").startswith("Python 3.")
    assert words(lamps, "photographs").startswith("6 in images/")
    assert "PONG" in words(lamps, "Redis")
    pid = int(re.search(r"process (\d+)", words(lamps, "worker process"))[1])
    assert not psutil.pid_exists(pid)
    assert (project / "output/bench/drawing.png").exists()
    times = int(re.search(r"drew it (\d+) times", words(lamps, "live view"))[1])
    assert 3 <= times <= len(shown)


def test_the_lamps_light_one_after_the_other(valkey, shown):
    bench(valkey.url)
    greens = [text_of(bundle["text/html"]).count("● green") for bundle in shown]
    assert greens == sorted(greens)
    assert greens[0] == 0
    assert greens[-1] == 6
    assert "○ waiting" in text_of(shown[0]["text/html"])


def test_the_picture_is_a_table_of_text_in_words_and_signs(shown):
    bench(f"redis://localhost:{free_port()}")
    last = shown[-1]
    assert last["text/plain"] == "<bench>"
    html = last["text/html"]
    assert html.startswith('<table class="imglab-bench"')
    assert html.endswith("</tr></table>")
    assert not re.search(r"<(?!/?(table|tr|td|th|span)\b)", html)
    rows = [text_of(row) for row in html.split("</tr>")[:-1]]
    assert len(rows) == 6
    for row, name, state in zip(rows, NAMES, NO_REDIS, strict=True):
        sign = {"green": "●", "red": "✕", "not tried": "○"}[state]
        assert f"{name} {sign} {state}" in row


def test_a_photograph_that_does_not_come_back_in_time_is_a_red_lamp_and_says_so(
    valkey, monkeypatch
):
    monkeypatch.setattr(module, "ROUND_TRIP_TIMEOUT", 0.0)  # no worker is as quick
    lamps = bench(valkey.url)
    assert lamps.lamps["round trip"].state == "red"
    assert words(lamps, "round trip") == "The photograph did not come back within 0 seconds."


def test_a_redis_that_is_not_there_is_a_red_lamp_and_a_sentence():
    port = free_port()
    lamps = bench(f"redis://localhost:{port}")
    assert states(lamps) == NO_REDIS
    assert words(lamps, "Redis").startswith(f"No Redis answers at localhost:{port} (")
    assert "Connection refused" in words(lamps, "Redis")
    assert "imglab server start" in words(lamps, "Redis")
    assert words(lamps, "round trip") == "it needs: photographs, worker process"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://localhost:6379", "This is not the address of a Redis."),
        ("localhost:6379", "This is not the address of a Redis."),
        ("redis://nobody.invalid:6379", "No Redis answers at nobody.invalid:6379"),
    ],
)
def test_a_wrong_address_is_a_sentence_too(url, sentence):
    lamps = bench(url)
    assert states(lamps) == NO_REDIS
    assert sentence in words(lamps, "Redis")


def test_a_wrong_password_is_told_from_a_missing_redis(own_server):
    with connect(url=own_server.url) as client:
        client.config_set("requirepass", "secret")
    lamps = bench(own_server.url)
    assert states(lamps) == NO_REDIS
    assert "asks for a password" in words(lamps, "Redis")
    right = own_server.url.replace("://", "://:secret@")
    assert states(bench(right))[:5] == ["green"] * 5


def test_without_a_notebook_only_the_view_is_missing(valkey):
    lamps = bench(valkey.url)
    assert states(lamps) == ["green"] * 5 + ["red"]
    assert "JupyterLab" in words(lamps, "live view")


def test_without_photographs_redis_and_the_worker_are_green_all_the_same(valkey, project):
    shutil.rmtree(project / "images")
    lamps = bench(valkey.url)
    assert states(lamps) == ["green", "red", "green", "green", "not tried", "not tried"]
    assert "make lab" in words(lamps, "photographs")


def test_a_broken_photograph_is_a_sentence(valkey, project):
    shutil.rmtree(project / "images")
    (project / "images").mkdir()
    (project / "images/cat.jpg").write_bytes(b"no picture")
    lamps = bench(valkey.url)
    assert states(lamps)[1] == "red"
    assert "cat.jpg: it is not an image" in words(lamps, "photographs")


def test_a_worker_that_does_not_start_is_told_by_its_last_words(valkey, monkeypatch, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no such thing\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr("imglab.workers.launch.sys", SimpleNamespace(executable=str(broken)))
    lamps = bench(valkey.url)
    assert states(lamps) == ["green", "green", "green", "red", "not tried", "not tried"]
    assert words(lamps, "worker process") == (
        "bench-1 did not start. Its last words: no such thing no such thing no such thing"
    )


def test_whatever_else_is_wrong_is_no_traceback_either(valkey, monkeypatch):
    monkeypatch.setattr(module, "PACKAGES", ("no-such-package",))
    lamps = bench(valkey.url)
    assert states(lamps)[:5] == ["red", *["green"] * 4]
    assert re.search(r"no-such-package .*: run `make lab` once more", lamps.lamps[NAMES[0]][1])


def test_a_result_that_is_not_the_filtered_photograph_is_red(valkey, monkeypatch):
    monkeypatch.setattr(module.FILTERS.__class__, "apply", lambda self, image: image)
    lamps = bench(valkey.url)  # the worker is another process, and filters as ever
    assert states(lamps)[4:] == ["red", "not tried"]
    assert "is not what the filters make of" in words(lamps, "round trip")


def test_a_redis_that_goes_away_meanwhile_is_a_red_lamp(own_server, monkeypatch):
    def wait(*_, **__):
        own_server.kill()
        return original(*_, **__)

    original = RedisTaskQueue.wait
    monkeypatch.setattr(RedisTaskQueue, "wait", wait)
    monkeypatch.setattr(module, "ROUND_TRIP_TIMEOUT", 2.0)
    lamps = bench(own_server.url)
    assert states(lamps)[4:] == ["red", "not tried"]
    assert "No Redis answers" in words(lamps, "round trip")


def test_an_interrupt_leaves_nothing_either(valkey, shown, monkeypatch):
    def wait(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(RedisTaskQueue, "wait", wait)
    with pytest.raises(KeyboardInterrupt):
        bench(valkey.url)


def test_its_name_for_the_projects_own_server_is_the_empty_one(valkey, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    assert states(bench())[:5] == ["green"] * 5


def test_in_a_notebook_the_last_picture_stays(valkey, project):
    cell = nbformat.v4.new_code_cell(
        f"from imglab.classroom.setup_check import bench\nlamps = bench({valkey.url!r})\nlamps"
    )
    client = NotebookClient(nbformat.v4.new_notebook(cells=[cell]), timeout=60)
    client.execute(env={**os.environ, "IMGLAB_ROOT": str(project)})
    view, value = cell.outputs
    assert view.data["text/plain"] == "<bench>"
    assert text_of(view.data["text/html"]).count("● green") == 6
    assert value.data["text/plain"].count("green") == 6
