"""What imglab says of itself alone: memory, bounds, a long queue, processes, recovery."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
from peers import ROOT

from imglab.imaging import open_image, save_image
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.workers import WorkerPool
from imglab.workers.process import VARIABLE, WorkerSpec

Figures = dict[str, float]


def memory(server) -> Figures:
    """What a finished task costs in Redis by default, once the bounds are reached."""
    queue = RedisTaskQueue(url=server.url)  # without a namespace, which would be in every key

    def used() -> int:
        queue.redis.memory_purge()
        return queue.redis.info("memory")["used_memory"]

    before, sizes = used(), []
    for _ in range(3):
        queue.add_tasks({"n": n} for n in range(10_000))
        tasks = queue.get_tasks("bench", 100)
        while tasks:
            tasks = queue.complete_and_claim_tasks([(task, "{}") for task in tasks], 100)
        sizes.append(used())
    queue.clear()
    queue.close()
    return {
        "Redis memory per finished task, bytes": (sizes[0] - before) / 10_000,
        "… after three times as many ÷ after the first 10,000": (sizes[-1] - before)
        / (sizes[0] - before),
    }


def long_queue(server, namespace: str) -> Figures:
    """A claim with the completion before it: 100,000 wait and 1,000 are held ÷ an empty queue."""

    def cost(queue: RedisTaskQueue) -> float:
        chunks = []
        task = queue.get_task("bench")
        for _ in range(40):
            began = time.perf_counter()
            for _ in range(25):
                task = queue.complete_and_claim(task)
            chunks.append((time.perf_counter() - began) / 25)
        queue.release(task)
        return statistics.median(chunks)

    with RedisTaskQueue(url=server.url, namespace=namespace + "long:") as queue:
        queue.add_tasks({"n": n} for n in range(2_000))
        short = cost(queue)
        queue.add_tasks({"n": n} for n in range(100_000))
        for _ in range(2):
            queue.get_tasks("holder", 500)
        crowded = cost(queue)
        began = time.perf_counter()
        for _ in range(20):
            queue.reap()
        reap = (time.perf_counter() - began) / 20
        queue.clear()
    return {
        "claim and completion, 100,000 pending and 1,000 held ÷ empty": crowded / short,
        "a reap over 1,000 held tasks, ms": reap * 1000,
        "… per held task ÷ one claim (every claim shares it)": reap / 1000 / short,
    }


def process(queue: RedisTaskQueue, folder: Path) -> Figures:
    """The start and the size of a worker process, beside `import redis`."""
    starts, empty, working, imports = [], [], [], []
    folder.mkdir(exist_ok=True)
    small = str(folder / "small.jpg")
    save_image(open_image(ROOT / "images" / "sample.jpg").resize((300, 300)), small)
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import redis"], check=True)
        imports.append(time.perf_counter() - began)
        spec = WorkerSpec("bench-start", queue.spec(), parent=os.getpid(), write=str(folder))
        began = time.perf_counter()
        worker = subprocess.Popen(
            [sys.executable, "-m", "imglab.workers"],
            env={**os.environ, VARIABLE: spec.to_json()},
            stdout=subprocess.DEVNULL,
        )
        while queue.workers().get("bench-start", {}).get("pid") != worker.pid:
            time.sleep(0.001)
        starts.append(time.perf_counter() - began)
        resident = psutil.Process(worker.pid).memory_info
        empty.append(resident().rss / 1e6)
        target = str(folder / "small.png")
        blur = [{"name": "blur"}, {"name": "edges"}]
        queue.add_tasks([{"image_path": small, "output_path": target, "filters": blur}] * 20)
        queue.join()
        assert queue.get_stats().failed == 0
        working.append(resident().rss / 1e6)
        worker.terminate()
        worker.wait()
    queue.clear()
    return {
        "process start to first claim, s": statistics.median(starts),
        "… ÷ import redis": statistics.median(starts) / statistics.median(imports),
        "resident before the first picture, MB": statistics.median(empty),
        "resident after twenty pictures of 300 × 300, MB": statistics.median(working),
    }


def idle(queue: RedisTaskQueue) -> Figures:
    """What a worker process that has nothing to do costs in ten seconds."""

    def sent() -> int:  # what scripts call themselves would count in Redis' total, too
        calls = queue.redis.info("commandstats")
        return sum(
            calls.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval")
        )

    with WorkerPool(1, (), queue, prefix="bench") as pool:
        worker = psutil.Process(pool.pids["bench-1"])
        time.sleep(1)
        before, cpu, since = sent(), sum(worker.cpu_times()[:2]), time.perf_counter()
        time.sleep(10)
        seconds = time.perf_counter() - since
        used = sum(worker.cpu_times()[:2]) - cpu
        claims = (sent() - before) / seconds
    return {
        "idle: commands a second beside the blocking read": claims,
        "idle: share of one core, %": 100 * used / seconds,
    }


def recovery(server, namespace: str, folder: Path) -> Figures:
    """Seconds from `kill -9` to the next claim of the task: with a pool, and with nobody left."""
    settings = QueueSettings(lease=5)
    busy = [{"name": "busy", "ms": 2000}]
    payload = {"image_path": "images/sample.jpg", "output_path": str(folder / "busy.jpg")}
    payload["filters"] = busy

    def until_claimed(queue: RedisTaskQueue, task_id: str, attempt: int) -> float:
        limit = time.monotonic() + 60
        while queue.task(task_id).attempt < attempt or queue.task(task_id).status == "pending":
            if time.monotonic() > limit:
                raise TimeoutError(f"task {task_id} was not claimed again")
            time.sleep(0.005)
        return time.perf_counter()

    in_pool = []
    options = {"imports": ["imglab.classroom.troublemakers"], "write": str(folder)}
    with RedisTaskQueue(url=server.url, namespace=namespace + "kill:") as queue:
        for _ in range(5):
            with WorkerPool(2, (), queue, **options) as pool:
                task_id = queue.add_task(payload)
                until_claimed(queue, task_id, 1)
                killed = time.perf_counter()
                pool.kill(queue.task(task_id).worker)
                in_pool.append(until_claimed(queue, task_id, 2) - killed)
                pool.join(30)
    with RedisTaskQueue(url=server.url, namespace=namespace + "host:", settings=settings) as queue:
        alone = []
        for _ in range(3):
            with WorkerPool(1, (), queue, **options) as pool:
                task_id = queue.add_task(payload)
                until_claimed(queue, task_id, 1)
                _kill_all(pool)
                killed = time.perf_counter()
            with WorkerPool(1, (), queue, prefix="other", **options) as pool:
                alone.append(until_claimed(queue, task_id, 2) - killed)
                pool.join(30)
    return {
        "kill -9 in a pool: claimed again after, s": statistics.median(in_pool),
        "… the slowest of five, s": max(in_pool),
        "the whole host gone: claimed again after the lease of 5 s, plus, s": max(alone) - 5,
    }


def _kill_all(pool: WorkerPool) -> None:
    """As when the host loses its power: the workers and whoever would replace them are gone."""
    pool._crew.end_watch()
    for pid in pool.pids.values():
        os.kill(pid, signal.SIGKILL)
    for member in pool._crew.members.values():
        member.process.wait()
    pool._crew.members.clear()
