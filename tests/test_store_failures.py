"""Stores that fail: one true sentence each, tried again where that can help, no secret, no half."""

from __future__ import annotations

import logging

import pytest
from helpers.faulty_store import faulty_store
from helpers.project import ROOT
from helpers.server import free_port
from helpers.stores import SECRET, make_bucket, new_bucket, running_moto, running_sftp

from imglab.batches import named
from imglab.batches.photograph import GONE
from imglab.errors import ImageError, StoreUnavailable
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.storage import Storage, storage_for
from imglab.storage.opened import open_store
from imglab.workers import Worker
from imglab.workers.endings import ending_of

PHOTO = (ROOT / "images" / "sample.jpg").read_bytes()


@pytest.fixture
def faulty(monkeypatch):
    with faulty_store() as (store, address):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRET)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        store.address = address
        yield store


@pytest.fixture
def storage() -> Storage:
    return storage_for(prefixes=("s3://b/",))


def hello(file) -> None:
    file.write(b"hello")


def is_tried_again(error: BaseException) -> bool:
    ending = ending_of(error)
    assert not ending.is_surprise
    return ending.retry


def refusal(call, *words: object) -> tuple[str, bool]:
    """What a call says when it fails, and whether its task is tried again."""
    with pytest.raises((ImageError, StoreUnavailable)) as caught:
        call(*words)
    text = str(caught.value)
    assert SECRET not in text
    assert "\n" not in text
    return text, is_tried_again(caught.value)


def test_a_store_that_is_not_there_is_said_and_its_task_tried_again(monkeypatch, bucket):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    storage = storage_for(prefixes=(bucket.url,))
    url = f"{bucket.url}/a.jpg"
    said = refusal(storage.open, url)
    assert said == (f"{url} cannot be read: nobody answers there ({bucket.url}).", True)
    storage.check_writable(url)  # it asks nothing: a request that only looks costs one
    _, again = refusal(storage.save, url, hello)
    assert again


def test_an_sftp_server_that_is_not_there_is_said(sftp):
    address = f"sftp://127.0.0.1:{free_port()}"
    storage = storage_for(prefixes=(address,))
    text, again = refusal(storage.open, f"{address}/a.jpg")
    assert "nobody answers there" in text
    assert again


@pytest.mark.parametrize("scheme", ["foo", "github", "gdrive", "zip", "asynclocal"])
def test_a_scheme_of_no_store_is_no_fault_that_passes(scheme):
    text, again = refusal(open_store, scheme, "h")
    assert text.startswith(f"{scheme}:// is no store")
    assert not again


def test_a_worker_is_told_of_a_scheme_that_nobody_knows_when_it_is_made():
    for prefix in ("foo://h/", "read:foo://h/"):
        text, _ = refusal(lambda prefix=prefix: storage_for(prefixes=(prefix,)))
        assert text.startswith("foo:// is no store that imglab knows. It knows s3://")


def test_a_missing_bucket_and_a_missing_key_are_told_apart(bucket):
    storage = storage_for(prefixes=("s3://no-such-bucket-here", bucket.url))
    url = "s3://no-such-bucket-here/a.jpg"
    words = "there is no such bucket (s3://no-such-bucket-here)."
    assert refusal(storage.open, url) == (f"{url} cannot be read: {words}", False)
    assert refusal(storage.save, url, hello) == (f"{url} cannot be written: {words}", False)
    assert refusal(storage.open, f"{bucket.url}/a.jpg") == (
        f"{bucket.url}/a.jpg cannot be read: it is not there.",
        False,
    )


@pytest.mark.parametrize(
    ("status", "words", "again"),
    [
        (403, "this worker has no rights there (s3://b)", False),
        (401, "this worker has no rights there (s3://b)", False),
        (503, "its store answers with the code 503", True),
        (500, "its store answers with the code 500", True),
    ],
)
def test_what_a_store_answers_is_said_without_its_own_words(faulty, storage, status, words, again):
    faulty.status = {"GET": status, "PUT": status}
    faulty.words = f"<Error><Message>{SECRET}</Message></Error>"
    text, is_again = refusal(storage.open, "s3://b/a.jpg")
    assert words in text
    assert is_again is again
    text, is_again = refusal(storage.save, "s3://b/a.jpg", hello)
    assert words in text
    assert is_again is again
    assert faulty.puts == []


def test_of_a_batch_an_address_that_nobody_may_read_is_left_out_alone(faulty):
    def addresses():
        faulty.status = {"HEAD": 403}
        yield "s3://b/a.jpg"
        faulty.status = {}
        yield "s3://b/b.jpg"

    found = named(addresses())
    assert [each.path for each in found] == ["s3://b/b.jpg"]
    assert found.left_out == {GONE: 1}


def test_who_may_write_and_not_read_writes(faulty, storage):
    faulty.status = {"GET": 403}
    faulty.has_file = True
    assert storage.save("s3://b/a.jpg", hello) == "s3://b/a.jpg"
    assert faulty.puts == [b"hello"]
    assert faulty.asked == {"PUT": 2, "GET": 1}


def test_a_store_that_knows_no_conditions_is_written_to_all_the_same(faulty, storage):
    faulty.has_no_conditions = True
    assert storage.save("s3://b/a.jpg", hello) == "s3://b/a.jpg"
    assert faulty.puts == [b"hello"]


