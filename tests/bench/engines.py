"""Whole photographs on several engines: rate, memory, and what a killed worker takes along.

`python tests/bench/engines.py --photographs 500 --megapixels 4 --workers 2`

Each way blurs the same photographs (Gaussian, sigma 3) with so many processes, which are ready
before the clock starts; its rate stands beside that of a ProcessPoolExecutor with Pillow in the
same run. Memory is the highest sum of the resident sizes of its processes, so what they share
counts for each of them; Redis is left out. In a second run the process that has a photograph in
its hands is killed (SIGKILL) when half of the results are there, and at the end is counted what
is not.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from engine_jobs import with_pillow, with_vips
from helpers.project import ROOT
from helpers.server import Server, free_port, running
from leads import processor
from watching import LOOK_S, Watch

from imglab.classroom.demo import make_inputs
from imglab.engines import follow, open_engine
from imglab.imaging import FilterPipeline
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.queues.batches import BatchTask
from imglab.workers import WorkerPool

#: Sigma 3, as pyvips and ImageMagick are asked for.
FILTERS = FilterPipeline.parse("blur:radius=3")
#: Seconds without a new result, after which what is missing is lost.
PATIENCE_S = 60.0
#: Seconds that workers may take to be there.
START_S = 120.0


@dataclass
class Room:
    """Where one way works: the photographs, its results, a Redis."""

    server: Server
    folder: Path
    workers: int
    inputs: list[Path]
    output: Path = field(init=False)

    def __post_init__(self) -> None:
        self.output = self.folder / "output"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.output.mkdir(parents=True)

    def jobs(self, inputs: list[Path]) -> list[tuple[str, str]]:
        return [(str(path), str(self.output / path.name)) for path in inputs]

    def tasks(self, inputs: list[Path]) -> list[tuple[str, BatchTask]]:
        found = []
        for path in inputs:
            payload = {"image_path": str(path), "output_name": path.name}
            payload["filters"] = FILTERS.spec()
            found.append((path.name, BatchTask(path.name, payload, path.name)))
        return found

    def results(self) -> int:
        return len(list(self.output.glob("*.jpg")))

    def forget_results(self) -> None:
        for path in self.output.glob("*.jpg"):
            path.unlink()


#: Filters these photographs.
Work = Callable[[list[Path]], object]
#: Given a room, yields what does the work, when its workers are ready.
Way = Callable[[Room], Any]


@contextmanager
def pool_of(room: Room, one: Callable[[tuple[str, str]], None]) -> Iterator[Work]:
    with ProcessPoolExecutor(room.workers, mp_context=get_context("spawn")) as executor:
        list(executor.map(time.sleep, [0.5] * room.workers))  # all have started
        yield lambda inputs: list(executor.map(one, room.jobs(inputs)))


def pillow(room: Room) -> Any:
    return pool_of(room, with_pillow)


def pyvips(room: Room) -> Any:
    return pool_of(room, with_vips)


@contextmanager
def imglab(room: Room) -> Iterator[Work]:
    folders = {"read": (str(room.inputs[0].parent),), "write": str(room.output)}
    settings = QueueSettings(lease=5)
    with RedisTaskQueue(url=room.server.url, namespace="bench:", settings=settings) as queue:
        queue.clear()
        with WorkerPool(room.workers, FILTERS, queue, **folders) as pool:

            def work(inputs: list[Path]) -> None:
                queue.add_tasks([task.payload for _, task in room.tasks(inputs)])
                pool.join()

            yield work


@contextmanager
def command(room: Room, ready: str, *words: str, **more: str) -> Iterator[None]:
    """Have a command that says that it is ready; its processes end with the block."""
    log = room.folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *words], cwd=room.folder, env={**os.environ, **more},
            stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
    limit = time.monotonic() + START_S
    while ready not in log.read_text():
        if process.poll() is not None or time.monotonic() > limit:
            raise RuntimeError(log.read_text())
        time.sleep(LOOK_S)
    try:
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def engine(room: Room, name: str, ready: str) -> Iterator[Work]:
    address = room.server.url
    if name == "dask":
        address = f"tcp://127.0.0.1:{free_port()}"
    words = ["-m", "imglab", "worker", "--engine", name, "--workers", str(room.workers)]
    words += ["--images", str(room.inputs[0].parent), "--output", str(room.output)]
    there = {"IMGLAB_REDIS_URL": room.server.url, "IMGLAB_DASK": address}
    with (
        command(room, ready, *words, **there),
        open_engine(name, address, "image_processing") as opened,
    ):
        yield lambda inputs: list(follow(opened, room.tasks(inputs), PATIENCE_S))


def celery(room: Room) -> Any:
    return engine(room, "celery", " ready.")


def dask(room: Room) -> Any:
    return engine(room, "dask", "At work for")


@contextmanager
def rq(room: Room) -> Iterator[Work]:
    from redis import Redis
    from rq import Queue

    script = "import sys; from rq.cli import main; sys.argv[0] = 'rq'; main()"
    words = ["-c", script, "worker", "bench", "--url", room.server.url]
    there = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(ROOT)])}
    with Redis(port=room.server.port) as client:
        queue = Queue("bench", connection=client)

        def work(inputs: list[Path]) -> None:
            for job in room.jobs(inputs):
                queue.enqueue("engine_jobs.with_pillow", job)
            last = (time.monotonic(), 0)
            while room.results() < len(inputs):
                if room.results() > last[1]:
                    last = (time.monotonic(), room.results())
                busy = queue.count or queue.started_job_registry.count
                if not busy or time.monotonic() - last[0] > PATIENCE_S:
                    return
                time.sleep(LOOK_S)

        with command(room, "Listening on bench", *words, **there):
            if room.workers == 1:
                yield work
                return
            with several(room, room.workers - 1, words, there):
                yield work


@contextmanager
def several(room: Room, count: int, words: list[str], there: dict[str, str]) -> Iterator[None]:
    """Have so many more of the same command."""
    if not count:
        yield
        return
    other = Room.__new__(Room)
    other.folder = room.folder / f"more-{count}"
    other.folder.mkdir()
    with (
        command(other, "Listening on bench", *words, **there),
        several(room, count - 1, words, there),
    ):
        yield


@contextmanager
def imagemagick(room: Room) -> Iterator[Work]:
    script = 'convert -limit thread 1 "$1" -blur 0x3 "$2/$(basename "$1")"'
    words = ["xargs", "-0", f"-P{room.workers}", "-I{}", "sh", "-c", f"exec {script}", "sh", "{}"]

    def work(inputs: list[Path]) -> None:
        names = b"\0".join(os.fsencode(path) for path in inputs)
        subprocess.run([*words, str(room.output)], input=names, check=False)

    yield work


WAYS: dict[str, Way] = {
    "ProcessPoolExecutor, Pillow": pillow,
    "imglab": imglab,
    "Celery": celery,
    "Dask": dask,
    "RQ": rq,
    "ProcessPoolExecutor, pyvips": pyvips,
    "ImageMagick, xargs": imagemagick,
}
#: What a way needs, if it is not there by itself.
NEEDS = {"Celery": "celery", "Dask": "distributed", "RQ": "rq"}
NEEDS["ProcessPoolExecutor, pyvips"] = "pyvips"


def run(way: Way, room: Room, kill: bool = False) -> dict[str, Any]:
    watch = Watch(room.server.process.pid, room.results, len(room.inputs) if kill else 0)
    with way(room) as work:
        work(room.inputs[: 2 * room.workers])  # imports on first use are nobody's speed
        room.forget_results()
        watch.start()
        began = time.perf_counter()
        with suppress(BrokenProcessPool):
            work(room.inputs)
        seconds = time.perf_counter() - began
        watch.is_over.set()
        watch.join()
    lost = len(room.inputs) - room.results()
    return {"seconds": seconds, "peak": watch.peak / 1e6, "lost": lost, "killed": watch.killed}


def inputs_of(count: int, megapixels: float, folder: Path) -> list[Path]:
    """So many photographs with names of their own."""
    folder.mkdir(parents=True)
    found = []
    for number, path in enumerate(make_inputs(count, int(megapixels * 1e6))):
        target = folder / f"{number:05}.jpg"
        os.link(path, target)
        found.append(target)
    return found


def missing(name: str) -> str:
    """Why a way cannot be measured here; "" if it can."""
    module = NEEDS.get(name)
    if module and find_spec(module) is None:
        return f"{module} is not installed"
    if name.startswith("ImageMagick") and shutil.which("convert") is None:
        return "ImageMagick is not installed"
    return ""


def compare(
    server: Server, scratch: Path, count: int, megapixels: float, workers: int, *,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:  # fmt: skip
    """Measure all ways, one after the other; what came out, as plain data."""
    inputs = inputs_of(count, megapixels, scratch / "inputs")
    found: dict[str, Any] = {}
    for name, way in WAYS.items():
        reason = missing(name)
        if reason:
            found[name] = {"failed": reason}
            continue
        say(f"engines: {name}")
        try:
            entry = run(way, Room(server, scratch / "way", workers, inputs))
            if entry["lost"]:
                found[name] = {"failed": f"{entry['lost']} pictures are missing, with no kill"}
                continue
            killed = run(way, Room(server, scratch / "way", workers, inputs), kill=True)
            found[name] = entry | {"lost": killed["lost"], "killed": killed["killed"]}
        except Exception as error:  # noqa: BLE001 - the other ways are measured all the same
            found[name] = {"failed": f"{type(error).__name__}: {error}"[:300]}
    head = {"photographs": count, "megapixels": megapixels, "workers": workers}
    return head | {"processor": processor(), "cores": os.cpu_count(), "ways": found}


def table(results: dict[str, Any]) -> str:
    """Markdown; the ratio is to the first way."""
    ways = results["ways"]
    reference = next(iter(ways.values()))
    lines = [
        f"{results['photographs']} photographs of {results['megapixels']:g} megapixels, "
        f"{results['workers']} workers each; {results['processor']}, {results['cores']} cores.",
        "",
        "| | a second | ratio | memory, MB | lost by a kill at half time |",
        "|---|---|---|---|---|",
    ]
    for name, entry in ways.items():
        label = name
        if name in NEEDS:
            with suppress(Exception):
                label = f"{name} {version(NEEDS[name])}"
        if "failed" in entry:
            lines.append(f"| {label} | failed: {entry['failed']} | | | |")
            continue
        rate = results["photographs"] / entry["seconds"]
        ratio = reference["seconds"] / entry["seconds"]
        lost = str(entry["lost"]) if entry["killed"] else "nobody was killed"
        lines.append(f"| {label} | {rate:.1f} | {ratio:.2f} | {entry['peak']:.0f} | {lost} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=int, default=500)
    parser.add_argument("--megapixels", type=float, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write all figures here")
    options = parser.parse_args()
    os.environ["IMGLAB_ROOT"] = str(ROOT)
    home = ROOT / ".imglab" / "bench"
    home.mkdir(parents=True, exist_ok=True)
    # Beside the inputs that are made once: a hard link goes no further than a disk.
    with tempfile.TemporaryDirectory(dir=home) as folder:
        scratch = Path(folder)
        with running("redis", scratch) as server:
            found = compare(
                server, scratch, options.photographs, options.megapixels, options.workers
            )
    print(table(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
