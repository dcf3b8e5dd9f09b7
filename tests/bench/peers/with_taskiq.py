"""taskiq: the Redis stream broker, the one that acknowledges, when the result is saved."""

from __future__ import annotations

import asyncio

import common
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

backend = RedisAsyncResultBackend(common.URL, result_ex_time=600)
broker = RedisStreamBroker(common.URL).with_result_backend(backend)


@broker.task(task_name="noop")
async def noop(n: int) -> None:
    common.stamp()


@broker.task(task_name="hang")
async def hang() -> None:
    await asyncio.sleep(common.seconds_to_hang())


class Program(common.Program):
    packages = ("taskiq", "taskiq-redis", "redis", "hiredis")

    async def open(self):
        await broker.startup()

    async def close(self):
        await broker.shutdown()

    def add(self):
        return noop.kiq(1)

    def add_bulk(self, count):
        return common.in_turns(count, self.add)

    async def call(self):
        task = await self.add()
        await task.wait_result(check_interval=common.LOOK, timeout=common.RESULT)

    async def add_hanging(self):
        await hang.kiq()

    def work(self):
        tasks = "100" if common.BEST else "1"
        common.become(
            "taskiq", "worker", "with_taskiq:broker", "--workers", "1", "--max-async-tasks", tasks,
            "--log-level", "WARNING",
        )  # fmt: skip


if __name__ == "__main__":
    common.main("with_taskiq")
