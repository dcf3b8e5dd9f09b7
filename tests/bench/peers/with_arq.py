"""arq: a job is in progress until its key expires, then it is anybody's; that is its default."""

from __future__ import annotations

import asyncio

import common
from arq import create_pool
from arq.connections import RedisSettings


async def noop(_, n: int) -> None:
    common.stamp()


async def hang(_) -> None:
    await asyncio.sleep(common.seconds_to_hang())


#: Warnings only: every other worker here is as quiet.
LOG = {"version": 1, "disable_existing_loggers": False}


class WorkerSettings:
    functions = (noop, hang)
    redis_settings = RedisSettings.from_dsn(common.URL)
    max_jobs = 100 if common.BEST else 1
    poll_delay = 0.01 if common.BEST else 0.5  # 0.5 is the default


class Program(common.Program):
    packages = ("arq", "redis", "hiredis")

    async def open(self):
        self.pool = await create_pool(WorkerSettings.redis_settings)

    async def close(self):
        await self.pool.aclose()

    def add(self):
        return self.pool.enqueue_job("noop", 1)

    def add_bulk(self, count):
        return common.in_turns(count, self.add)

    async def call(self):
        await (await self.add()).result(timeout=common.RESULT, poll_delay=common.LOOK)

    async def add_hanging(self):
        await self.pool.enqueue_job("hang")

    def work(self):
        common.become("arq", "with_arq.WorkerSettings", "--custom-log-dict", "with_arq.LOG")


if __name__ == "__main__":
    common.main("with_arq")