def test_a_new_result_costs_one_request(faulty, storage):
    storage.check_writable("s3://b/a.jpg")
    storage.save("s3://b/a.jpg", hello)
    assert faulty.asked == {"PUT": 1}


def test_a_connection_that_is_cut_in_the_middle_gives_no_half_picture(faulty, storage):
    faulty.cut_after = 1000
    faulty.changes = 1000  # whoever asks for the rest finds another version
    text, again = refusal(storage.open, "s3://b/a.jpg")
    assert text.startswith("s3://b/a.jpg cannot be read: ")
    assert again


def test_a_connection_that_is_cut_once_goes_on_where_it_was(faulty, storage):
    faulty.body = bytes(range(250)) * 400
    faulty.cut_after = 60_000
    with storage.open("s3://b/a.jpg") as file:
        assert file.read() == faulty.body
    assert faulty.asked["GET"] == 2


def test_a_slow_store_has_a_time_limit(faulty, monkeypatch, storage):
    monkeypatch.setenv("IMGLAB_STORE_TIMEOUT", "1")
    faulty.stop_after = 1000
    text, again = refusal(storage.open, "s3://b/a.jpg")
    assert "it took longer than its time limit" in text
    assert again


@pytest.mark.parametrize("limit", ["soon", "0", "-1", "nan", "1e9"])
def test_a_time_limit_that_is_none_is_said(faulty, monkeypatch, storage, limit):
    monkeypatch.setenv("IMGLAB_STORE_TIMEOUT", limit)
    with pytest.raises(Exception, match="IMGLAB_STORE_TIMEOUT is a number of seconds"):
        storage.open("s3://b/a.jpg")


def test_a_file_that_is_announced_too_large_is_refused_without_its_body(faulty, storage):
    faulty.announced = 400 << 20
    faulty.stop_after = 1000
    text, again = refusal(storage.open, "s3://b/a.jpg")
    assert text == "s3://b/a.jpg has 419,430,400 bytes; 268,435,456 is the most."
    assert not again


def test_a_file_of_a_web_server_is_looked_at_once_more_when_it_is_fetched(faulty):
    storage = storage_for(prefixes=(faulty.address,))
    with storage.open(f"{faulty.address}/a.jpg") as file:
        assert file.read() == faulty.body
    assert faulty.asked == {"GET": 1, "HEAD": 1}


def test_what_changed_while_it_was_read_is_read_again(faulty):
    storage = storage_for(prefixes=(faulty.address,))
    faulty.changes = 1
    storage.open(f"{faulty.address}/a.jpg").close()
    assert faulty.asked == {"GET": 2, "HEAD": 2}


def test_what_changes_whenever_it_is_read_is_said(faulty):
    storage = storage_for(prefixes=(faulty.address,))
    faulty.changes = 1000
    text, again = refusal(storage.open, f"{faulty.address}/a.jpg")
    assert "changes whenever it is read (3 times)" in text
    assert again


def test_an_sftp_server_that_was_killed_and_comes_back_is_used_again(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with running_sftp(tmp_path) as machine:
        (machine.folder / "a.jpg").write_bytes(PHOTO)
        address = f"sftp://127.0.0.1:{machine.port}"
        storage = storage_for(prefixes=(address,))
        storage.open(f"{address}/a.jpg").close()
    text, again = refusal(storage.open, f"{address}/a.jpg")
    assert again, text
    with running_sftp(tmp_path, machine.port):
        storage.open(f"{address}/a.jpg").close()


def test_a_bucket_whose_server_was_killed_and_comes_back_is_used_again(tmp_path, monkeypatch):
    with running_moto(tmp_path) as machine:
        bucket = new_bucket(machine.endpoint)
        for name, value in bucket.environment.items():
            monkeypatch.setenv(name, value)
        storage = storage_for(prefixes=(bucket.url,))
        storage.save(f"{bucket.url}/a.jpg", hello)
    text, again = refusal(storage.open, f"{bucket.url}/a.jpg")
    assert again, text
    with running_moto(tmp_path, machine.port):
        make_bucket(bucket)
        storage.save(f"{bucket.url}/a.jpg", hello)
        assert bucket.get("a.jpg") == b"hello"


def test_a_worker_tells_the_true_reason_and_never_a_secret(valkey, faulty, project, caplog):
    """What a person reads in Redis and in the log of a worker, from end to end."""
    from helpers.server import new_namespace

    caplog.set_level(logging.DEBUG)
    settings = QueueSettings(backoff=0.01, max_attempts=2)
    with RedisTaskQueue(url=valkey.url, namespace=new_namespace(), settings=settings) as queue:
        storage = storage_for(prefixes=("s3://b/",))
        worker = Worker("ann", (), queue, storage=storage)
        faulty.status = {"GET": 503}
        faulty.words = f"<Error><Message>{SECRET}</Message></Error>"
        away = queue.add_task({"image_path": "s3://b/a.jpg"})
        outside = queue.add_task({"image_path": "s3://other/a.jpg"})
        worker.start()
        assert queue.task(away).attempt == 2
        assert "answers with the code 503" in queue.task(away).reason
        assert queue.task(outside).attempt == 1
        assert "--prefix read:s3://other/" in queue.task(outside).reason
        told = [str(queue.task(each)) for each in (away, outside)]
        assert SECRET not in f"{told}{queue.events()}{caplog.text}"
        assert "Traceback" not in caplog.text
        queue.delete_namespace()
