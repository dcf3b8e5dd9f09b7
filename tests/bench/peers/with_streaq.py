"""streaQ: what a silent worker held is enqueued again after idle_timeout; that is its default."""

from __future__ import annotations

import asyncio

import common
from streaq import Worker

worker = Worker(redis_url=common.URL, concurrency=16 if common.BEST else 1)


@worker.task(name="noop", silent=True)
async def noop(n: int) -> None:
    common.stamp()


@worker.task(name="hang")
async def hang() -> None:
    await asyncio.sleep(common.seconds_to_hang())


class Program(common.Program):
    packages = ("streaq", "coredis")

    async def open(self):
        await worker.__aenter__()

    async def close(self):
        await worker.__aexit__(None, None, None)

    async def add(self):
        return await noop.enqueue(1)

    async def add_bulk(self, count):
        await worker.enqueue_many([noop.enqueue(number) for number in range(count)])

    async def call(self):
        await (await self.add()).result(timeout=common.RESULT)

    async def add_hanging(self):
        await hang.enqueue()

    def work(self):
        common.become("streaq", "run", "with_streaq:worker")


if __name__ == "__main__":
    common.main("with_streaq")
