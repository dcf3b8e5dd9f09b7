"""One seed from its beginning to its end: a Redis, a pool, and everybody who is against them.

The same seed draws the same tasks, faults and hostile acts; what they hit is up to the moment.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import redis
from helpers.project import ROOT, make_project
from helpers.server import Server, running
from PIL import Image

from imglab.ops.chaos.plan import LEASE, MAX_CRASHES
from imglab.ops.users import rules
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.workers import WorkerPool
from torture.cutter import Cutter
from torture.intruder import Intruder
from torture.judge import Ending, Judge
from torture.kinds import SOUND
from torture.moods import Moods
from torture.plan import TIME_LIMIT, Plan
from torture.producer import Joiner, Producer
from torture.report import Report
from torture.staff import Staff
from torture.torment import Torment

#: The filters that the workers import.
IMPORTS = ("torture.troubles",)
#: So many tasks, events and oddities are kept: all, for the judge.
KEEP = 1_000_000
SETTINGS = QueueSettings(
    lease=LEASE,
    max_crashes=MAX_CRASHES,
    time_limit=TIME_LIMIT,
    backoff=0.1,
    backoff_cap=1,
    keep=KEEP,
    keep_events=KEEP,
)


def run(folder: Path, seed: int, *, tasks: int, workers: int = 8) -> Report:
    """Torture a queue in a folder of its own, and judge it; no process is left."""
    began = time.monotonic()
    plan = Plan.draw(seed, tasks, workers)
    make_project(folder)
    for name in ("marks", "server"):
        (folder / name).mkdir()
    Image.new("RGB", (4, 4)).save(folder / "images" / "dot.png")
    options = ("--enable-protected-configs", "yes")
    with (
        _environment(folder),
        running("valkey", folder / "server", *options) as server,
        Cutter(server.port, seed) as cutter,
    ):
        return _tortured(plan, folder, _Doors(server, cutter), workers, began)


@contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """What the workers inherit: where the project is, and where their filters are."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    wanted = {"IMGLAB_ROOT": str(folder), "PYTHONPATH": path}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _Doors:
    """Who connects to one Redis as whom, and by which way."""

    def __init__(self, server: Server, cutter: Cutter) -> None:
        self.cutter = cutter
        self._port = server.port
        self._passwords = {user: secrets.token_hex(8) for user in ("producer", "worker", "viewer")}
        #: With all rights, by a way on which nothing is cut: for whoever judges.
        self.owner = RedisTaskQueue(url=server.url, settings=SETTINGS)
        #: The same as a client that gives bytes.
        self.raw = redis.Redis(port=server.port)
        for user, rule in rules(self._passwords).items():
            self.owner.redis.execute_command("ACL", "SETUSER", user, *rule)

    def queue_of(self, user: str) -> RedisTaskQueue:
        """The queue as a user of it has it, through the cutter."""
        return RedisTaskQueue(url=self._url(user, self.cutter.port), settings=SETTINGS)

    def client_of(self, user: str) -> redis.Redis:
        """A client of a user, straight to Redis, that takes and gives bytes."""
        return redis.Redis.from_url(self._url(user, self._port))

    def _url(self, user: str, port: int) -> str:
        return f"redis://{user}:{self._passwords[user]}@127.0.0.1:{port}"


def _what_is_left(pool: WorkerPool, queue: RedisTaskQueue) -> str:
    """What still has to happen when all tasks have ended, as a sentence; "" for nothing."""
    missing = pool.size - len(pool.pids)
    if missing:
        return f"{missing} workers are missing."
    # Sleepers take the hostile producer's tokens, one at a time.
    tokens = queue.redis.llen(queue.keys.wake)
    if tokens > 1:
        return f"{tokens} wake tokens are left."
    return ""


def _tortured(plan: Plan, folder: Path, doors: _Doors, workers: int, began: float) -> Report:
    """Let everybody do what is planned, and judge what came of it."""
    owner = doors.owner
    producer = Producer(doors.queue_of("producer"), owner, plan)
    joiner = Joiner(doors.queue_of("producer"), owner, producer)
    hostile = doors.client_of("producer")
    intruder = Intruder(hostile, owner.keys, plan.seed, producer.added)
    moods = Moods(owner.redis, hostile, owner.keys.pending())
    moods.prepare(folder)
    queue = doors.queue_of("worker")
    with WorkerPool(workers, (), queue, imports=IMPORTS) as pool, Staff(pool) as staff:
        torment = Torment(plan, producer, moods, staff, intruder)
        doors.cutter.cut_from_now()
        producer.start()
        joiner.start()
        try:
            torment.rain()
            torment.come_to_rest(joiner, partial(_what_is_left, pool, owner))
        finally:
            torment.end()
            producer.stop()
            joiner.stop()
            doors.cutter.spare_from_now()
        by_themselves = staff.ended_by_themselves(folder / "marks")
    ending = Ending.read(owner, doors.raw)
    wrong = {
        **Judge(plan, owner, intruder, ending, folder / "output").wrong(),
        "ended by themselves": by_themselves,
        "join": joiner.wrong(intruder.spoiled),
        "otherwise": torment.findings,
    }
    sound = sum(kind == SOUND for kind in plan.tasks.values())
    return Report(
        seed=plan.seed,
        seconds=round(time.monotonic() - began, 1),
        sound=sound,
        unsound=len(plan.tasks) - sound,
        acts=dict(intruder.acts),
        foreign=len(intruder.foreign),
        spoiled=len(intruder.spoiled),
        doubled=len(intruder.doubled),
        faults=dict(torment.faults),
        cuts=doors.cutter.cuts,
        completed=ending.completed.total(),
        failed=ending.failed.total(),
        set_aside=len(ending.odd),
        processes=len(staff.started),
        silent=staff.silent,
        joins=joiner.times,
        wrong=wrong,
    )
