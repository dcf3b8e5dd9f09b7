"""RQ: SimpleWorker (no fork per job), and Retry, without which a killed worker's job has failed."""

from __future__ import annotations

import sys
import time

import common
from redis import Redis
from rq import Queue, Retry


def noop(n: int) -> None:
    common.stamp()


def hang() -> None:
    time.sleep(common.seconds_to_hang())


class Program(common.Program):
    packages = ("rq", "redis", "hiredis")

    def open(self):
        self.queue = Queue("bench", connection=Redis.from_url(common.URL))

    def add(self):
        return self.queue.enqueue(noop, 1, retry=Retry(max=3))

    def add_bulk(self, count):
        self.queue.enqueue_many(
            Queue.prepare_data(noop, (number,), retry=Retry(max=3)) for number in range(count)
        )

    def call(self):
        result = self.add().latest_result(timeout=common.RESULT)
        assert result is not None and result.type == result.Type.SUCCESSFUL, result

    def add_hanging(self):
        self.queue.enqueue(hang, retry=Retry(max=3))

    def work(self):
        if common.BEST:
            sys.exit("RQ's documentation names no setting faster than SimpleWorker.")
        simple = ("--worker-class", "rq.SimpleWorker", "--quiet")
        common.become("rq", "worker", "--url", common.URL, *simple, "bench")


if __name__ == "__main__":
    common.main("with_rq")
