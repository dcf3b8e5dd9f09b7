"""Folders of photographs as a batch: found, added once, filtered, and told of one by one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from helpers.clock import until
from helpers.processes import started
from helpers.server import redis_queue
from helpers.terminal import IMGLAB, imglab, refused, run_alone
from PIL import Image

from imglab import RedisTaskQueue, RedisWorker, TaskQueue
from imglab.batches import Plan, find, named, photograph, progress_of, reasons, submit
from imglab.batches.photograph import NO_FILE
from imglab.batches.report import manifest
from imglab.batches.submit import ON_SHEET, EvenSample
from imglab.errors import ImageError, QueueError, QueueFull, QueueUnavailable
from imglab.imaging import FilterPipeline
from imglab.queues import QueueSettings
from imglab.queues.batches import CHUNK
from imglab.storage import Folders

pytestmark = pytest.mark.photographs("sample.jpg", "camera.jpg")

EDGES = [{"name": "edges"}]


@pytest.fixture
def tree(project):
    """Photographs in folders, and what else lies in folders of photographs."""
    images = project / "images"
    for folder in ("day 1", "day 2/evening", ".hidden"):
        (images / folder).mkdir(parents=True)
        shutil.copy(images / "sample.jpg", images / folder / "sample.jpg")
    (images / "notes.txt").write_text("no picture")
    (images / "._sample.jpg").write_bytes(b"what macOS notes")
    (images / "day 1" / "broken.jpg").write_text("no picture either")
    (images / "link").symlink_to(images / "day 1")
    return images


@pytest.fixture
def queue(valkey):
    with redis_queue(valkey, QueueSettings(max_attempts=1)) as queue:
        yield queue


@pytest.fixture
def terminal(project, own_server, monkeypatch):
    """A terminal in the project, with a Redis that nobody else uses."""
    monkeypatch.setenv("IMGLAB_REDIS_URL", own_server.url)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")


def work(queue, project):
    """Do all there is."""
    worker = RedisWorker("ann", FilterPipeline([]), queue, storage=Folders.of_project())
    worker.start()
    return project / "output"


def insides(found):
    return sorted(each.inside for each in found)


# Finding


def test_photographs_are_found_below_a_folder_and_what_is_none_is_counted(tree):
    found = find([tree])
    assert insides(found) == [
        "camera.jpg",
        "day 1/broken.jpg",
        "day 1/sample.jpg",
        "day 2/evening/sample.jpg",
        "sample.jpg",
    ]
    assert sum(found.left_out.values()) == 3, "a text, a dot, a link to a folder"


def test_of_several_folders_each_keeps_its_place(tree):
    assert insides(find([tree / "day 1", tree / "day 2"])) == [
        "images/day 1/broken.jpg",
        "images/day 1/sample.jpg",
        "images/day 2/evening/sample.jpg",
    ]


def test_no_two_photographs_share_a_place_however_they_are_named(tree):
    names = [str(path) for path in tree.rglob("sample.jpg")]
    for found in (find(names), named(names), find([tree / "day 1", tree / "day 2/evening"])):
        places = insides(found)
        assert len(set(places)) == len(places) > 1


def test_a_file_may_stand_beside_a_folder_and_shares_no_place_with_what_is_in_it(tree, project):
    shutil.copy(tree / "sample.jpg", project / "sample.jpg")
    assert insides(find([tree / "day 1", project / "sample.jpg"])) == [
        "images/day 1/broken.jpg",
        "images/day 1/sample.jpg",
        "sample.jpg",
    ]


def test_what_is_not_below_the_current_folder_has_places_of_its_own(tree, tmp_path, monkeypatch):
    here = tree / "day 2"
    beside = here / str(tree).lstrip("/") / "sample.jpg"
    looks_so = here / "elsewhere" / "disk" / str(tree).lstrip("/") / "sample.jpg"
    for path in (beside, looks_so):
        path.parent.mkdir(parents=True)
        shutil.copy(tree / "sample.jpg", path)
    monkeypatch.chdir(here)
    three = [tree / "sample.jpg", beside, looks_so]
    for found in (find(three), named(map(str, three)), find([here, tree / "sample.jpg"])):
        places = insides(found)
        assert len(set(places)) == len(places) >= 3


def test_a_place_that_there_is_not_is_named_before_anything_is_found(tree):
    with pytest.raises(ImageError, match="nowhere is no file and no folder"):
        find([tree, tree / "nowhere"])


def test_names_are_taken_as_they_come_relative_ones_from_here(tree, monkeypatch):
    monkeypatch.chdir(tree)
    names = ["camera.jpg", str(tree / "day 1/sample.jpg"), "gone.jpg", "notes.txt", "./sample.jpg"]
    found = named(iter(names))
    assert [each.path for each in found] == [
        str(tree / "camera.jpg"),
        str(tree / "day 1/sample.jpg"),
        str(tree / "sample.jpg"),
    ]
    assert sum(found.left_out.values()) == 2


def test_what_is_called_like_a_picture_and_is_no_file_is_left_out(tree):
    (tree / "folder.jpg").symlink_to(tree / "day 1")
    os.mkfifo(tree / "pipe.jpg")
    found = find([tree])
    assert len(list(found)) == 5
    assert found.left_out[NO_FILE] == 2


def test_each_reason_to_leave_something_out_has_words_for_people():
    known = (value for name, value in vars(photograph).items() if name.isupper())
    told = [reasons.in_words(each) for each in known if isinstance(each, str)]
    assert len(set(told)) == 6


def test_a_name_that_is_not_utf8_is_left_out_and_the_others_go_on(tree):
    (tree / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"")
    found = find([tree])
    assert len(list(found)) == 5
    assert any("UTF-8" in reason for reason in found.left_out)


# Adding


def test_only_what_is_new_or_changed_is_added(tree, queue):
    first = submit(queue, "trip", find([tree]), Plan(filters=EDGES))
    assert (first.found, first.new) == (5, 5)
    again = submit(queue, "trip", find([tree]), Plan(filters=EDGES))
    assert (again.found, again.new) == (5, 0)
    Image.new("RGB", (9, 9)).save(tree / "camera.jpg")
    shutil.copy(tree / "sample.jpg", tree / "another.jpg")
    assert submit(queue, "trip", find([tree]), Plan(filters=EDGES)).new == 2
    assert queue.batch("trip").tasks == 7


@pytest.mark.parametrize("other", [Plan(filters=[{"name": "blur"}]), Plan(EDGES, True), Plan()])
def test_a_batch_has_one_pipeline_and_one_order_of_folders(tree, queue, other):
    submit(queue, "trip", find([tree]), Plan(filters=EDGES))
    with pytest.raises(QueueError, match="in use for something else"):
        submit(queue, "trip", find([tree]), other)
    assert queue.batch("trip").is_closed


def test_a_folder_without_photographs_begins_no_batch(project, queue):
    (project / "empty").mkdir()
    (project / "empty" / "notes.txt").write_text("no picture")
    with pytest.raises(ImageError, match=r"no photograph\. Nothing was added\. Left out: 1"):
        submit(queue, "trip", find([project / "empty"]))
    assert queue.batches() == []


def test_a_batch_of_which_no_photograph_can_have_a_result_is_not_begun(project, queue):
    (project / "odd").mkdir()
    shutil.copy(project / "images" / "sample.jpg", project / "odd" / "100%.jpg")
    plan = Plan(keep_folders=True, to="s3://b/")
    with pytest.raises(ImageError, match=r"no photograph.*cannot stand in an address"):
        submit(queue, "trip", find([project / "odd"]), plan)
    assert queue.batches() == []


def test_after_a_fresh_start_a_batch_is_over_when_its_last_task_has_ended(tree, project, queue):
    submit(queue, "trip", find([tree]))
    work(queue, project)
    first = progress_of(queue, "trip").state.ended_at
    until(lambda: queue.server_time() > first + 1)
    queue.requeue_failed()
    work(queue, project)
    assert progress_of(queue, "trip").state.ended_at > first


def test_a_submit_that_stopped_half_way_goes_on_by_the_same_call(tree, queue):
    queue.change_settings(max_pending=3)
    with pytest.raises(QueueFull):
        submit(queue, "trip", find([tree]), Plan(at_end={"contact_sheet": ["x"]}))
    assert not queue.batch("trip").is_closed
    queue.change_settings(max_pending=None)
    submit(queue, "trip", find([tree]))
    assert queue.batch("trip").tasks == 5


def test_a_submit_during_which_redis_was_killed_goes_on_by_the_same_call(tree, own_server):
    for number in range(CHUNK + 100):
        os.link(tree / "sample.jpg", tree / f"{number}.jpg")

    def killing(photographs):
        for number, each in enumerate(photographs):
            if number == CHUNK:
                own_server.kill()
            yield each

    found = find([tree])
    found.photographs = killing(found.photographs)
    with RedisTaskQueue(url=own_server.url) as queue:
        queue.patience = 0.1
        with pytest.raises(QueueUnavailable):
            submit(queue, "trip", found)
        own_server.start()
        assert not queue.batch("trip").is_closed
        again = submit(queue, "trip", find([tree]))
        assert (again.found, again.new) == (CHUNK + 105, 105)
        assert queue.get_stats().pending == again.state.tasks == again.found


def test_the_queue_in_memory_takes_a_batch_as_well(tree):
    queue = TaskQueue()
    assert submit(queue, "trip", find([tree])).new == 5
    assert progress_of(queue, "trip").state.open == 5


# Results


def test_results_lie_side_by_side_and_no_two_share_a_name(tree, project, queue):
    submit(queue, "trip", find([tree]))
    output = work(queue, project)
    made = [path.name for path in (output / "trip").iterdir()]
    assert len(made) == 4
    assert sum(name.startswith("sample-") for name in made) == 3
    assert queue.batch("trip").failed == 1


def test_results_lie_in_folders_as_their_photographs_where_that_is_asked_for(tree, project, queue):
    submit(queue, "trip", find([tree]), Plan(keep_folders=True))
    output = work(queue, project)
    made = sorted(str(path.relative_to(output / "trip")) for path in output.rglob("*.jpg"))
    assert made == ["camera.jpg", "day 1/sample.jpg", "day 2/evening/sample.jpg", "sample.jpg"]


def test_the_manifest_has_a_line_for_each_picture_with_what_became_of_it(tree, project, queue):
    submit(queue, "trip", find([tree]), Plan(filters=EDGES, keep_folders=True))
    work(queue, project)
    lines = [json.loads(line) for line in manifest(queue, "trip")]
    by_path = {line["image_path"]: line for line in lines}
    assert len(lines) == len(by_path) == 5
    good = by_path["images/day 2/evening/sample.jpg"]
    assert good["status"] == "completed"
    assert (project / good["output_path"]).is_file()
    bad = by_path["images/day 1/broken.jpg"]
    assert bad["status"] == "failed"
    assert "it is not an image" in bad["reason"]


def test_how_a_batch_stands_says_the_rate_the_time_left_and_what_failed(tree, project, queue):
    submit(queue, "trip", find([tree]))
    assert progress_of(queue, "trip").seconds_left is None
    work(queue, project)
    progress = progress_of(queue, "trip")
    assert progress.rate > 0
    assert progress.seconds_left == 0
    assert [each.label for each in progress.failed] == ["images/day 1/broken.jpg"]
    assert json.loads(json.dumps(progress.as_plain()))["is_over"] is True


def test_at_its_end_a_contact_sheet_shows_what_the_batch_made(tree, project, queue):
    submit(queue, "trip", find([tree]), Plan(contact_sheet=True))
    output = work(queue, project)
    with Image.open(output / "trip-contact-sheet.jpg") as sheet:
        assert sheet.width > sheet.height > 100
    (task_id,) = [each for each in queue.tasks("completed") if each.startswith("trip.end-")]
    result = queue.result(task_id)
    assert (result["pictures"], result["missing"]) == (4, 1)


def test_a_contact_sheet_shows_pictures_from_everywhere_in_a_long_batch_alike():
    tenths = Counter()
    for seed in range(400):
        sample = EvenSample(str(seed))
        for number in range(3000):
            sample.take(str(number))
        assert len(set(sample.names)) == ON_SHEET
        tenths.update(int(name) // 300 for name in sample.names)
    # 2,400 each, give or take five standard deviations.
    assert len(tenths) == 10
    assert min(tenths.values()) > 2150
    assert max(tenths.values()) < 2650


def test_names_too_long_for_a_payload_are_on_no_sheet_and_the_batch_is_closed(tree, queue):
    deep = tree.joinpath(*["folder" * 30] * 8)
    deep.mkdir(parents=True)
    for number in range(60):
        shutil.copy(tree / "sample.jpg", deep / f"{number}.jpg")
    plan = Plan(keep_folders=True, contact_sheet=True)
    assert submit(queue, "trip", find([tree]), plan).found == 65
    assert queue.batch("trip").is_closed


@pytest.mark.parametrize(
    "payload",
    [
        {"contact_sheet": "a.jpg", "output_name": "x.jpg"},
        {"contact_sheet": [], "output_name": "x.jpg"},
        {"contact_sheet": [1], "output_name": "x.jpg"},
        {"contact_sheet": ["a.jpg"] * 101, "output_name": "x.jpg"},
        {"contact_sheet": ["a.jpg"], "output_name": "../x.jpg"},
        {"contact_sheet": ["a.jpg"], "output_name": "/somewhere/x.jpg"},
        {"contact_sheet": ["a.jpg"], "output_name": {"a": 1}},
        {"image_path": "images/sample.jpg", "output_name": "../../x.jpg"},
        {"image_path": "images/sample.jpg", "output_name": ["x"]},
    ],
)
def test_a_payload_that_names_no_place_for_a_result_fails_with_its_reason(project, queue, payload):
    task_id = queue.add_task(payload)
    work(queue, project)
    task = queue.task(task_id)
    assert task.status == "failed"
    assert task.reason
    assert list(project.joinpath("output").rglob("*.*")) == []
    assert not list(project.rglob("x.jpg"))


def test_a_contact_sheet_reads_no_file_outside_the_folder_for_results(tree, project, queue):
    names = ["../images/sample.jpg", str(tree / "sample.jpg"), "/etc/passwd"]
    task_id = queue.add_task({"contact_sheet": names, "output_name": "sheet.jpg"})
    work(queue, project)
    assert queue.result(task_id)["missing"] >= 1


# In a terminal


def test_a_folder_is_submitted_worked_on_and_told_of(tree, terminal):
    words = ("submit", "images", "--batch", "trip", "--filters", "edges", "--contact-sheet")
    said = imglab(*words)
    assert "trip: 5 photographs found, 5 of them new or changed." in said
    assert "left out: its name begins with a dot" in said
    assert "0 of them new" in imglab(*words)
    assert "0 of 5 ended" in imglab("batch", "trip")
    code, _, errors = run_alone("worker", "--burst")
    assert code == 0, errors
    said = imglab("batch", "trip")
    assert "5 of 5 ended (100 %): 4 completed, 1 failed; 0 open." in said
    assert "images/day 1/broken.jpg: " in said
    assert "It is over" in said
    lines = imglab("batch", "trip", "--manifest", "-").splitlines()
    assert len({json.loads(line)["task"] for line in lines}) == 5
    assert "5 lines in trip.jsonl" in imglab("batch", "trip", "--manifest", "trip.jsonl")
    assert Path("trip.jsonl").read_text().splitlines() == lines
    assert json.loads(imglab("batch", "trip", "--json"))["completed"] == 4
    assert "trip" in imglab("batch")
    assert "1 back in line" in imglab("batch", "trip", "--retry")
    assert "have not ended" in refused("batch", "trip", "--forget")
    assert "1 cancelled" in imglab("batch", "trip", "--cancel")
    assert "forgotten" in imglab("batch", "trip", "--forget")
    assert "There is no batch" in imglab("batch")


@pytest.mark.parametrize("option", [(), ("--null",)])
def test_names_may_come_on_standard_input(tree, terminal, option):
    names = sorted(map(str, tree.rglob("sample.jpg")))
    end = "\0" if option else "\n"
    done = subprocess.run(
        [*IMGLAB, "submit", "-", "--batch", "trip", "--json", *option],
        input=end.join(names),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"batch": "trip", "found": 4, "new": 4, "left_out": {}}


def test_a_task_that_is_not_kept_stops_no_cancelling_of_the_others(tree, terminal):
    imglab("submit", "images", "--batch", "trip")
    with RedisTaskQueue(url=os.environ["IMGLAB_REDIS_URL"]) as queue:
        first, *_ = queue.batch_tasks("trip", "open")
        queue.redis.delete(queue.keys.task(first))
    said = imglab("batch", "trip", "--cancel")
    assert "4 cancelled" in said
    assert "1 more are not kept any more" in said


def test_a_manifest_can_be_followed_until_the_batch_is_over(tree, terminal):
    imglab("submit", "images", "--batch", "trip")
    following = [*IMGLAB, "batch", "trip", "--manifest", "-", "--wait"]
    with started(*following, stdout=subprocess.PIPE, text=True) as manifest:
        code, _, errors = run_alone("worker", "--burst")
        assert code == 0, errors
        lines = manifest.stdout.read().splitlines()
        assert manifest.wait(60) == 0
    assert len({json.loads(line)["task"] for line in lines}) == 5


def test_what_does_not_go_is_said_in_a_sentence(tree, terminal):
    Path("empty").mkdir()
    assert "no photograph" in refused("submit", "empty", "--batch", "trip")
    assert "nowhere is no file" in refused("submit", "nowhere", "--batch", "trip")
    assert "--batch NAME" in refused("submit", "images")
    assert "letters, digits" in refused("submit", "images", "--batch", "a b")
    assert "not both" in refused("submit", "-", "images", "--batch", "trip")
    assert "There is no batch 'trip'" in refused("batch", "trip")
    with RedisTaskQueue(url=os.environ["IMGLAB_REDIS_URL"]) as queue:
        queue.begin_batch("nothing")
        queue.close_batch("nothing")
    assert "It is over.\n" in imglab("batch", "nothing")
    imglab("batch", "nothing", "--forget")
    assert "There is no batch 'trip'" in refused("batch", "trip", "--manifest", "trip.jsonl")
    assert not Path("trip.jsonl").exists()
    imglab("submit", "images", "--batch", "trip")
    assert "something else" in refused("submit", "images", "--batch", "trip", "--filters", "edges")


def test_a_full_queue_says_that_the_same_line_goes_on(tree, terminal):
    imglab("settings", "--max-pending", "2")
    said = refused("submit", "images", "--batch", "trip")
    assert "submitted in part; the same line again goes on" in said
    said = refused("submit", "images", "--batch", "other")
    assert "The queue is full" in said
    assert "in part" not in said, "nothing of it was added"
    imglab("settings", "--max-pending", "none")
    assert "3 of them new" in imglab("submit", "images", "--batch", "trip")
