"""Lesson 06: one look at a queue in two round trips; the judge counts them and stops the clock."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from typing import Any

from imglab.exercises import mistakes
from imglab.exercises.examiner import Examiner
from imglab.exercises.exercise import Exercise
from imglab.exercises.round_trips import NOW, RoundTrips
from imglab.language import tr

Snapshot = Callable[[Any, str, int], Any]

#: Milliseconds of the lease of most cases.
LEASE = 30_000
#: Workers of the case that counts round trips.
MANY = 30
#: Round trips a look may take.
MOST_ROUND_TRIPS = 2
PARTS = ("at", "depth", "busy", "silent")


def ask(r, namespace):
    start = namespace + "image_processing:"
    pipe = r.pipeline(transaction=False)
    pipe.time()
    pipe.hgetall(start + "processing")
    pipe.hgetall(start + "workers")
    pipe.zcard(start + "delayed")
    for status in ("pending", "completed", "failed"):
        pipe.llen(start + status)
    first = pipe.execute()
    for task in first[1]:
        pipe.hget(namespace + "task:" + task, "payload")
    return (*first, pipe.execute())


def snapshot(r, namespace, lease):
    clock, held, known, delayed, *lengths, payloads = ask(r, namespace)
    now = clock[0] * 1000 + clock[1] // 1000
    depth = dict(zip(("pending", "completed", "failed"), lengths))
    depth |= {"processing": len(held), "delayed": delayed}
    busy = {}
    for text, payload in zip(held.values(), payloads):
        claim = json.loads(text)
        if claim["deadline"] > now:
            busy[claim["worker"]] = json.loads(payload)["image_path"]
    seen = {name: json.loads(known[name])["seen"] for name in known}
    silent = [name for name in sorted(seen) if now - seen[name] > lease]
    return {"at": now, "depth": depth, "busy": busy, "silent": silent}


class Scene:
    """A queue that is written by hand, and a client that looks at it."""

    def __init__(self, exam: Examiner) -> None:
        self.exam = exam
        #: Writes, and is not counted.
        self.writer = exam.queue()
        #: What the answer is given.
        self.reader = exam.queue()
        self.trips = RoundTrips(self.reader.redis)
        self._start = f"{exam.namespace}image_processing:"

    def clear(self) -> None:
        """Make the queue empty again."""
        self.writer.clear()

    def fill(self, **lengths: int) -> None:
        """Put so many ids into pending, completed, failed and delayed."""
        r = self.writer.redis
        for status, length in lengths.items():
            ids = [f"{status}-{number}" for number in range(length)]
            if status == "delayed":
                r.zadd(self._start + status, dict.fromkeys(ids, NOW + 5_000))
            else:
                r.lpush(self._start + status, *ids)

    def hold(self, worker: str, photo: str, *, left: int) -> None:
        """Give a worker the task of a photograph, with so many milliseconds of its lease left."""
        deadline = NOW + left
        claim = {
            "worker": worker,
            "attempt": 1,
            "claim": "1:c0ffee1",
            "claimed_at": deadline - LEASE,
            "deadline": deadline,
        }
        paths = {"image_path": f"images/{photo}.jpg", "output_path": f"output/{photo}.png"}
        task = f"{photo}-1"
        r = self.writer.redis
        r.hset(f"{self._start}processing", task, json.dumps(claim))
        r.hset(
            f"{self.exam.namespace}task:{task}",
            mapping={"payload": json.dumps(paths), "worker": worker, "status": "processing"},
        )

    def seen(self, worker: str, *, ago: int) -> None:
        """Let a worker's last sign of life be so many milliseconds ago."""
        record = {"seen": NOW - ago, "task": "earlier-1", "pid": 4711, "host": "lab"}
        self.writer.redis.hset(f"{self._start}workers", worker, json.dumps(record))

    def look(self, answer: Snapshot, lease: int = LEASE) -> dict[str, Any]:
        """What the answer says, with its parts; of another kind it is wrong."""
        self.trips.begin()
        got = answer(self.reader.redis, self.exam.namespace, lease)
        need = tr("a dict with {parts}", parts=", ".join(PARTS))
        if got is None:
            self.exam.require(False, need, "None", mistakes.NO_RETURN)
        shape = tr("Return one dict with the four names of the task, spelled as there.")
        is_dict = isinstance(got, dict)
        self.exam.require(is_dict and got.keys() == set(PARTS), need, f"{got!r:.200}", shape)
        for part, kind in (("depth", dict), ("busy", dict), ("silent", (list, tuple, set))):
            words = tr("{part} of another kind than {part} of the example", part=part)
            fits = isinstance(got[part], kind)
            self.exam.require(fits, tr("the kinds of values of the example"), words, shape)
        return dict(got)

    def everything(self) -> dict[str, Any]:
        """Every key of the scene, as Redis would write it to a disk."""
        r = self.writer.redis
        return {name: r.dump(name) for name in r.scan_iter(f"{self.exam.namespace}*")}


