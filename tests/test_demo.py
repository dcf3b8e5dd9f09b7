"""The main job in three ways: equal work, figures that follow from the times, equal pictures."""

from __future__ import annotations

import pytest
from PIL import Image

from imglab.classroom import demo
from imglab.classroom.demo import Demo, Stage
from imglab.errors import ImglabError


def test_s13_the_figures_follow_from_the_times():
    stages = (
        Stage("one by one", 1, 6.0, 1.0, {"main": 15}),
        Stage("3 processes", 3, 2.5, 2.4, {"worker-1": 5, "worker-2": 6, "worker-3": 4}),
    )
    measured = Demo(15, "blur", 2, stages)
    alone, shared = measured.as_dict()["stages"]
    assert (alone["efficiency"], alone["throughput"]) == (1.0, 2.5)
    assert (shared["efficiency"], shared["throughput"]) == (0.8, 6.0)
    last = str(measured).splitlines()[-1]
    assert last.split() == ["3", "processes", "2.5", "s", "2.4×", "80%", "6.0", "/s"]


@pytest.mark.photographs("sample.jpg", "camera.jpg")
def test_s11_s13_the_three_ways_do_the_same_work_and_say_who_did_how_many(project, queue):
    measured = demo.run(queue, tasks=4, workers=2, filters="edges", pixels=10_000)
    names = [stage.name for stage in measured.stages]
    assert names == ["one by one", "2 threads", "2 processes"]
    alone, threads, processes = measured.stages
    assert list(threads.shares) == ["thread-1", "thread-2"]
    assert list(processes.shares) == ["worker-1", "worker-2"]
    for stage in measured.stages:
        assert sum(stage.shares.values()) == 4
        assert stage.speed_up == alone.seconds / stage.seconds
        assert stage.efficiency == stage.speed_up / len(stage.shares)


def test_s13_ways_that_do_not_agree_in_every_pixel_are_an_error(tmp_path):
    folders = [tmp_path / name for name in ("threads", "processes")]
    for folder in folders:
        folder.mkdir()
        Image.new("RGB", (4, 4)).save(folder / "same.png")
        Image.new("RGB", (4, 4)).save(folder / "other.png")
    demo._compare(folders, ["same.png", "other.png"])
    with Image.open(folders[1] / "other.png") as image:
        image.putpixel((3, 3), (0, 0, 1))
        image.save(folders[1] / "other.png")
    with pytest.raises(
        ImglabError, match=r"processes/other\.png differs from .*threads/other\.png"
    ):
        demo._compare(folders, ["same.png", "other.png"])
