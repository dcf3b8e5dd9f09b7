"""Whether the pictures of all workers fit into the memory of a machine, or of a container."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest
from PIL import Image

from imglab import memory
from imglab.cli import ops, worker
from imglab.errors import ImglabError
from imglab.ops.doctor import examine
from imglab.workers import WorkerPool, WorkerSpec, room
from imglab.workers.room import Room, check_room

GB = 10**9


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine whose memory, in bytes, a test says."""
    monkeypatch.setattr(room, "_said", set())

    def has(size: int) -> None:
        monkeypatch.setattr(room, "machine_memory", lambda: size)

    return has


def test_where_all_fits_nothing_is_said(machine, caplog):
    machine(64 * GB)
    check_room(3)
    assert not caplog.records


def test_a_pool_of_nobody_needs_no_room(machine, caplog):
    check_room(0)
    assert caplog.records == []


def test_where_the_largest_pictures_do_not_fit_one_sentence_says_what_to_do_once(machine, caplog):
    machine(2 * GB)
    check_room(3)
    check_room(3)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "3 workers may need 3.8 GB of memory, with a photograph of 89,478,485 pixels each, and "
        "here there are 2.0 GB: have at most 1 worker here (--workers 1, or WorkerPool(1)), "
        "or refuse larger pictures: export IMGLAB_MAX_PIXELS=45000000."
    )


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
@pytest.mark.parametrize("size", [GB // 4, GB, 2 * GB, 4 * GB])
def test_what_the_sentence_says_helps(workers, size):
    asked = Room(workers, size, memory.DEFAULT_MAX_PIXELS)
    if asked.is_enough:
        return
    assert asked.fitting == 0 or Room(asked.fitting, size, asked.pixels).is_enough
    _, variable, pixels = asked.remedy.rpartition("IMGLAB_MAX_PIXELS=")
    if variable:
        assert Room(workers, size, int(pixels.rstrip("."))).is_enough


def test_workers_that_cannot_even_start_are_refused(machine, project, queue):
    machine(100_000_000)
    with pytest.raises(ImglabError, match=r"4 workers need 120 MB of memory .* at most 3 workers"):
        WorkerPool(4, (), queue).start()
    assert queue.workers() == {}


def test_the_record_of_a_dead_worker_takes_no_room(machine, project, queue, caplog):
    machine(2 * GB)
    dead = subprocess.Popen(["true"])
    dead.wait()
    for number in range(9):
        queue.get_task(f"dead-{number}")
        key = queue.keys.workers
        record = json.loads(queue.redis.hget(key, f"dead-{number}"))
        queue.redis.hset(key, f"dead-{number}", json.dumps(record | {"pid": dead.pid}))
    assert len(queue.workers()) == 9
    worker._check_room(queue, WorkerSpec(name="ann", queue={}), 1)
    assert caplog.text == ""


def test_a_worker_that_may_have_more_memory_than_there_is_is_warned_of(machine, caplog):
    machine(2 * GB)
    check_room(1, max_memory=3 * GB)
    assert "less max-memory" in caplog.text


def test_the_doctor_says_how_many_fit_and_warns_of_those_that_do_not(machine, queue):
    machine(64 * GB)
    (fine,) = [each for each in examine(queue) if "memory of this machine" in each.what]
    assert (fine.level, fine.what.split("room for ")[1].split(",")[0]) == ("ok", "49 workers")
    queue.get_task("here")
    machine(GB)
    (tight,) = [each for each in examine(queue) if "GB of memory" in each.what]
    assert tight.level == "warning"
    assert "IMGLAB_MAX_PIXELS" in tight.remedy


def test_the_doctor_of_a_class_warns_of_a_small_machine(machine, capsys):
    machine(2 * GB)
    ops._print_room()
    assert capsys.readouterr().out.startswith("! 3 workers may need 3.8 GB")
    machine(64 * GB)
    ops._print_room()
    assert capsys.readouterr().out == ""


def in_cgroup(tmp_path, monkeypatch, line: str, files: dict[str, str]) -> int | None:
    """The memory of a machine whose /proc and /sys/fs/cgroup have this in them."""
    proc = tmp_path / "proc/self"
    proc.mkdir(parents=True)
    (proc / "cgroup").write_text(f"3:cpu:/\n{line}\n")
    for name, text in files.items():
        file = tmp_path / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.setattr(memory, "PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")
    return memory.machine_memory()


def test_a_container_has_the_smallest_limit_of_all_that_it_is_in(tmp_path, monkeypatch):
    files = {
        "memory.max": "max\n",
        "pod/memory.max": "50000000\n",
        "pod/one/memory.max": "90000000\n",
    }
    assert in_cgroup(tmp_path, monkeypatch, "0::/pod/one", files) == 50_000_000


def test_the_first_version_of_cgroups_is_read_as_well(tmp_path, monkeypatch):
    files = {
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/pod/memory.limit_in_bytes": "70000000\n",
    }
    assert in_cgroup(tmp_path, monkeypatch, "9:memory:/pod", files) == 70_000_000


def test_without_a_limit_the_machine_s_own_memory_counts(tmp_path, monkeypatch):
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert in_cgroup(tmp_path, monkeypatch, "0::/", {"memory.max": "odd\n"}) == whole


def test_the_limit_on_pixels_is_pillow_s_own_until_somebody_sets_it():
    assert memory.max_pixels() == memory.DEFAULT_MAX_PIXELS == Image.MAX_IMAGE_PIXELS


OPENS = "from imglab import open_image; print(open_image('images/sample.png').size)"


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        ("5400", "(90, 60)"),
        ("5399", "it has more than 5,399 pixels"),
        ("many", "IMGLAB_MAX_PIXELS must be a whole number of pixels, such as 24000000"),
        ("0", "IMGLAB_MAX_PIXELS must be a whole number"),
    ],
)
def test_a_picture_has_at_most_as_many_pixels_as_the_setting_says(project, pixels, words):
    environment = {**os.environ, "IMGLAB_MAX_PIXELS": pixels}
    done = subprocess.run(
        [sys.executable, "-c", OPENS],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert words in done.stdout + done.stderr


def test_workers_refuse_larger_pictures_too(project, queue, monkeypatch):
    monkeypatch.setenv("IMGLAB_MAX_PIXELS", "5399")
    task_id = queue.add_task({"image_path": "images/sample.png"})
    with WorkerPool(1, (), queue) as pool:
        assert pool.join(timeout=30)
    assert "more than 5,399 pixels" in queue.task(task_id).reason


def test_a_setting_that_is_none_is_a_finding_and_no_traceback(queue, monkeypatch):
    monkeypatch.setenv("IMGLAB_MAX_PIXELS", "many")
    findings = [each for each in examine(queue) if "IMGLAB_MAX_PIXELS" in each.what]
    assert [each.level for each in findings] == ["warning"]
    with pytest.raises(ImglabError, match="IMGLAB_MAX_PIXELS"):
        check_room(1)
