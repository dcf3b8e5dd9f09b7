"""Dramatiq: its Redis broker gives back what a worker without a heartbeat held; results stored."""

from __future__ import annotations

import time

import common
import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends.redis import RedisBackend

broker = RedisBroker(url=common.URL)
broker.add_middleware(Results(backend=RedisBackend(url=common.URL), store_results=True))
dramatiq.set_broker(broker)


@dramatiq.actor(actor_name="noop")
def noop(n: int) -> int:
    common.stamp()
    return n


@dramatiq.actor(actor_name="hang")
def hang() -> int:
    time.sleep(common.seconds_to_hang())
    return 0


class Program(common.Program):
    packages = ("dramatiq", "redis", "hiredis")

    def add(self):
        return noop.send(1)

    def call(self):
        self.add().get_result(block=True, timeout=common.RESULT * 1000)

    def add_hanging(self):
        hang.send()

    def work(self):
        threads = "16" if common.BEST else "1"
        common.become("dramatiq", "with_dramatiq", "--processes", "1", "--threads", threads)


if __name__ == "__main__":
    common.main("with_dramatiq")
