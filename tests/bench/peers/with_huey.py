"""Huey: RedisHuey as it comes; it has no setting that keeps a killed worker's task."""

from __future__ import annotations

import os
import time

import common
from huey import RedisHuey

# Without it the caller looks again and again; with it each task costs two more commands.
notify = os.environ.get("BENCH_LATENCY") == "1"
huey = RedisHuey("bench", url=common.URL, notify_result=notify)


@huey.task(name="noop")
def noop(n: int) -> int:
    common.stamp()
    return n


@huey.task(name="hang")
def hang() -> int:
    time.sleep(common.seconds_to_hang())
    return 0


class Program(common.Program):
    packages = ("huey", "redis", "hiredis")

    def add(self):
        return noop(1)

    def call(self):
        self.add().get(blocking=True, timeout=common.RESULT)

    def add_hanging(self):
        hang()

    def work(self):
        workers = "8" if common.BEST else "1"
        common.become(
            "huey_consumer", "with_huey.huey", "--worker-type", "thread", "--workers", workers,
            "--quiet", "--graceful-signal", "TERM",
        )  # fmt: skip


if __name__ == "__main__":
    common.main("with_huey")
