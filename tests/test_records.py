"""The recorded runs: a lesson's plan B, from a real run, wherever imglab is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from helpers.notebooks import without_tags
from helpers.project import ROOT
from nbclient import NotebookClient

from imglab.errors import ImglabError
from imglab.queues.vocabulary import impossible_steps
from imglab.views import recordings as module
from imglab.views.frames import PLACES, frames
from imglab.views.recordings import recorded
from imglab.views.runs import Runs

RECORDS = Path(module.__file__).with_name("records")
NAMES = sorted(path.stem for path in RECORDS.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_a_record_tells_what_may_happen_in_the_order_of_time(name):
    events = recorded(name)
    assert impossible_steps(events) == []
    times = [event["at"] for event in events]
    assert times == sorted(times)
    assert {event["event"] for event in events if event["task"] == events[0]["task"]} >= {"added"}


def test_many_workers_is_15_photographs_3_workers_and_one_kill():
    events = recorded("many_workers")
    steps = [(event["event"], event["task"]) for event in events]
    assert len({task for step, task in steps if step == "added"}) == 15
    assert len({task for step, task in steps if step == "completed"}) == 15
    assert {event["worker"] for event in events if event["event"] == "claimed"} == {
        *("worker-1", "worker-2", "worker-3")
    }
    (lost,) = [task for step, task in steps if step == "expired"]
    life = [step for step, task in steps if task == lost]
    assert life == [*("added", "claimed", "expired", "delayed", "promoted", "claimed", "completed")]


def test_the_task_is_lost_in_the_middle_of_the_run_and_its_worker_comes_back():
    events = recorded("many_workers")
    (at,) = [n for n, event in enumerate(events) if event["event"] == "expired"]
    done = [event["event"] for event in events[:at]].count("completed")
    assert 3 <= done <= 12
    killed = events[at]["worker"]
    assert any(each["event"] == "completed" and each["worker"] == killed for each in events[at:])


def test_its_last_frame_and_its_charts_say_that_nothing_was_lost():
    events = recorded("many_workers")
    last = list(frames(events))[-1]
    assert last.counts == {**dict.fromkeys(PLACES, 0), "completed": 15}
    assert last.total == 15
    assert len(Runs.of(events).completed) == 15
    assert len(Runs.of(events).runs) == 16


def test_it_replays_where_there_is_no_redis(monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", "redis://127.0.0.1:1")
    cell = nbformat.v4.new_code_cell(
        "from imglab.views import recorded, replay\n"
        "film = replay(recorded('many_workers'), 'plan B')"
    )
    book = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(book, timeout=60, kernel_name="python3").execute()
    pages = [each.data.get("text/html", "") for each in book.cells[0].outputs]
    text = without_tags("".join(pages))
    assert "plan B" in text
    assert re.search(r"completed.*15failed0", text)


def test_a_name_without_a_record_is_refused_with_those_there_are():
    with pytest.raises(ImglabError, match="no record 'cats'; there are many_workers"):
        recorded("cats")


def test_a_record_names_no_file_and_is_small_and_has_an_event_a_line():
    for path in RECORDS.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert len(text) < 20_000
        assert "/" not in text
        assert len(text.splitlines()) == len(recorded(path.stem)) + 2


def test_an_installed_package_finds_its_records_beside_its_code(tmp_path):
    shutil.copytree(ROOT / "imglab", tmp_path / "site" / "imglab")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "from imglab.views import recordings\n"
        f"print(recordings.__file__, *(len(recordings.recorded(name)) for name in {NAMES}))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    assert said[0].startswith(str(tmp_path))
    assert said[1:] == [str(len(recorded(name))) for name in NAMES]


def test_git_does_not_ignore_the_records_so_the_wheel_has_them():
    """The wheel is the folder imglab/ without what git ignores."""
    asked = [str(path.relative_to(ROOT)) for path in RECORDS.glob("*.json")]
    ignored = subprocess.run(
        ["git", "check-ignore", *asked], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ignored.stdout == ""
