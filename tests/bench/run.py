"""Speed, as ratios against references taken in the same run: `make bench`.

Nothing is asserted here: machines are noisy, and where the kernel puts two processes changes every
rate by a factor of 2 or 3. So each figure stands beside a reference taken in the same minute.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))
from conftest import ROOT, redis_queue, running

from imglab.imaging import FilterPipeline, open_image, save_image
from imglab.lab import demo
from imglab.workers import Folders, Worker, WorkerPool
from imglab.workers.process import VARIABLE, WorkerSpec

FILTERS = "blur:radius=3,edges"


class Idle(Worker):
    """A worker whose tasks are no work at all: what is left is the queue's own cost."""

    def process(self, task):
        return {}


@contextmanager
def one_core(*pids: int):
    """Everything on the first core, where the system can do that."""
    processes = [psutil.Process(pid) for pid in (os.getpid(), *pids)]
    if not hasattr(processes[0], "cpu_affinity"):
        yield
        return
    before = [process.cpu_affinity() for process in processes]
    for process in processes:
        process.cpu_affinity(before[0][:1])
    yield
    for process, cores in zip(processes, before, strict=True):
        process.cpu_affinity(cores)


def rate(count: int, work) -> float:
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def reference(queue, pairs: int = 3000) -> float:
    """LPUSH + BRPOP pairs a second from one Python process."""
    client, key = queue.redis, queue.namespace + "reference"

    def work():
        for number in range(pairs):
            client.lpush(key, number)
            client.brpop(key)

    return rate(pairs, work)


def queue_rates(queue, count: int = 3000) -> dict[str, float]:
    """Each rate divided by the reference taken beside it."""
    beside = reference(queue)
    single = rate(count, lambda: [queue.add_task({"n": n}) for n in range(count)])
    worker = rate(count, Idle("bench", (), queue).start)
    bulk = rate(10_000, lambda: queue.add_tasks({"n": n} for n in range(10_000)))
    queue.clear()
    return {
        "reference, pairs a second": beside,
        "one worker, no-op tasks": worker / beside,
        "add_task": single / beside,
        "add_tasks of 10,000": bulk / beside,
        "add_tasks over add_task": bulk / single,
    }


def idle_worker(queue, server) -> dict[str, float]:
    """How long a task waits for a worker that sleeps, and what the sleep costs."""
    began = threading.Event()
    times: list[float] = []

    class Clocked(Worker):
        def process(self, task):
            times.append(time.perf_counter())
            began.set()
            return {}

    worker = Clocked("bench", (), queue)
    thread = threading.Thread(target=worker.run_forever)
    thread.start()
    running_after, result_after = [], []
    for _ in range(300):
        began.clear()
        time.sleep(0.002)  # let it fall asleep: that is what is measured
        added = time.perf_counter()
        task_id = queue.add_task({})
        began.wait()
        running_after.append(times[-1] - added)
        queue.wait(task_id)
        result_after.append(time.perf_counter() - added)

    def sent() -> int:  # what scripts call themselves would count in Redis' total, too
        calls = queue.redis.info("commandstats")
        return sum(calls[f"cmdstat_{name}"]["calls"] for name in ("evalsha", "blpop"))

    before, since = sent(), time.perf_counter()
    time.sleep(5)
    commands, seconds = sent() - before, time.perf_counter() - since
    worker.stop()
    thread.join()
    return {
        "idle, enqueue to running, median ms": statistics.median(running_after) * 1000,
        "idle, enqueue to running, 99 % ms": statistics.quantiles(running_after, n=100)[98] * 1000,
        "idle, enqueue to result, median ms": statistics.median(result_after) * 1000,
        "idle, commands a second": commands / seconds,
    }


