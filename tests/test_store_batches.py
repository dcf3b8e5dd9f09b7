"""Batches whose photographs and results lie in stores: listed, added once, told of."""

from __future__ import annotations

import io
import itertools
import json
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from helpers.project import SMALL
from helpers.server import redis_queue
from helpers.terminal import IMGLAB, imglab, refused, run
from PIL import Image

from imglab import RedisWorker, WorkerPool
from imglab.batches import Plan, find, named, submit
from imglab.batches.photograph import GONE
from imglab.batches.report import manifest
from imglab.errors import ImageError, ImglabError, QueueError, StoreUnavailable
from imglab.queues import QueueSettings
from imglab.storage import storage_for

GRAY = [{"name": "grayscale"}]


def picture(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", SMALL, (shade, 20, 30)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def queue(valkey):
    with redis_queue(valkey, QueueSettings(max_attempts=1)) as queue:
        yield queue


@pytest.fixture
def photos(bucket):
    """A bucket with photographs in folders, and what else lies in such buckets."""
    for number, key in enumerate(("a.png", "day 1/b.png", "day 2/evening/c.png")):
        bucket.put(f"photos/{key}", picture(number))
    bucket.put("photos/notes.txt", b"no picture")
    bucket.put("photos/.thumbs/a.png", picture(9))
    bucket.put("photos/100%.png", picture(9))
    bucket.put("photos-private/d.png", picture(9))
    return bucket


def work(queue, *prefixes: str) -> None:
    RedisWorker("ann", (), queue, storage=storage_for(prefixes=prefixes)).start()


def test_photographs_are_found_below_a_folder_and_what_is_none_is_counted(photos):
    found = find([f"{photos.url}/photos/"])
    assert [each.inside for each in found] == ["a.png", "day 1/b.png", "day 2/evening/c.png"]
    assert sorted(found.left_out.values()) == [1, 1, 1]
    assert [each.path for each in find([f"{photos.url}/photos/a.png"])] == [
        f"{photos.url}/photos/a.png"
    ]


def test_of_several_folders_each_keeps_its_place(photos):
    places = [f"{photos.url}/photos/day 1", f"{photos.url}/photos/day 2/"]
    assert [each.inside for each in find(places)] == [
        f"elsewhere/s3/{photos.name}/photos/day 1/b.png",
        f"elsewhere/s3/{photos.name}/photos/day 2/evening/c.png",
    ]


def test_a_file_of_the_disk_shares_no_place_with_one_of_a_bucket(photos, project, monkeypatch):
    monkeypatch.chdir(project)
    like_it = project / photos.name / "photos" / "a.png"
    like_it.parent.mkdir(parents=True)
    like_it.write_bytes(picture(1))
    both = [f"{photos.url}/photos/a.png", str(like_it)]
    for found in (find(both), named(both)):
        assert len({each.inside for each in found}) == 2


def test_a_slash_at_its_end_makes_a_folder_of_whatever_an_address_is_called(photos):
    photos.put("photos/album.jpg/e.png", picture(5))
    found = find([f"{photos.url}/photos/album.jpg/"])
    assert [each.inside for each in found] == ["e.png"]


def test_addresses_may_be_named_one_by_one(photos):
    names = [f"{photos.url}/photos/{name}" for name in ("a.png", "none.png", "notes.txt", "x/../a")]
    found = named(names)
    assert [each.path for each in found] == [names[0]]
    assert sum(found.left_out.values()) == 3


def test_a_batch_goes_from_bucket_to_bucket_with_its_sheet_and_its_manifest(photos, queue, project):
    plan = Plan(GRAY, keep_folders=True, contact_sheet=True, to=f"{photos.url}/out/")
    done = submit(queue, "trip", find([f"{photos.url}/photos/"]), plan)
    assert (done.found, done.new) == (3, 3)
    work(queue, f"read:{photos.url}/photos", f"{photos.url}/out")
    made = [key for key in photos.names() if key.startswith("out/")]
    assert made == [
        "out/trip-contact-sheet.jpg",
        "out/trip/a.png",
        "out/trip/day 1/b.png",
        "out/trip/day 2/evening/c.png",
    ]
    with Image.open(io.BytesIO(photos.get("out/trip/a.png"))) as image:
        assert image.mode == "L"
    lines = [json.loads(line) for line in manifest(queue, "trip")]
    assert [line["status"] for line in lines] == ["completed"] * 3
    paths = {line["image_path"]: line["output_path"] for line in lines}
    assert paths[f"{photos.url}/photos/a.png"] == f"{photos.url}/out/trip/a.png"
    sheet = queue.result(queue.tasks("completed", 1)[0])
    assert (sheet["pictures"], sheet["missing"]) == (3, 0)


def test_the_same_submit_twice_adds_only_what_is_new_or_changed(photos, queue):
    plan = Plan(GRAY, to=f"{photos.url}/out/")

    def again() -> int:
        return submit(queue, "trip", find([f"{photos.url}/photos/"]), plan).new

    assert again() == 3
    assert again() == 0
    photos.put("photos/a.png", picture(99))
    photos.put("photos/new.png", picture(7))
    assert again() == 2
    with pytest.raises(QueueError, match="in use for something else"):
        submit(
            queue, "trip", find([f"{photos.url}/photos/"]), Plan(GRAY, to=f"{photos.url}/other/")
        )


def test_a_folder_that_nobody_may_list_is_left_out_and_the_rest_goes_on(sftp):
    url, folder = sftp
    for name in ("a", "locked", "z"):
        (folder / name).mkdir()
        (folder / name / "1.png").write_bytes(picture(1))
    found = find([url])
    assert [each.inside for each in found] == ["a/1.png", "z/1.png"]
    assert found.left_out == {GONE: 1}
    with pytest.raises(ImageError, match="cannot be listed: this worker has no rights there"):
        list(find([f"{url}/locked"]))


def test_sftp_and_the_disk_take_the_same_way(sftp, queue, project):
    url, folder = sftp
    (folder / "day").mkdir()
    (folder / "day" / "a.png").write_bytes(picture(1))
    (folder / "day" / "notes.txt").write_text("no picture")
    plan = Plan(GRAY, keep_folders=True, to=f"{url}/out")
    assert submit(queue, "far", find([url]), plan).new == 1
    assert submit(queue, "far", find([url]), plan).new == 0
    assert submit(queue, "near", find([project / "images"]), plan).new == 1
    work(queue, url)
    assert (folder / "out/far/day/a.png").is_file()
    assert (folder / "out/near/sample.png").is_file()


def test_worker_processes_take_the_prefixes_of_their_pool_or_of_the_environment(
    photos, queue, project, monkeypatch
):
    source = f"{photos.url}/photos/a.png"
    allowed = f"read:{photos.url}/photos"
    for given, in_environment in (([allowed], ""), (None, allowed)):
        monkeypatch.setenv("IMGLAB_PREFIXES", in_environment)
        task_id = queue.add_task({"image_path": source})
        with WorkerPool(1, (), queue, prefixes=given):
            assert queue.wait(task_id, 60)["status"] == "success"
    with pytest.raises(ImglabError, match="is no prefix"):
        WorkerPool(1, (), queue, prefixes=["photos"])


def test_what_cannot_stand_in_an_address_is_left_out_and_said(bucket, queue, project):
    (project / "images" / "100%.png").write_bytes(picture(1))
    done = submit(queue, "odd", find([project / "images"]), Plan(keep_folders=True, to=bucket.url))
    assert done.new == 1
    assert done.left_out == {"its name cannot stand in an address": 1}


def test_a_place_that_cannot_be_listed_is_said(bucket, web, monkeypatch):
    with pytest.raises(ImageError, match="a web server has no list"):
        list(find([f"{web.endpoint}/"]))
    with pytest.raises(ImageError, match="there is no such bucket"):
        list(find(["s3://no-such-bucket-here/photos/"]))
    with pytest.raises(ImageError, match=r"none\.png is not there. Nothing was added"):
        find([f"{bucket.url}/none.png"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreUnavailable, match="nobody answers there"):
        list(find([f"{bucket.url}/photos/"]))


def test_a_store_that_is_away_before_anything_was_added_left_nothing_in_part(
    own_server, bucket, project, monkeypatch
):
    monkeypatch.setenv("IMGLAB_REDIS_URL", own_server.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    done = subprocess.run(
        [*IMGLAB, "submit", "-", "--batch", "trip"],
        input=f"images/sample.png\n{bucket.url}/a.png\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "nobody answers there" in done.stderr
    assert "in part" not in done.stderr


class ManyNames(BaseHTTPRequestHandler):
    """A bucket that is only a list: 100,000 names, a thousand a page."""

    pages: list[int]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        page = int(asked.get("continuation-token", ["0"])[0])
        self.pages.append(page)
        rows = [
            f"<Contents><Key>photos/{number:06}.jpg</Key><Size>9</Size>"
            "<LastModified>2026-11-26T10:00:00.000Z</LastModified>"
            f'<ETag>"{number}"</ETag></Contents>'
            for number in range(page * 1000, page * 1000 + 1000)
        ]
        more = "<IsTruncated>false</IsTruncated>"
        if page < 99:
            more = (
                "<IsTruncated>true</IsTruncated>"
                f"<NextContinuationToken>{page + 1}</NextContinuationToken>"
            )
        text = f"<ListBucketResult>{more}{''.join(rows)}</ListBucketResult>".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def many_names(monkeypatch):
    pages: list[int] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (ManyNames,), {"pages": pages}))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    yield pages
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_a_hundred_thousand_names_are_taken_page_by_page(many_names):
    """So that no more than a few pages are ever in memory, however long the list is."""
    photographs = iter(find(["s3://many/photos/"]))
    assert next(photographs).inside == "000000.jpg"
    assert len(many_names) < 5
    assert sum(1 for _ in itertools.islice(photographs, 50_000)) == 50_000
    assert len(many_names) < 55
    assert sum(1 for _ in photographs) == 49_999
    assert len(many_names) == 100


def test_the_terminal_submits_a_bucket_and_says_what_a_worker_must_be_told(
    photos, own_server, project, monkeypatch
):
    monkeypatch.setenv("IMGLAB_REDIS_URL", own_server.url)
    source, target = f"{photos.url}/photos/", f"{photos.url}/out/"
    words = ("submit", source, "--batch", "trip", "--filters", "edges", "--to", target)
    code, printed, said = run(*words)
    assert code == 0, said
    assert "trip: 3 photographs found, 3 of them new or changed." in printed
    options = ("--prefix", f"read:{source}", "--prefix", target)
    assert f"imglab worker {' '.join(options)}" in said
    imglab("worker", "--burst", *options)
    assert "3 lines in trip.jsonl" in imglab("batch", "trip", "--manifest", "trip.jsonl")
    one = f"{photos.url}/photos/a.png"
    printed = imglab("submit", one, "--to", target)
    task_id = printed.split()[0]
    imglab("worker", "--burst", *options)
    imglab("result", task_id, "--save", "here.png")
    assert (project / "here.png").is_file()
    assert "photos/../x" in refused("submit", f"{photos.url}/photos/../x.png")
    twice = refused("submit", one, f"{photos.url}/photos/day 1/a.png", "--to", target)
    assert "Two of them are called a.png" in twice
