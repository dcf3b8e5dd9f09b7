"""Images made to harm: each is opened or refused, in bounded time and memory; no worker is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from corpus import corpus
from helpers.server import redis_queue

from imglab.queues import QueueSettings
from imglab.workers import WorkerPool

#: What the first word of a name may be; see corpus.py.
GROUPS = (
    *("sound", "cut", "changed", "doubled", "hole", "other"),
    *("jpeg", "exif", "png", "gif", "bmp", "tiff", "webp", "ppm"),
)
#: Opens every image but the first so many. Memory is limited, so that a bomb shows; what takes
#: a minute ends the process. The last line of a process that died names the image.
CHILD = """
import faulthandler, io, itertools, json, resource, sys, warnings
sys.path.insert(0, sys.argv[1])
from corpus import corpus
from imglab.errors import ImageError
from imglab.imaging import open_image
warnings.simplefilter("ignore")
resource.setrlimit(resource.RLIMIT_AS, (1500 << 20, 1500 << 20))
for name, content in itertools.islice(corpus(), int(sys.argv[2]), None):
    faulthandler.dump_traceback_later(60, exit=True)
    print(json.dumps([name, "died"]), flush=True)
    try:
        image = open_image(io.BytesIO(content))
        outcome = image.mode
    except ImageError as error:
        outcome = str(error)
    image = None
    print(json.dumps([name, outcome]), flush=True)
try:
    bytearray(1500 << 20)
except MemoryError:
    print(json.dumps(["the limit", "holds"]))
