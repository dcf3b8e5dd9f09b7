"""Photographs: the queue beside a process pool, our calls beside Pillow's, time and memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from PIL import Image, ImageFilter, JpegImagePlugin

from imglab.classroom import demo
from imglab.imaging import FilterPipeline, open_image, save_image
from imglab.queues import RedisTaskQueue
from imglab.storage import Folders
from imglab.workers import Worker, WorkerPool
from imglab.workers.process import VARIABLE, WorkerSpec

FILTERS = "blur:radius=3,sharpen"
Job = tuple[str, str]

#: What ours does, by Pillow alone: the same pixels come out.
BARE = """
import sys
from PIL import Image, ImageFilter, JpegImagePlugin
for source, target in zip(sys.argv[1::2], sys.argv[2::2]):
    image = Image.open(source)
    image = image.filter(ImageFilter.GaussianBlur(3)).filter(ImageFilter.FIND_EDGES)
    image.save(target)
"""


def one(job: Job) -> None:
    source, target = job
    save_image(FilterPipeline.parse(FILTERS).apply(open_image(source)), target)


def bare(job: Job) -> None:
    """Do the same with Pillow alone: as fine as the source, as `save_image` is."""
    source, target = job
    with Image.open(source) as file:
        tables = file.quantization
        sampling = JpegImagePlugin.get_sampling(file)
        image = file.filter(ImageFilter.GaussianBlur(3))
    sharp = image.filter(ImageFilter.SHARPEN)
    sharp.save(target, qtables=tables, subsampling=sampling)


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def jobs_of(count: int, pixels: int, folder: Path) -> list[Job]:
    folder.mkdir(parents=True, exist_ok=True)
    inputs = demo.make_inputs(count, pixels)
    return [(str(path), str(folder / f"{n}.jpg")) for n, path in enumerate(inputs)]


def calls(pixels: int, folder: Path) -> dict[str, float]:
    """Our calls ÷ the bare ones, picture by picture in turns, so that a slow second hits both."""
    jobs = jobs_of(6, pixels, folder)
    ratios = []
    for job in jobs * 5:
        ours = seconds(lambda job=job: one(job))
        mine = Path(job[1]).read_bytes()
        ratios.append(ours / seconds(lambda job=job: bare(job)))
        assert mine == Path(job[1]).read_bytes(), f"{job[0]}: not the same file"
    return {f"{pixels / 1e6:g} megapixels: our calls ÷ Pillow's": statistics.median(ratios)}


def queue_or_pool(queue: RedisTaskQueue, count: int, pixels: int, folder: Path) -> dict[str, float]:
    """n workers ÷ ProcessPoolExecutor(n), one worker ÷ a loop, the speed-up."""
    jobs = jobs_of(count, pixels, folder)
    payloads = [{"image_path": source, "output_path": target} for source, target in jobs]
    read, write = (".imglab/demo",), str(folder)
    pipeline, cores = FilterPipeline.parse(FILTERS), os.cpu_count() or 1

    def one_worker() -> None:
        queue.add_tasks(payloads)
        Worker("bench", pipeline, queue, storage=Folders.of_project(read, write)).start()

    def all_workers(pool: WorkerPool) -> None:
        queue.add_tasks(payloads)
        pool.join()

    loops, singles, crews, executors = [], [], [], []
    spawn = get_context("spawn")
    with (
        ProcessPoolExecutor(cores, mp_context=spawn) as executor,
        WorkerPool(cores, pipeline, queue, read=read, write=write) as pool,
    ):
        list(executor.map(one, jobs[: 2 * cores]))  # both have started, and know their filters
        queue.add_tasks(payloads[: 2 * cores])
        pool.join()
        for _ in range(3):  # in turns, so that a slow minute hits both
            executors.append(seconds(lambda: list(executor.map(one, jobs))))
            crews.append(seconds(lambda: all_workers(pool)))
    for _ in range(2):
        loops.append(seconds(lambda: [one(job) for job in jobs]))
        singles.append(seconds(one_worker))
    queue.clear()
    title = f"{count} of {pixels / 1e6:g} megapixels"
    return {
        f"{title}: {cores} workers ÷ ProcessPoolExecutor({cores})": min(crews) / min(executors),
        f"{title}: one worker ÷ a loop": min(singles) / min(loops),
        f"{title}: speed-up of {cores} workers": min(loops) / min(crews),
    }


def peak(queue: RedisTaskQueue, pixels: int, folder: Path) -> dict[str, float]:
    """The most memory a worker ever holds ÷ the most of the bare calls in a process."""
    jobs = jobs_of(6, pixels, folder)
    alone = _peak([sys.executable, "-c", BARE, *(each for job in jobs for each in job)])
    queue.add_tasks({"image_path": source, "output_path": target} for source, target in jobs)
    spec = WorkerSpec(
        "bench-peak",
        queue.spec(),
        filters=FilterPipeline.parse(FILTERS).spec(),
        read=(".imglab/demo",),
        write=str(folder),
        burst=True,
    )
    ours = _peak([sys.executable, "-m", "imglab.workers"], **{VARIABLE: spec.to_json()})
    queue.clear()
    title = f"{pixels / 1e6:g} megapixels: peak memory of a worker"
    return {f"{title}, MB": ours, f"{title} ÷ the bare calls": ours / alone}


#: What a process remembers of its highest moment begins with the size of whoever started it: so a
#: small one in between starts it.
SMALL = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def _peak(command: list[str], **more: str) -> float:
    """Megabytes at the highest moment of a process."""
    between = [sys.executable, "-c", SMALL, *command]
    environment = {**os.environ, **more}
    done = subprocess.run(between, env=environment, check=True, capture_output=True, text=True)
    return int(done.stdout) / (1e6 if sys.platform == "darwin" else 1e3)
