"""The same tasks on Dask: a real scheduler and real workers, killed in the middle."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from distributed import Client
from helpers.clock import until
from helpers.engines import LONG, flaky_tasks, following, statuses, tasks, working
from helpers.processes import started
from helpers.server import free_port
from helpers.terminal import IMGLAB, imglab, refused

from imglab.engines import follow, open_engine
from imglab.engines.engine import MAX_TRIES
from imglab.engines.with_dask import _answers
from imglab.errors import ImglabError, QueueUnavailable
from imglab.imaging import open_image

# Dask asks for the size of what it sends by calls that its own dependencies call old.
pytestmark = [pytest.mark.timeout(900), pytest.mark.filterwarnings("default")]

QUEUE = "image_processing"


@pytest.fixture
def address(monkeypatch) -> str:
    """Where a scheduler of this test is, for whoever asks for one."""
    address = f"tcp://127.0.0.1:{free_port()}"
    monkeypatch.setenv("IMGLAB_DASK", address)
    return address


@pytest.mark.photographs("sample.jpg", "rocket.jpg")
def test_a_folder_is_filtered_with_manifest_and_reasons_as_ours(project, address):
    (project / "images" / "broken.jpg").write_text("no picture")
    with working("dask", project):
        told = imglab(
            "submit", "images", "--engine", "dask", "--batch", "b", "--filters", "grayscale"
        )
    assert "b: 3 of 3 ended: 2 completed, 1 failed." in told
    lines = [json.loads(line) for line in (project / "b.jsonl").read_text().splitlines()]
    by_name = {line["image_path"]: line for line in lines}
    assert "it is not an image" in by_name["images/broken.jpg"]["reason"]
    rocket = open_image(project / by_name["images/rocket.jpg"]["output_path"])
    assert rocket.size == open_image(project / "images" / "rocket.jpg").size


def test_one_worker_s_life_of_failures_and_deaths(project, address):
    """One worker for all of it: to start one takes longer than the tasks."""
    with (
        working("dask", project, "--import", "imglab.classroom.troublemakers") as workers,
        open_engine("dask", address, QUEUE) as engine,
    ):
        # The same task once more is another one, however soon it comes.
        for _ in range(10):
            (ending,) = follow(engine, tasks("grayscale"), LONG)
            assert ending.status == "completed"
            (project / "output" / "sample.png").unlink()

        # A failure that may pass is tried again, and one that stays is told.
        (project / "marks").mkdir()
        endings = list(follow(engine, flaky_tasks(2, 9), LONG))
        assert statuses(endings) == {"2": "completed", "9": "failed"}
        reasons = [each.reason for each in endings if each.status == "failed"]
        assert reasons == ["RuntimeError: failure 3 of 9, as planned"]

        # What a killed worker had in its hands, its successor does.
        with following(engine, tasks("hold")) as heard:
            until((project / "begun").exists, LONG)
            workers.kill_child()
            (project / "go").touch()
            (ending,) = heard.result(LONG)
        assert ending.status == "completed"

        # A task that kills its worker is given up.
        (ending,) = follow(engine, tasks("deadly"), LONG)
        assert ending.reason == "crashed: its worker died 3 times"
        assert (project / "deaths").read_text() == "xxx"

        # Who stops listening takes the work along: what nobody had begun is gone, and another
        # task is next.
        (project / "go").unlink()
        found = []
        with pytest.raises(ImglabError, match=r"No result came for 0\.5 s"):
            found += follow(engine, [(each, tasks("hold")[0][1]) for each in "abc"], 0.5)
        (project / "go").touch()
        (ending,) = follow(engine, tasks("grayscale"), LONG)
    assert ending.status == "completed"


def test_who_is_killed_takes_along_what_nobody_has_begun(project, address):
    for name in ("b", "c"):
        shutil.copy(project / "images" / "sample.png", project / "images" / f"{name}.png")
    with working("dask", project, "--filters", "hold"):
        command = [*IMGLAB, "submit", "images", "--engine", "dask", "--batch", "killed"]
        with started(*command, cwd=project):
            until((project / "begun").exists, LONG)
        with Client(address, set_as_default=False) as observer:
            # The scheduler has heard of it, and forgot what it had been given.
            until(lambda: not any(observer.processing().values()), LONG)
        (project / "images" / "b.png").unlink()
        (project / "images" / "c.png").unlink()
        (project / "go").touch()
        imglab("submit", "images", "--engine", "dask", "--batch", "next")
    assert len(list((project / "output").glob("killed/*"))) <= 1
    assert len(list((project / "output").glob("next/*"))) == 1


def test_with_the_scheduler_everything_is_lost_and_the_same_tasks_can_be_sent_again(
    project, address
):
    with working("dask", project) as workers, open_engine("dask", address, QUEUE) as engine:
        some = [(str(number), tasks("hold")[0][1]) for number in range(5)]
        with following(engine, some) as heard:
            until((project / "begun").exists, LONG)
            workers.kill_all()
            (project / "go").touch()
            with pytest.raises(QueueUnavailable, match=r"is gone, and with it every task"):
                heard.result(LONG)
    with working("dask", project), open_engine("dask", address, QUEUE) as engine:
        endings = list(follow(engine, some, LONG))
    assert statuses(endings) == {str(number): "completed" for number in range(5)}


@pytest.fixture
def others_scheduler(address, tmp_path) -> Iterator[subprocess.Popen[bytes]]:
    """A scheduler that is not imglab's, with Dask's own settings."""
    port = address.rpartition(":")[2]
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    command += ["--port", port, "--no-dashboard"]
    process = subprocess.Popen(command, cwd=tmp_path)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_scheduler_of_somebody_else_counts_for_itself_and_is_missed_when_it_is_gone(
    project, others_scheduler, address
):
    until(lambda: asyncio.run(_answers(address)), LONG)
    with working("dask", project) as workers:
        with open_engine("dask", address, QUEUE) as engine:
            (ending,) = follow(engine, tasks("deadly"), LONG)
            # The successor of the dead worker is there.
            (next_one,) = follow(engine, tasks("grayscale"), LONG)
        assert next_one.status == "completed"
        deaths = len((project / "deaths").read_text())
        assert ending.reason == f"crashed: its worker died {deaths} times"
        assert deaths != MAX_TRIES
        others_scheduler.kill()
        assert workers.process.wait(LONG) == 1
    told = workers.log.read_text()
    assert f"the Dask scheduler at {address} have ended by themselves" in told


def test_a_scheduler_that_is_away_is_a_sentence_on_both_sides(project, address, monkeypatch):
    submit = ("submit", "images", "--engine", "dask", "--batch", "b")
    worker = ("worker", "--engine", "dask")
    assert f"No Dask scheduler answers at {address}" in refused(*submit)
    nowhere = "tcp://nowhere.invalid:8786"
    assert f"No Dask scheduler answers at {nowhere}" in refused(*worker, IMGLAB_DASK=nowhere)
    wrong = "tcp://127.0.0.1:99999"
    words = f"The port in {wrong} is none: it is a whole number from 1 to 65535."
    assert words in refused(*worker, IMGLAB_DASK=wrong)
    assert words in refused(*submit, IMGLAB_DASK=wrong)
    too_long = f"tcp://{'x' * 70}:1"
    assert f"No Dask scheduler answers at {too_long}" in refused(*worker, IMGLAB_DASK=too_long)
    assert "The port in 127.0.0.1:0 is none" in refused(*submit, IMGLAB_DASK="127.0.0.1:0")
    for wrong in ("tls://127.0.0.1:1", "tcp://127.0.0.1:\uff11"):
        assert f"No Dask scheduler answers at {wrong}" in refused(*submit, IMGLAB_DASK=wrong)
    assert "No Dask scheduler answers at 8786x" in refused(*worker, IMGLAB_DASK="8786x")
    assert "No Dask scheduler answers at http://x" in refused(*submit, IMGLAB_DASK="http://x")
    assert not (project / "b.jsonl").exists()