"""


@pytest.fixture(scope="module")
def survey(tmp_path_factory) -> dict[str, str]:
    """What became of each image: its mode, the words of an ImageError, or that a process died."""
    outcomes: dict[str, str] = {}
    folder = tmp_path_factory.mktemp("survey")
    while "the limit" not in outcomes and Counter(outcomes.values())["died"] < 5:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(Path(__file__).parent), str(len(outcomes))],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        outcomes |= dict(map(json.loads, done.stdout.splitlines()))
    assert list(folder.iterdir()) == [], "an image was able to run a program"
    return outcomes


def group(name: str) -> str:
    first = name.partition("-")[0]
    return first if first in GROUPS else "other"


@pytest.mark.parametrize("kind", GROUPS)
def test_a_hostile_image_is_opened_or_refused_in_one_sentence(survey, kind):
    assert survey["the limit"] == "holds"
    assert len(survey) > 300
    outcomes = {name: each for name, each in survey.items() if group(name) == kind}
    wrong = {
        name: outcome
        for name, outcome in outcomes.items()
        if outcome not in ("L", "LA", "RGB", "RGBA", "holds")
        and not (outcome.startswith("Cannot open the file: it ") and outcome.isprintable())
    }
    assert wrong == {}
    assert len(outcomes) > 10


def test_nothing_is_refused_that_is_sound(survey):
    assert {each for name, each in survey.items() if group(name) == "sound"} == {"L", "RGB"}
    # Hundreds of thousands of needless bytes, or an orientation that is none, harm nobody.
    for name in ("jpeg-30000-comments.jpg", "exif-loop.jpg", "exif-giant-count.jpg",
                 "webp-300-frames.webp", "png-inflates.png", "jpeg-then-archive.jpg"):  # fmt: skip
        assert survey[name] == "RGB"


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("it has more than 89,478,485 pixels", ["jpeg-65535x65535.jpg", "png-60000x60000.png",
         "gif-65535x65535.gif", "gif-frame-outside.gif", "bmp-2147483647x2147483647.bmp",
         "tiff-4294967295x1.tif", "webp-canvas.webp", "ppm-P6-99999-99999-255.ppm"]),
        ("it has more scans than any photograph", ["jpeg-100000-scans-huge.jpg"]),
        ("it is a PPM written as text", ["ppm-comments.ppm", "ppm-bits-comments.ppm"]),
        ("it is not an image", ["program.eps", "program.jpg", "pickle.jpg", "page.svg"]),
        ("it is empty", ["nothing.jpg"]),
    ],
)  # fmt: skip
def test_what_would_cost_too_much_is_refused_with_its_reason(survey, words, names):
    for name in names:
        assert words in survey[name]


def test_the_corpus_is_the_same_for_the_same_seed():
    assert all(one == again for one, again in zip(corpus(), corpus(), strict=True))
    assert any(one != other for one, other in zip(corpus(1), corpus(2), strict=True))


#: For real workers: the largest, the slowest, and one of each sort of trick.
WORST = [
    "jpeg-65535x65535.jpg", "jpeg-progressive-huge.jpg", "jpeg-3000-scans.jpg",
    "jpeg-100000-scans-huge.jpg", "jpeg-fill-bytes.jpg", "jpeg-many-pictures.jpg",
    "jpeg-length-65535.jpg", "exif-sub-loop-turned.jpg", "exif-65535-entries.jpg",
    "exif-negative-value.png", "exif-not-hex.png", "png-60000x60000.png", "png-9459x9459.png",
    "png-16-bits-huge.png", "png-many-inflate.png", "png-profile-bomb.png",
    "png-many-texts.png", "png-100000-chunks.png", "png-giant-chunk.png",
    "gif-frame-outside.gif", "gif-20000-frames.gif", "gif-codes-255.gif", "gif-comments.gif",
    "bmp-delta-bomb.bmp", "bmp-long-lines.bmp", "bmp-offset.bmp", "bmp--9x9.bmp",
    "tiff-loop.tif", "tiff-giant-strip-count.tif", "tiff-fax-9459x9459.tif",
    "tiff-inflates.tif", "tiff-tiles-1073741824-deflate.tif", "tiff-huge-jpeg-in-it.tif",
    "tiff-65535-entries.tif", "webp-canvas.webp", "webp-16383x16383.webp", "ppm-comments.ppm",
    "ppm-P6-9459-9459-255.ppm", "program.jpg", "pickle.jpg", "gif-and-script.gif",
    "nothing.jpg",
]  # fmt: skip


def test_the_worst_images_cost_no_worker_and_all_end_with_a_reason(tmp_path, monkeypatch, valkey):
    for folder in ("images", "output"):
        (tmp_path / folder).mkdir()
    contents = {name: content for name, content in corpus() if name in (*WORST, "sound-plain.jpg")}
    for name, content in contents.items():
        (tmp_path / "images" / name).write_bytes(content)
    os.mkfifo(tmp_path / "images/pipe.jpg")
    with (tmp_path / "images/giant.webp").open("wb") as file:
        file.write(b"RIFF\xff\xff\xff\xffWEBPVP8 ")
        file.truncate(1 << 40)
    monkeypatch.setenv("IMGLAB_ROOT", str(tmp_path))
    settings = QueueSettings(lease=5, time_limit=30, max_crashes=2)
    names = [*WORST, "pipe.jpg", "giant.webp", "../secret.png"]
    with redis_queue(valkey, settings) as queue, WorkerPool(2, ["grayscale"], queue) as pool:
        before = pool.pids
        ids = queue.add_tasks(
            {"image_path": f"images/{name}", "output_path": f"output/{name}.ppm"} for name in names
        )
        assert pool.join(timeout=100)
        tasks = dict(zip(names, map(queue.task, ids), strict=True))
        assert pool.pids == before, "a worker died"
        good = queue.add_task({"image_path": "images/sound-plain.jpg"})
        assert queue.wait(good, timeout=20)["status"] == "success"
        assert queue.check() == []
    assert {task.status for task in tasks.values()} == {"completed", "failed"}
    assert {name: task.crashes for name, task in tasks.items() if task.crashes} == {}
    for name, task in tasks.items():
        if task.status == "failed":
            (error,) = task.errors
            assert error["error"].isprintable(), name
            assert len(error["error"]) < 300
    opened = {name for name, task in tasks.items() if task.status == "completed"}
    assert {"jpeg-3000-scans.jpg", "exif-65535-entries.jpg", "bmp-delta-bomb.bmp"} <= opened
    assert opened.isdisjoint({"program.jpg", "pipe.jpg", "giant.webp", "../secret.png"})
    results = {f"{name}.ppm" for name in opened}
    assert results < {path.name for path in (tmp_path / "output").iterdir()}
    assert not list(tmp_path.rglob("pwned"))
