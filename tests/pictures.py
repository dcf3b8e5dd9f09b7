"""`make pictures`: the pictures of the board and the record that ships, each from a real run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

import browser
import nbformat
from helpers.clock import until
from helpers.project import ROOT
from helpers.server import redis_queue, running
from PIL import Image, ImageColor, ImageOps

from imglab.classroom import demo
from imglab.imaging import FilterPipeline
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.views import Runs, charts
from imglab.views.html_table import BAD, COLOURS, DONE, WAITING
from imglab.workers import WorkerPool, WorkerSpec
from imglab.workers.process import VARIABLE

PICTURES = ROOT / "notebooks" / "pictures"
RECORD = ROOT / "imglab" / "views" / "records" / "many_workers.json"
#: Of each photograph of the record: then its run takes ten seconds or more, which can be watched.
PIXELS = 6_000_000
#: Dots for a pixel of the page, for sharp letters; and dots of white around what is shown.
SCALE, MARGIN = 2, 16
#: The animation: seconds between two frames, seconds of the last one, and dots across.
EVERY, LAST, ACROSS = 0.12, 2.0, 900
#: The grey of notes, as JupyterLab's light theme has it.
GREY = "#757575"
#: Its colours: each ink of a board, in steps to the white of the page.
INKS = ("#000000", GREY, WAITING, DONE, BAD, *COLOURS[:3], COLOURS[5])
STEPS = 8
#: Frames before there is any task: one sees that the workers are idle.
BEFORE = 2
#: With each photograph goes a wait, or the work would be over before anybody saw it.
FILTERS = [*FilterPipeline.parse("grayscale,edges,invert").spec(), {"name": "busy", "ms": 180}]
#: A lease so short that one sees it run out.
SETTINGS = QueueSettings(lease=2.5, backoff=0.3)
#: Who gets the kill -9.
VICTIM = "worker-2"
TABLE = "table.imglab-live"
#: What the second board says.
TEXT = f"document.querySelectorAll({TABLE!r})[1].innerText"

CELLS = [
    """
from imglab.views import board
from imglab.queues import RedisTaskQueue
from imglab.workers import WorkerPool

queue = RedisTaskQueue(url={url!r}, namespace={first!r})
killed = RedisTaskQueue(url={url!r}, namespace={second!r})
pool = WorkerPool(3, (), queue, imports=["imglab.classroom.troublemakers"])
tasks = {tasks!r}
""",
    """
with pool, board(queue, "40 photographs, 3 workers"):
    for name, task in tasks.items():
        queue.add_task(task, task_id=name)
    pool.join()
""",
    """
view = board(killed, "40 photographs, 3 workers, one kill -9")
""",
]


def photographs(count: int) -> dict[str, dict[str, Any]]:
    """Tasks by their ids: the photographs in turn, to be drawn in pencil."""
    names = cycle(sorted(path.stem for path in (ROOT / "images").glob("*.jpg")))
    return {
        f"{name}-{number}": {
            "image_path": f"images/{name}.jpg",
            "output_path": f"output/{name}-{number}.png",
            "filters": FILTERS,
        }
        for number, name in zip(range(1, count + 1), names, strict=False)
    }


def happened(queue: RedisTaskQueue, event: str, worker: str = "") -> list[str]:
    """The tasks to which this happened, at the hands of this worker or of anybody."""
    return [
        each["task"]
        for each in queue.events()
        if each["event"] == event and worker in ("", each.get("worker"))
    ]


def holds(queue: RedisTaskQueue, worker: str) -> bool:
    """Whether a worker has a task in hand."""
    return any(queue.task(each).worker == worker for each in queue.tasks("processing"))


@contextmanager
def project() -> Iterator[Path]:
    """A folder with the photographs, which is the project of everything that starts here."""
    with tempfile.TemporaryDirectory(prefix="imglab-pictures-") as folder:
        root = Path(folder).resolve() / "project"
        shutil.copytree(ROOT / "images", root / "images")
        (root / "output").mkdir()
        os.environ["IMGLAB_ROOT"] = str(root)
        yield root


# The record


def in_the_middle(queue: RedisTaskQueue) -> bool:
    """Whether the others went on, twice, since the victim began its third task."""
    steps = [(each["event"], each.get("worker")) for each in queue.events()]
    claims = [n for n, step in enumerate(steps) if step == ("claimed", VICTIM)]
    return len(claims) >= 3 and len(steps) > claims[2] + 4


def record(queue: RedisTaskQueue) -> list[dict[str, Any]]:
    """The events of 15 photographs and 3 workers, one of which dies in the middle of a task."""
    with WorkerPool(3, demo.FILTERS.split(","), queue, read=[".imglab/demo"]) as pool:
        for number, path in enumerate(demo.make_inputs(15, PIXELS), 1):
            name = f"{path.stem.partition('-')[0]}-{number}"
            paths = {"image_path": str(path), "output_path": f"output/{name}.jpg"}
            queue.add_task(paths, task_id=name)
        until(lambda: in_the_middle(queue), 60)
        pool.kill(VICTIM)
        assert pool.join(timeout=120)
    assert len(happened(queue, "expired")) == 1
    assert len(happened(queue, "completed")) == 15
    return list(queue.events())


def save_record(events: list[dict[str, Any]]) -> None:
    """One event a line; and who did what when as a picture."""
    RECORD.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(event, separators=(",", ":")) for event in events)
    RECORD.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    figure = charts.figure()
    charts.timeline(figure.axes[0], Runs.of(events))
    figure.savefig(PICTURES / "timeline.png", dpi=160)


# The board


def write_notebook(path: Path, **names: Any) -> None:
    cells = [nbformat.v4.new_code_cell(cell.strip().format(**names)) for cell in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)


@contextmanager
def worker(name: str, queue: RedisTaskQueue) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process without a pool, as in a terminal: of its death only its lease will tell."""
    spec = WorkerSpec(
        name, queue.spec(), imports=("imglab.classroom.troublemakers",), parent=os.getpid()
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "imglab.workers"],
        env={**os.environ, VARIABLE: spec.to_json()},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def boxes(page: Any, *selectors: str, number: int = 0) -> list[dict[str, float]]:
    """Where these parts of a cell are; in one step, for the board is made anew all the time."""
    return page.evaluate(
        f"""([number, selectors]) => {{
            const cell = document.querySelectorAll({TABLE!r})[number].closest('.jp-CodeCell');
            return selectors.map(each => cell.querySelector(each).getBoundingClientRect().toJSON());
        }}""",
        [number, selectors],
    )