def judge_snapshot(answer: Snapshot, exam: Examiner) -> None:
    """Lengths, clock, busy, silent, killed, the borders, the order; what it costs and changes."""
    scene = Scene(exam)
    _judge_depth(answer, scene)
    _judge_workers(answer, scene)
    _judge_killed(answer, scene)
    _judge_borders(answer, scene)
    _judge_silent(answer, scene)
    _judge_cost(answer, scene)


def _judge_depth(answer: Snapshot, scene: Scene) -> None:
    exam = scene.exam
    exam.case(
        tr("an empty queue"),
        tr(
            "A key that does not exist is empty: LLEN, ZCARD and HGETALL answer 0 or {}. Where "
            "nobody holds a task, there is nothing to ask in the second round trip. Replies come "
            "from pipe.execute(), and a function that asks has to return them."
        ),
    )
    nothing = dict.fromkeys(("pending", "processing", "delayed", "completed", "failed"), 0)
    exam.expect(nothing, scene.look(answer)["depth"])
    exam.case(
        tr("3 pending, 5 delayed, 4 completed, 1 failed, none in processing"),
        tr(
            "Each status has a key of its own, and they are of three types: pending, completed and "
            "failed are lists (LLEN), processing is a hash, delayed is a sorted set (ZCARD). All "
            "begin with the namespace that your function is given."
        ),
    )
    scene.fill(pending=3, delayed=5, completed=4, failed=1)
    got = scene.look(answer)
    depth = {"pending": 3, "processing": 0, "delayed": 5, "completed": 4, "failed": 1}
    exam.expect(depth, got["depth"])
    exam.case(
        tr("Redis' TIME answers (1000000000, 250000), which is {now} in milliseconds", now=NOW),
        tr(
            "Seconds × 1000, and microseconds // 1000. It is Redis' clock that counts: yours may "
            "be minutes away from it, and then every worker looks silent, or none."
        ),
    )
    in_a_script = tr(
        "The check cannot stop the clock of a script. Use a pipeline here: pipe.time() asks "
        "for Redis' clock."
    )
    hint = in_a_script if scene.trips.has_script else ""
    exam.require(got["at"] == NOW, str(NOW), f"{got['at']!r:.60}", hint)


def _judge_workers(answer: Snapshot, scene: Scene) -> None:
    exam = scene.exam
    exam.case(
        tr(
            "worker-1 holds coffee, worker-2 holds rocket, worker-3 was seen 2 s ago, worker-4 40 "
            "s ago; the lease is 30 s"
        ),
        tr(
            "The claim names the worker and the task's id. What the task is about stands in the "
            "hash task:<id>: the field payload, JSON again, has the image_path."
        ),
    )
    scene.hold("worker-1", "coffee", left=25_000)
    scene.hold("worker-2", "rocket", left=29_000)
    for worker, ago in (("worker-1", 5_000), ("worker-2", 1_000), ("worker-3", 2_000)):
        scene.seen(worker, ago=ago)
    scene.seen("worker-4", ago=40_000)
    got = scene.look(answer)
    exam.expect({"worker-1": "images/coffee.jpg", "worker-2": "images/rocket.jpg"}, got["busy"])
    exam.expect(2, got["depth"].get("processing"))
    exam.expect(
        ["worker-4"],
        sorted(got["silent"]),
        tr(
            "A worker can be silent without holding anything, and one that holds nothing can be "
            "well: silence is in the hash `workers`, where each record has `seen`."
        ),
    )


def _judge_killed(answer: Snapshot, scene: Scene) -> None:
    exam = scene.exam
    scene.clear()
    exam.case(
        tr(
            "worker-1 was killed 33 s ago with coffee in hand, its lease of 30 s ran out; worker-2 "
            "holds rocket"
        ),
        tr(
            "Nobody took coffee over yet, so its claim is still in processing. But a claim whose "
            "deadline is past says nothing of its worker: that one is not busy."
        ),
    )
    scene.hold("worker-1", "coffee", left=-3_000)
    scene.hold("worker-2", "rocket", left=9_000)
    scene.seen("worker-1", ago=33_000)
    scene.seen("worker-2", ago=21_000)
    got = scene.look(answer)
    exam.expect({"worker-2": "images/rocket.jpg"}, got["busy"])
    exam.expect(["worker-1"], sorted(got["silent"]))
    exam.expect(
        2, got["depth"]["processing"], tr("Count what is in processing, whatever its lease.")
    )


