"""Celery: acknowledged late, requeued when the worker is lost, one task reserved at a time.

https://docs.celeryq.dev/en/stable/userguide/optimizing.html#reserve-one-task-at-a-time
"""

from __future__ import annotations

import time

import common
from celery import Celery, group

app = Celery("bench", broker=common.URL, backend=common.URL)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)


@app.task(name="noop")
def noop(n: int) -> None:
    common.stamp()


@app.task(name="hang")
def hang() -> None:
    time.sleep(common.seconds_to_hang())


class Program(common.Program):
    packages = ("celery", "kombu", "redis", "hiredis")

    def add(self):
        return noop.delay(1)

    def add_bulk(self, count):
        group(noop.s(number) for number in range(count)).apply_async()

    def call(self):
        self.add().get(timeout=common.RESULT)

    def add_hanging(self):
        hang.delay()

    def work(self):
        one = ("--pool", "prefork", "--concurrency", "1")
        best = ("--pool", "prefork", "--concurrency", "2", "--prefetch-multiplier", "64")
        options = best if common.BEST else one
        common.become(
            "celery", "-A", "with_celery", "worker", "-n", f"{time.time_ns()}@%h",
            "--loglevel", "WARNING", *options,
        )  # fmt: skip


if __name__ == "__main__":
    common.main("with_celery")
