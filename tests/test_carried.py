"""Photographs that Redis carries, for a class without a shared folder: small ones, for an hour."""

from __future__ import annotations

import io
import os

import pytest
from helpers.project import ROOT
from helpers.server import redis_queue
from helpers.shelf import new_path
from helpers.terminal import imglab, refused
from PIL import Image

from imglab import RedisWorker, TaskQueue
from imglab.errors import ImageError, StoreUnavailable
from imglab.ops.users import rules
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.storage import storage_for
from imglab.storage.carried import KEPT_S, MAX_CARRIED

PHOTO = (ROOT / "images" / "sample.jpg").read_bytes()


def carried(queue, data: bytes = PHOTO, name: str = "a.jpg") -> str:
    path = new_path(name)
    queue.keep_picture(path.partition(":")[2], data, KEPT_S)
    return path


def test_a_picture_goes_there_and_comes_back(both_queue, project):
    payload = {"image_path": carried(both_queue), "output_path": new_path("a.png")}
    task_id = both_queue.add_task({**payload, "filters": [{"name": "grayscale"}]})
    RedisWorker("ann", (), both_queue).start()
    result = both_queue.wait(task_id, 30)
    assert result["output_path"] == payload["output_path"]
    with storage_for(shelf=both_queue).open(result["output_path"]) as file:
        assert file.name == payload["output_path"]
        assert Image.open(file).mode == "L"
    assert list((project / "output").iterdir()) == []
    assert both_queue.check() == []


def test_a_queue_in_a_cluster_carries_as_well(cluster):
    with cluster.queue() as queue, storage_for(shelf=queue).open(carried(queue)) as file:
        assert file.read() == PHOTO


def test_every_byte_comes_back_as_it_was(both_queue):
    data = os.urandom(1000) + bytes(range(256)) + b"\r\n$5\r\n\xff\xfe"
    with storage_for(shelf=both_queue).open(carried(both_queue, data)) as file:
        assert file.read() == data


def test_a_picture_is_gone_after_its_hour_and_that_is_said(queue):
    path = carried(queue)
    key = queue.keys.picture(path.partition(":")[2])
    assert 0 < queue.redis.ttl(key) <= KEPT_S
    queue.redis.delete(key)
    with pytest.raises(ImageError, match=r"is not there: Redis keeps a picture for 60 minutes"):
        storage_for(shelf=queue).open(path)


def test_the_result_has_a_lifetime_and_a_limit_as_well(queue):
    storage = storage_for(shelf=queue)
    path = new_path("a.bmp")
    storage.save(path, lambda file: file.write(b"small"))
    assert 0 < queue.redis.ttl(queue.keys.picture(path.partition(":")[2])) <= KEPT_S
    large = new_path("a.bmp")
    with pytest.raises(ImageError, match="8,388,608 is the most"):
        storage.save(large, lambda file: file.write(bytes(MAX_CARRIED + 1)))
    assert queue.picture(large.partition(":")[2]) is None


def test_what_somebody_else_put_there_has_the_limit_before_it_is_fetched(queue):
    path = new_path("a.jpg")
    queue.redis.setrange(queue.keys.picture(path.partition(":")[2]), MAX_CARRIED, "x")
    with pytest.raises(ImageError, match="8,388,609 bytes; 8,388,608 is the most"):
        storage_for(shelf=queue).open(path)


@pytest.mark.parametrize(
    "path",
    [
        "redis:meta",
        "redis:../task:1",
        "redis:" + "0" * 32,
        "redis:" + "0" * 32 + ".jpg\n",
        "redis:" + "A" * 32 + ".jpg",
        "redis:",
    ],
)
def test_no_task_asks_for_another_key(queue, path):
    storage = storage_for(shelf=queue)
    for ask in (storage.open, storage.check_writable):
        with pytest.raises(ImageError, match="is no picture that Redis carries"):
            ask(path)


def test_a_queue_in_memory_carries_nothing(project):
    queue = TaskQueue(QueueSettings(max_attempts=1))
    task_id = queue.add_task({"image_path": new_path("a.jpg")})
    RedisWorker("ann", (), queue).start()
    assert "this queue carries nothing" in queue.task(task_id).reason


def test_a_key_of_another_kind_is_no_accident_for_a_worker(queue):
    path = new_path("a.jpg")
    queue.redis.lpush(queue.keys.picture(path.partition(":")[2]), "x")
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        storage_for(shelf=queue).open(path)