def _judge_borders(answer: Snapshot, scene: Scene) -> None:
    exam = scene.exam
    scene.clear()
    exam.case(
        tr("the lease is 3 s (3,000); worker-1 was seen 4 s ago, worker-2 2 s ago"),
        tr(
            "The lease is a parameter, in milliseconds: silent is whoever was last seen longer ago "
            "than that."
        ),
    )
    scene.seen("worker-1", ago=4_000)
    scene.seen("worker-2", ago=2_000)
    exam.expect(["worker-1"], sorted(scene.look(answer, 3_000)["silent"]))
    scene.clear()
    exam.case(
        tr(
            "a lease that ends at this very millisecond, and one that has 1 ms left; a worker seen "
            "30,000 ms ago, and one seen 30,001 ms ago; the lease is 30,000"
        ),
        tr(
            "Busy: the deadline is later than now. Silent: seen more than a lease ago. So at the "
            "very millisecond a claim holds no more, and its worker is not silent yet."
        ),
    )
    scene.hold("worker-1", "coffee", left=0)
    scene.hold("worker-2", "rocket", left=1)
    scene.seen("worker-1", ago=LEASE)
    scene.seen("worker-2", ago=LEASE - 1)
    scene.seen("worker-3", ago=LEASE + 1)
    got = scene.look(answer)
    exam.expect({"worker-2": "images/rocket.jpg"}, got["busy"])
    exam.expect(["worker-3"], sorted(got["silent"]))


def _judge_silent(answer: Snapshot, scene: Scene) -> None:
    exam = scene.exam
    scene.clear()
    exam.case(
        tr(
            "worker-2 was seen 50 s ago and holds coffee, with 5 s left; worker-1 was seen 40 s "
            "ago; the lease is 30 s"
        ),
        tr(
            "Silent is whoever was last seen more than a lease ago, whether it holds a task or not."
        ),
    )
    scene.hold("worker-2", "coffee", left=5_000)
    scene.seen("worker-2", ago=50_000)
    scene.seen("worker-1", ago=40_000)
    silent = scene.look(answer)["silent"]
    both = ["worker-1", "worker-2"]
    exam.expect(both, sorted(silent))
    if isinstance(silent, list):  # a set has no order, and says so
        exam.expect(both, silent, tr("The names come in the order of the alphabet: sorted(…)."))


def _judge_cost(answer: Snapshot, scene: Scene) -> None:
    exam = scene.exam
    scene.clear()
    for number in range(MANY):
        scene.hold(f"worker-{number}", f"photo-{number}", left=20_000)
        scene.seen(f"worker-{number}", ago=10_000)
    exam.case(
        tr("{workers} busy workers", workers=MANY),
        tr(
            "Every call of r.… is a round trip of its own. Collect the commands in a pipeline: "
            "pipe.hget(…) only notes it, and pipe.execute() sends all of them at once and returns "
            "a list of the replies."
        ),
    )
    before = scene.everything()
    got = scene.look(answer)
    trips = scene.trips
    photos = {f"worker-{number}": f"images/photo-{number}.jpg" for number in range(MANY)}
    exam.expect(photos, got["busy"])
    exam.require(
        trips.count <= MOST_ROUND_TRIPS,
        tr("{most} round trips", most=MOST_ROUND_TRIPS),
        tr("{count} of them", count=trips.count),
    )
    exam.require(
        not trips.has_keys,
        tr("the keys by their names"),
        tr("the command KEYS"),
        tr(
            "KEYS holds everybody up while it searches all of Redis, and you know the names: "
            "processing tells which tasks are held."
        ),
    )
    exam.require(
        scene.everything() == before,
        tr("Redis as it was before"),
        tr("other values in it"),
        tr("A monitor looks and changes nothing: no RPOP, no HDEL, no SET."),
    )


def _code(functions: Sequence[Callable[..., object]]) -> str:
    return "\n\n".join(inspect.getsource(each) for each in functions)


EXERCISES = {
    "06-exercise-snapshot": Exercise(
        task=tr(
            "snapshot(r, namespace, lease) looks at a queue in two round trips to Redis, with "
            "pipelines, and returns a dict: at (ms of Redis' clock), depth (status → number of "
            "tasks), busy (worker → image_path of the task it holds, if the deadline of its claim "
            "is later than now), silent (sorted names of workers that were seen more than lease ms "
            "ago). Claims are JSON in the hash image_processing:processing, workers in "
            "image_processing:workers, payloads in task:<id>, all behind the namespace."
        ),
        hints=(
            tr(
                "What can you ask before you know which tasks are held? It all goes into the first "
                "pipeline. Only the payloads of the held tasks are for the second."
            ),
            tr(
                "The first: pipe.time(), pipe.hgetall(…) of processing and workers, pipe.zcard(…) "
                "of delayed, pipe.llen(…) of three lists; pipe.execute() returns the replies in "
                'this order. The second: pipe.hget(namespace + "task:" + task, "payload") for each '
                "id in processing, and pipe.execute() again."
            ),
            tr(
                "In `snapshot`: now = clock[0] * 1000 + clock[1] // 1000; busy where "
                'claim["deadline"] > now, after claim = json.loads(text); silent where now - '
                'record["seen"] > lease.'
            ),
        ),
        solution=snapshot,
        judge=judge_snapshot,
        redis=True,
        text=_code((ask, snapshot)),
    )
}
