"""SAQ: with retries, without which its sweep aborts a killed worker's job."""

from __future__ import annotations

import asyncio

import common
from saq import Queue

queue = Queue.from_url(common.URL)


async def noop(_, *, n: int) -> None:
    common.stamp()


async def hang(_) -> None:
    await asyncio.sleep(common.seconds_to_hang())


settings = {
    "queue": queue,
    "functions": [noop, hang],
    "concurrency": 100 if common.BEST else 1,
}


class Program(common.Program):
    packages = ("saq", "redis", "hiredis")

    async def open(self):
        await queue.connect()

    async def close(self):
        await queue.disconnect()

    def add(self):
        return queue.enqueue("noop", n=1, retries=3)

    def add_bulk(self, count):
        return common.in_turns(count, self.add)

    async def call(self):
        await queue.apply("noop", poll_interval=common.LOOK, timeout=common.RESULT, n=1, retries=3)

    async def add_hanging(self):
        await queue.enqueue("hang", retries=3)

    def work(self):
        common.become("saq", "with_saq.settings")


if __name__ == "__main__":
    common.main("with_saq")