def test_a_redis_that_is_full_says_so_and_the_task_is_tried_again(own_server):
    with redis_queue(own_server) as queue:
        queue.redis.config_set("maxmemory", "3mb")
        with pytest.raises(StoreUnavailable, match="cannot be written"):
            storage_for(shelf=queue).save(
                new_path("a.bmp"), lambda file: file.write(bytes(MAX_CARRIED))
            )
        queue.redis.config_set("maxmemory", "0")


def test_each_user_may_carry_and_may_set_nothing_else(own_server):
    passwords = {user: user for user in ("producer", "worker", "viewer")}
    with RedisTaskQueue(url=own_server.url) as admin:
        for user, rule in rules(passwords).items():
            admin.redis.execute_command("ACL", "SETUSER", user, *rule)
    address = own_server.url.removeprefix("redis://")
    for user in ("producer", "worker"):
        with RedisTaskQueue(url=f"redis://{user}:{user}@{address}") as queue:
            with storage_for(shelf=queue).open(carried(queue)) as file:
                assert file.read() == PHOTO
            for key in (queue.keys.pending(), queue.keys.events, queue.keys.task("1")):
                with pytest.raises(Exception, match=r"(?i)permission"):
                    queue.redis.set(key, "x")
    with (
        RedisTaskQueue(url=f"redis://viewer:viewer@{address}") as viewer,
        pytest.raises(Exception, match=r"(?i)no rights|permission|refuses"),
    ):
        carried(viewer)


def test_the_terminal_sends_a_picture_and_saves_the_result(own_server, project, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", own_server.url)
    printed = imglab("submit", "images/sample.png", "--filters", "grayscale", "--carry")
    task_id, name = printed.split()
    assert name == "images/sample.png"
    assert "pending" in refused("result", task_id)
    imglab("worker", "--burst")
    assert imglab("result", task_id, "--save", "output").strip() == "output/sample.png"
    saved = (project / "output" / "sample.png").read_bytes()
    with Image.open(io.BytesIO(saved)) as image:
        assert image.mode == "L"
    imglab("result", task_id, "--save", "here.png", "--wait", "30")
    assert (project / "here.png").read_bytes() == saved
    assert '"output_path": "redis:' in imglab("result", task_id)


def test_what_cannot_be_carried_is_said_and_nothing_is_added(own_server, project, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", own_server.url)
    large = project / "images" / "large.bmp"
    with large.open("wb") as file:
        file.truncate(MAX_CARRIED + 1)
    assert "8,388,609 bytes; Redis carries 8,388,608" in refused("submit", str(large), "--carry")
    odd = ("images/sample.png", "--carry", "--priority", "odd")
    assert "Priority 'odd' does not exist" in refused("submit", *odd)
    assert "leave --carry out" in refused("submit", "images", "--batch", "b", "--carry")
    assert "leave --to out" in refused(
        "submit", "images/sample.png", "--carry", "--to", "s3://b/out/"
    )
    assert "without --carry" in refused("submit", "s3://b/a.png", "--carry")
    with RedisTaskQueue(url=own_server.url) as queue:
        assert queue.get_stats().unfinished == 0


def test_a_call_that_is_resumed_carries_on_and_adds_nothing_twice(own_server, project, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", own_server.url)
    three = ("submit", *["images/sample.png"] * 3, "--carry")
    imglab("settings", "--max-pending", "2")
    said = refused(*three)
    assert "2 of 3 tasks are in." in said
    assert "The queue is full" in refused(*three)
    with RedisTaskQueue(url=own_server.url) as queue:
        pictures = list(queue.redis.scan_iter("*picture:*"))
        assert len(pictures) == 3, "of the call that found no room none went up"
    imglab("settings", "--max-pending", "none")
    call_id = said.partition("--resume ")[2].partition(":")[0]
    assert len(set(imglab(*three, "--resume", call_id).split()[::2])) == 3
    with RedisTaskQueue(url=own_server.url) as queue:
        assert queue.get_stats().pending == 3
        assert sorted(queue.redis.scan_iter("*picture:*")) == sorted(pictures)


def test_a_result_on_a_workers_disk_is_not_saved_but_named(own_server, project, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", own_server.url)
    task_id = imglab("submit", "images/sample.png").split()[0]
    imglab("worker", "--burst")
    assert "is a file of the worker's machine: output/" in refused(
        "result", task_id, "--save", "x.png"
    )