def shoot(page: Any, *parts: dict[str, float]) -> Image.Image:
    """What is there on the page, on a white ground."""
    left, top = (min(each[side] for each in parts) for side in ("left", "top"))
    right, bottom = (max(each[side] for each in parts) for side in ("right", "bottom"))
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    shot = Image.open(BytesIO(page.screenshot(clip=clip))).convert("RGB")
    return ImageOps.expand(shot, MARGIN, "white")


def still(page: Any, queue: RedisTaskQueue) -> Image.Image:
    """A busy cell with its board, in the middle of the work."""
    page.wait_for_selector(TABLE, timeout=60_000)
    until(lambda: len(happened(queue, "completed")) >= 20)
    prompt, code, table = boxes(page, ".jp-InputPrompt", ".cm-content", TABLE)
    # The code's own box is as wide as the page.
    return shoot(page, prompt, {**code, "right": table["right"]}, table)


def film(page: Any, queue: RedisTaskQueue) -> list[tuple[float, Image.Image]]:
    """Frames with their times: a worker is killed, its lease runs out, its task comes back."""
    assert browser.until_done(page) == []
    frames, crew, is_back = [], {}, False
    with ExitStack() as stack:
        for name in ("worker-1", VICTIM, "worker-3"):
            crew[name] = stack.enter_context(worker(name, queue))
            until(lambda: set(queue.workers()) == set(crew))
        page.wait_for_function(f"() => {TEXT}.includes('worker-3')")
        (table,) = boxes(page, TABLE, number=1)
        while len(frames) <= BEFORE or queue.get_stats().unfinished:
            if len(frames) == BEFORE:
                for number, (name, task) in enumerate(photographs(40).items()):
                    priority = "high" if number < 12 else "normal" if number < 34 else "low"
                    queue.add_task(task, priority, task_id=name)
            if len(happened(queue, "completed")) >= 6 and holds(queue, VICTIM):
                crew[VICTIM].kill()  # the first one of this name; dead already, it feels nothing
            if not is_back and happened(queue, "expired"):
                is_back = bool(stack.enter_context(worker(VICTIM, queue)))
            frames.append((time.monotonic(), shoot(page, table)))
            page.wait_for_timeout(1000 * EVERY)
        page.wait_for_function(f"() => /\\b0 left/.test({TEXT})")
        frames.append((time.monotonic(), shoot(page, table)))
    assert len(happened(queue, "expired")) == 1
    assert len(happened(queue, "completed")) == 40
    return frames


def save_film(frames: list[tuple[float, Image.Image]]) -> None:
    """An animation that takes as long as the run took."""
    colours = [
        round(255 + (band - 255) * step / (STEPS - 1))
        for ink in INKS
        for step in range(STEPS)
        for band in ImageColor.getrgb(ink)
    ]
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours)
    first, *others = (
        frame.resize(
            (ACROSS, ACROSS * frame.height // frame.width), Image.Resampling.LANCZOS
        ).quantize(palette=palette, dither=Image.Dither.NONE)
        for _, frame in frames
    )
    seconds = [after - before for (before, _), (after, _) in pairwise(frames)]
    first.save(
        PICTURES / "board.gif",
        save_all=True,
        append_images=others,
        duration=[round(1000 * each) for each in (*seconds, LAST)],
        loop=0,
        optimize=True,
    )


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with (
        project() as root,
        tempfile.TemporaryDirectory(prefix="imglab-pictures-") as folder,
        running("valkey", Path(folder)) as server,
        redis_queue(server, QueueSettings(backoff=1)) as recorded,
        redis_queue(server) as first,
        redis_queue(server, SETTINGS) as second,
    ):
        save_record(record(recorded))
        names = {"first": first.namespace, "second": second.namespace}
        write_notebook(root / "cats.ipynb", url=server.url, tasks=photographs(40), **names)
        with (
            browser.jupyterlab(root, Path(folder)) as lab,
            browser.notebook(lab, "cats.ipynb", SCALE) as page,
        ):
            browser.start_all(page)
            still(page, first).save(PICTURES / "board.png", optimize=True)
            save_film(film(page, second))
    for path in (RECORD, *sorted(PICTURES.iterdir())):
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