def worker_process(queue) -> dict[str, float]:
    """The start and the size of a worker process."""
    starts, sizes = [], []
    for _ in range(5):
        spec = WorkerSpec("bench-start", queue.spec(), burst=False, parent=os.getpid())
        task_id = queue.add_task({"image_path": "images/sample.jpg", "output_path": "x"})
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "imglab.workers"],
            env={**os.environ, VARIABLE: spec.to_json()},
            stdout=subprocess.DEVNULL,
        )
        while queue.task(task_id).status == "pending":
            time.sleep(0.001)
        starts.append(time.perf_counter() - began)
        queue.join()
        sizes.append(psutil.Process(process.pid).memory_info().rss / 1e6)
        process.terminate()
        process.wait()
    return {
        "process start to first claim, s": statistics.median(starts),
        "worker process, MB resident": statistics.median(sizes),
    }


def one_photograph(job: tuple[str, str, str]) -> None:
    source, target, filters = job
    save_image(FilterPipeline.parse(filters).apply(open_image(source)), target)


def photographs(queue, count: int, pixels: int, folder: Path) -> dict[str, float]:
    """Real photographs through the queue, beside the same calls without one."""
    inputs = demo.make_inputs(count, pixels)
    jobs = [(str(path), str(folder / f"{n}.jpg"), FILTERS) for n, path in enumerate(inputs)]
    payloads = [{"image_path": source, "output_path": target} for source, target, _ in jobs]
    read, write = (".imglab/demo",), str(folder)
    pipeline = FilterPipeline.parse(FILTERS)

    def plain() -> None:
        for job in jobs:
            one_photograph(job)

    def one_worker() -> None:
        folders = Folders.of_project(read, write)
        Worker("bench", pipeline, queue, folders=folders).start()

    # Both sides alternate, so that a slow minute hits both; the best of each counts.
    loops, singles, pools, executors = [], [], [], []
    cores = os.cpu_count() or 1
    for _ in range(3):
        loops.append(1 / rate(1, plain))
        queue.add_tasks(payloads)
        singles.append(1 / rate(1, one_worker))
        with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as executor:
            list(executor.map(one_photograph, jobs[: 2 * cores]))  # warm
            executors.append(1 / rate(1, lambda ex=executor: list(ex.map(one_photograph, jobs))))
        with WorkerPool(cores, pipeline, queue, read=read, write=write) as pool:
            queue.add_tasks(payloads[: 2 * cores])
            pool.join()
            pools.append(1 / rate(1, lambda p=pool: (queue.add_tasks(payloads), p.join())))
        queue.clear()
    return {
        f"{count} photographs, one worker ÷ plain loop": min(singles) / min(loops),
        f"{count} photographs, {cores} workers ÷ ProcessPoolExecutor": min(pools) / min(executors),
        f"{count} photographs, speed-up of {cores} workers": min(loops) / min(pools),
    }


def show(title: str, figures: dict[str, float]) -> None:
    print(f"\n{title}")
    for name, value in figures.items():
        print(f"  {name:<52} {value:10.2f}")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", default="redis", choices=["redis", "valkey"])
    parser.add_argument("--photographs", type=int, default=200)
    parser.add_argument("--megapixels", type=float, default=1.0)
    parser.add_argument("--quick", action="store_true", help="the queue only")
    options = parser.parse_args()
    os.environ["IMGLAB_ROOT"] = str(ROOT)
    with (
        tempfile.TemporaryDirectory() as scratch,
        running(options.kind, Path(scratch)) as server,
        redis_queue(server) as queue,
    ):
        print(f"{options.kind} on {os.cpu_count()} cores, Python {sys.version.split()[0]}")
        for round_ in (1, 2, 3):
            show(f"spread over the cores, round {round_}", queue_rates(queue))
            with one_core(server.process.pid):
                show(f"on one core, round {round_}", queue_rates(queue))
        if options.quick:
            return
        show("an idle worker", idle_worker(queue, server))
        show("a worker process", worker_process(queue))
        queue.clear()
        folder = Path(scratch) / "output"
        pixels = int(options.megapixels * 1e6)
        show("photographs", photographs(queue, options.photographs, pixels, folder))


if __name__ == "__main__":
    main()
