"""Pictures in stores: our calls beside obstore's own, and Redis beside a disk and S3."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from helpers.project import ROOT
from helpers.shelf import new_path
from helpers.stores import Bucket, new_bucket, running_moto

from imglab.queues import RedisTaskQueue
from imglab.storage import Storage, storage_for
from imglab.storage.carried import KEPT_S

#: How often each is done, in turns.
ROUNDS = 100
#: What travels: a small photograph, and as many bytes as one of 12 megapixels has.
SMALL = (ROOT / "images" / "sample.jpg").read_bytes()
LARGE = SMALL + os.urandom(4_000_000 - len(SMALL))
#: Times of each way, in seconds.
Times = dict[str, list[float]]


def measured(queue: RedisTaskQueue, folder: Path) -> dict[str, float]:
    """Each way in turns, so that a slow second hits all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, float] = {}
    with running_moto(folder) as machine:
        bucket = new_bucket(machine.endpoint)
        os.environ.update(bucket.environment)
        storage = storage_for((str(folder),), str(folder), (bucket.url,), queue)
        for data in (SMALL, LARGE):
            bucket.put("in.jpg", data)
            local = folder / "in.jpg"
            local.write_bytes(data)
            carried = new_path("in.jpg")
            queue.keep_picture(carried.partition(":")[2], data, KEPT_S)
            ways = {
                "obstore's own": _own_calls(bucket, data),
                "S3": _calls(storage, f"{bucket.url}/in.jpg", bucket.url, data),
                "a disk": _calls(storage, str(local), str(folder), data),
                "Redis": _calls(storage, carried, "", data),
            }
            found |= _figures(_in_turns(ways), len(data))
    return found


def _calls(storage: Storage, source: str, target: str, data: bytes) -> Callable[[int], None]:
    """Read, and write a new file, as a worker does."""

    def once(number: int) -> None:
        path = f"{target}/out-{len(data)}-{number}.jpg"
        if not target:
            path = new_path("out.jpg")
        with storage.open(source) as file:
            assert len(file.read()) == len(data)
        name = storage.check_writable(path)
        storage.save(name, lambda file: file.write(data))

    return once


def _own_calls(bucket: Bucket, data: bytes) -> Callable[[int], None]:
    store = bucket.store()

    def once(number: int) -> None:
        assert len(store.get("in.jpg").bytes()) == len(data)
        store.put(f"own-{len(data)}-{number}.jpg", data)

    return once


def _in_turns(ways: dict[str, Callable[[int], None]]) -> Times:
    times: Times = {name: [] for name in ways}
    order = list(ways.items())
    for number in range(ROUNDS):
        order.append(order.pop(0))  # nobody always follows the same one
        for name, once in order:
            began = time.perf_counter()
            once(number)
            times[name].append(time.perf_counter() - began)
    return times


def _figures(times: Times, size: int) -> dict[str, float]:
    typical = {name: statistics.median(values) for name, values in times.items()}
    own = typical["obstore's own"]
    title = f"{size // 1000} kB read and written"
    found = {f"{title}, S3: ours ÷ obstore's own calls": typical["S3"] / own}
    for name, seconds in typical.items():
        found[f"{title}: {name}, ms"] = seconds * 1000
    return found
