"""imglab: at least once by its defaults, a lease of 30 s behind a heartbeat."""

from __future__ import annotations

import os
import signal
import time

import common

from imglab.queues import RedisTaskQueue
from imglab.workers import Worker

#: Seconds of computing in each task.
WORK = float(os.environ.get("BENCH_MS", "0")) / 1000


class Stamping(Worker):
    """A worker whose tasks are the benchmark's and not pictures."""

    def process(self, task):
        began = time.thread_time()
        while time.thread_time() - began < WORK:
            pass
        if task.payload.get("hang"):
            time.sleep(common.seconds_to_hang())
        else:
            common.stamp()
        return {}


class Program(common.Program):
    packages = ("imglab", "redis", "hiredis")

    def open(self):
        self.queue = RedisTaskQueue(url=common.URL)

    def close(self):
        self.queue.close()

    def add(self):
        return self.queue.add_task({"n": 1})

    def add_bulk(self, count):
        self.queue.add_tasks({"n": number} for number in range(count))

    def call(self):
        self.queue.wait(self.add(), timeout=common.RESULT)

    def add_hanging(self):
        self.queue.add_task({"hang": True})

    def work(self):
        self.open()
        options = {"prefetch": 16} if common.BEST else {}
        worker = Stamping(f"bench-{time.time_ns()}", (), self.queue, **options)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        worker.run()


if __name__ == "__main__":
    common.main("with_imglab")
