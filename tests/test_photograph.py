"""One photograph as a function: the same whoever calls it, and wherever its files are."""

from __future__ import annotations

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pytest
from helpers.project import ROOT
from PIL import Image

from imglab.errors import FilterError, ImageError
from imglab.imaging import FilterPipeline, open_image
from imglab.queues import TaskQueue
from imglab.storage import Folders, Storage
from imglab.workers import Worker
from imglab.workers.photograph import filter_photograph

PIPELINE = FilterPipeline(["blur", "edges"])


class Bucket:
    """A storage of another kind, as an object store is one: names and bytes, and no folder."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = {f"s3://photos/{name}": content for name, content in objects.items()}

    def open(self, path):
        try:
            file = io.BytesIO(self.objects[path])
        except (KeyError, TypeError):
            raise ImageError(f"{path!r} is not in the bucket.") from None
        file.name = path
        return file

    def check_writable(self, path):
        if not str(path).startswith("s3://results/"):
            raise ImageError(f"{path!r} is outside the bucket for results.")
        return path

    def save(self, path, write):
        file = io.BytesIO()
        write(file)
        self.objects[path] = file.getvalue()
        return path

    def result_path(self, file_name):
        return f"s3://results/{file_name}"


def picture(colour="blue") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (12, 8), colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def bucket() -> Bucket:
    return Bucket(cat=picture(), dog=picture("red"))


@pytest.fixture
def folders(tmp_path, monkeypatch) -> Folders:
    monkeypatch.setenv("IMGLAB_ROOT", str(tmp_path))
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "cat.png").write_bytes(picture())
    return Folders.of_project()


def test_a_photograph_is_filtered_without_a_queue_and_without_a_worker(folders):
    payload = {"image_path": "images/cat.png", "output_path": "output/cat.png"}
    result = filter_photograph(payload, PIPELINE, folders)
    assert result.pop("seconds") >= 0
    assert result == {
        "status": "success",
        "output_path": "output/cat.png",
        "width": 12,
        "height": 8,
    }
    expected = PIPELINE.apply(open_image(folders.root / "images/cat.png"))
    assert open_image(folders.root / "output/cat.png").tobytes() == expected.tobytes()


def test_another_engine_calls_it_as_well(folders):
    payloads = [
        {"image_path": "images/cat.png", "output_path": f"output/{n}.png"} for n in range(8)
    ]
    with ThreadPoolExecutor(2) as engine:
        results = list(
            engine.map(lambda each: filter_photograph(each, PIPELINE, folders), payloads)
        )
    assert [each["output_path"] for each in results] == [f"output/{n}.png" for n in range(8)]


def test_another_storage_will_do_as_well_and_a_worker_takes_it(bucket):
    queue = TaskQueue()
    storage: Storage = bucket
    named, unnamed, outside = queue.add_tasks(
        [
            {"image_path": "s3://photos/cat", "output_path": "s3://results/cat.png"},
            {"image_path": "s3://photos/cat", "output_path": ""},
            {"image_path": "s3://photos/cat", "output_path": "s3://photos/cat"},
        ]
    )
    Worker("w", PIPELINE, queue, storage=storage).start()
    assert queue.result(named)["output_path"] == "s3://results/cat.png"
    written = open_image(io.BytesIO(bucket.objects["s3://results/cat.png"]))
    assert written.tobytes() == PIPELINE.apply(open_image(io.BytesIO(picture()))).tobytes()
    # This photograph's name has no suffix, so a result named after it has none, either.
    assert "must end in" in queue.task(unnamed).errors[-1]["error"]
    assert "outside the bucket" in queue.task(outside).errors[-1]["error"]


def test_a_result_that_nobody_named_is_named_after_content_and_filters(bucket):
    bucket.objects["s3://photos/cat.png"] = picture()
    once, again = (
        filter_photograph({"image_path": "s3://photos/cat.png"}, PIPELINE, bucket)["output_path"]
        for _ in range(2)
    )
    other = filter_photograph({"image_path": "s3://photos/cat.png"}, (), bucket)["output_path"]
    assert once == again != other
    assert PurePosixPath(once).name.startswith("cat-")
    assert PurePosixPath(once).suffix == ".png"


@pytest.mark.parametrize(
    ("output_path", "words"),
    [("output/cat.xyz", r"output/cat\.xyz: its name must end in"), ("cat.png", "may write")],
)
def test_a_place_where_nothing_can_be_written_is_refused_before_the_work(
    folders, output_path, words
):
    steps = []
    payload = {"image_path": "images/cat.png", "output_path": output_path}
    with pytest.raises(ImageError, match=words):
        filter_photograph(payload, PIPELINE, folders, lambda: steps.append("a filter"))
    assert steps == []


class Stop(Exception):
    """What an engine of its own raises to end a task."""


@pytest.mark.parametrize("step", [1, 2, 3])
def test_what_the_check_raises_ends_the_work_and_nothing_is_written(folders, step):
    steps = []

    def check():
        steps.append(len(steps))
        if len(steps) == step:
            raise Stop

    payload = {"image_path": "images/cat.png", "output_path": "output/cat.png"}
    with pytest.raises(Stop):
        filter_photograph(payload, PIPELINE, folders, check)
    assert len(steps) == step
    assert not (folders.root / "output").exists()


def test_filters_of_the_payload_stand_in_for_the_pipeline_even_when_there_are_none(folders):
    payload = {"image_path": "images/cat.png", "output_path": "output/cat.png", "filters": []}
    filter_photograph(payload, ["invert"], folders)
    assert open_image(folders.root / "output/cat.png").getpixel((0, 0)) == (0, 0, 255)
    with pytest.raises(FilterError, match="sepia"):
        filter_photograph(payload | {"filters": ["sepia"]}, (), folders)


LATE = """
import sys
from imglab.queues import TaskQueue
from imglab.workers import Worker
queue = TaskQueue()
worker = Worker("w", [{"name": "blur", "radius": 1.0}], queue, checked=True)
print("PIL" in sys.modules)
queue.add_task({"image_path": "images/cat.png"})
print(worker.start(), "PIL" in sys.modules)
"""


def test_pillow_comes_with_the_first_task(folders):
    done = subprocess.run(
        [sys.executable, "-c", LATE], capture_output=True, text=True, check=True, cwd=folders.root
    )
    assert done.stdout == "False\n1 True\n"


def test_the_function_knows_neither_queue_nor_worker():
    source = Path(ROOT / "imglab/workers/photograph.py").read_text()
    imported = [line for line in source.splitlines() if line.strip().startswith("from imglab")]
    rooms = {line.split()[1].split(".")[1] for line in imported}
    assert rooms == {"storage", "imaging"}
