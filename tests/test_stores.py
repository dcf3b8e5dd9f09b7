"""Pictures in stores: read and written as on a disk, by servers that are processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from helpers.project import ROOT
from helpers.stores import environment

from imglab.errors import ImageError, StoreUnavailable
from imglab.imaging import open_image
from imglab.storage import storage_for
from imglab.storage.addressed import Addressed
from imglab.storage.objects import Objects
from imglab.storage.prefixes import Prefixes
from imglab.workers.photograph import filter_photograph

PHOTO = (ROOT / "images" / "sample.jpg").read_bytes()
FILTERS = [{"name": "grayscale"}]


def hello(file) -> None:
    file.write(b"hello")


def put_hello_again(file) -> None:
    file.write(b"hello again")


def test_a_photograph_of_a_bucket_is_filtered_into_a_bucket(bucket, project):
    bucket.put("in/año 1.jpg", PHOTO)
    storage = storage_for(prefixes=(bucket.url,))
    payload = {
        "image_path": f"{bucket.url}/in/año 1.jpg",
        "output_path": f"{bucket.url}/out/deep/er.png",
        "filters": FILTERS,
    }
    result = filter_photograph(payload, (), storage)
    assert result["output_path"] == payload["output_path"]
    with storage.open(result["output_path"]) as file:
        assert file.name == payload["output_path"]
        assert open_image(file).mode == "L"
    assert bucket.names() == ["in/año 1.jpg", "out/deep/er.png"]


def test_the_result_is_the_very_file_that_a_disk_gets(bucket, project):
    bucket.put("a.jpg", PHOTO)
    (project / "images" / "a.jpg").write_bytes(PHOTO)
    storage = storage_for(prefixes=(bucket.url,))
    stored = {"image_path": f"{bucket.url}/a.jpg", "output_path": f"{bucket.url}/b.jpg"}
    local = {"image_path": "images/a.jpg", "output_path": "output/b.jpg"}
    for payload in (stored, local):
        filter_photograph(payload | {"filters": FILTERS}, (), storage)
    assert bucket.get("b.jpg") == (project / "output" / "b.jpg").read_bytes()


def test_without_a_path_of_its_own_a_result_lies_in_the_folder_for_results(bucket, project):
    bucket.put("a.jpg", PHOTO)
    storage = storage_for(prefixes=(f"read:{bucket.url}",))
    result = filter_photograph({"image_path": f"{bucket.url}/a.jpg"}, (), storage)
    assert result["output_path"].startswith("output/a-")


def test_a_photograph_of_a_web_server_is_read_and_none_is_written_there(web, project):
    storage = storage_for(prefixes=(web.endpoint,))
    source = f"{web.endpoint}/sample.jpg"
    filter_photograph({"image_path": source, "output_path": "output/a.jpg"}, FILTERS, storage)
    assert (project / "output" / "a.jpg").exists()
    with pytest.raises(ImageError, match="a web server is only read"):
        storage.check_writable(f"{web.endpoint}/b.jpg")
    with pytest.raises(ImageError, match=r"none\.jpg cannot be read: it is not there"):
        storage.open(f"{web.endpoint}/none.jpg")


def test_sftp_reads_and_writes_whole_files(sftp, project):
    url, folder = sftp
    (folder / "a.jpg").write_bytes(PHOTO)
    storage = storage_for(prefixes=(url,))
    payload = {"image_path": f"{url}/a.jpg", "output_path": f"{url}/x/y/b.jpg"}
    result = filter_photograph(payload, FILTERS, storage)
    assert result["output_path"] == f"{url}/x/y/b.jpg"
    assert [each.name for each in (folder / "x" / "y").iterdir()] == ["b.jpg"]
    assert storage.save(f"{url}/x/y/b.jpg", hello)
    assert (folder / "x" / "y" / "b.jpg").read_bytes() == b"hello"
    with pytest.raises(ImageError, match="it is not there"):
        storage.open(f"{url}/none.jpg")
    with pytest.raises(ImageError, match="no regular file"):
        storage.open(f"{url}/x")


def test_an_sftp_server_whose_key_nobody_knows_is_not_believed(sftp, tmp_path, monkeypatch):
    url, folder = sftp
    (folder / "a.jpg").write_bytes(PHOTO)
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(ImageError, match="nobody here knows its server's key"):
        storage_for(prefixes=(url,)).open(f"{url}/a.jpg")


def test_who_has_no_key_has_no_rights(sftp, tmp_path, monkeypatch, sftp_server):
    url, _ = sftp
    known = sftp_server.folder.parent / "home" / ".ssh" / "known_hosts"
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "known_hosts").write_bytes(known.read_bytes())
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(ImageError, match="this worker has no rights there"):
        storage_for(prefixes=(url,)).open(f"{url}/a.jpg")


@pytest.mark.parametrize("kind", ["bucket", "sftp", "memory"])
def test_of_two_tries_the_late_one_replaces_nothing(kind, request):
    first, late, url = two_tries(kind, request)
    late.check_writable(url)
    first.save(url, hello)
    with pytest.raises(StoreUnavailable, match="was written by somebody else while this task ran"):
        late.save(url, put_hello_again)
    with first.open(url) as file:
        assert file.read() == b"hello"
    # The next try saw it, and may replace it.
    late.save(url, put_hello_again)
    with first.open(url) as file:
        assert file.read() == b"hello again"


def test_what_somebody_else_put_there_is_replaced_as_on_a_disk(bucket):
    bucket.put("a.jpg", b"old")
    storage = storage_for(prefixes=(bucket.url,))
    storage.save(f"{bucket.url}/a.jpg", hello)
    assert bucket.get("a.jpg") == b"hello"
    about = bucket.store().get("a.jpg").attributes
    assert about["Content-Type"] == "image/jpeg"
    assert about["imglabbegan"].isdecimal()


@pytest.mark.parametrize("kind", ["bucket", "sftp", "memory"])
def test_of_two_tries_with_the_same_result_both_have_done_their_work(kind, request):
    first, late, url = two_tries(kind, request)
    late.check_writable(url)
    first.save(url, hello)
    assert late.save(url, hello) == url


def two_tries(kind: str, request) -> tuple[Addressed, Addressed, str]:
    """Two workers, as two tries of one task have them, and the address of its result."""
    if kind == "memory":
        from obstore.store import MemoryStore

        shared = MemoryStore()
        allowed = Prefixes.parse(["s3://memory/"])
        tries = [Addressed(allowed, lambda *_: Objects("s3", "memory", shared)) for _ in range(2)]
        return *tries, "s3://memory/out/a.jpg"
    if kind == "bucket":
        root = request.getfixturevalue("bucket").url
    else:
        root, _ = request.getfixturevalue("sftp")
    allowed = Prefixes.parse([root])
    return Addressed(allowed), Addressed(allowed), f"{root}/out/a.jpg"


def test_a_file_has_its_limit_before_its_body_is_fetched(bucket, monkeypatch):
    bucket.put("large.jpg", b"x" * 2_000_000)
    monkeypatch.setattr("imglab.storage.sizes.check_size.__defaults__", (1_000_000,))
    asked = []
    monkeypatch.setattr("imglab.storage.addressed.gather", lambda *_: asked.append(1))
    with pytest.raises(ImageError, match=r"large\.jpg has 2,000,000 bytes; 1,000,000 is the most"):
        storage_for(prefixes=(bucket.url,)).open(f"{bucket.url}/large.jpg")
    assert not asked


def test_what_is_large_goes_to_a_file_without_a_name(bucket):
    data = os.urandom(9 << 20)
    bucket.put("large.bin", data)
    storage = storage_for(prefixes=(bucket.url,))
    with storage.open(f"{bucket.url}/large.bin") as file:
        assert os.fstat(file.fileno()).st_nlink == 0
        assert file.name == f"{bucket.url}/large.bin"
        assert file.read() == data


@pytest.mark.parametrize("error", [RuntimeError("odd"), MemoryError(), OSError(28, "full")])
def test_a_failure_leaves_the_old_file(bucket, error):
    bucket.put("a.jpg", b"old")
    storage = storage_for(prefixes=(bucket.url,))

    def fail(file):
        file.write(b"half")
        raise error

    with pytest.raises(Exception, match=rf"Cannot write {bucket.url}/a\.jpg"):
        storage.save(f"{bucket.url}/a.jpg", fail)
    assert bucket.get("a.jpg") == b"old"
    assert bucket.names() == ["a.jpg"]


FORKED = """
import os, signal, sys
from imglab.errors import StoreUnavailable
from imglab.storage import storage_for
url = sys.argv[1]
storage = storage_for(prefixes=(url,))
if sys.argv[2] == "used":
    storage.open(url + "/a.jpg").close()
child = os.fork()
if child == 0:
    signal.alarm(80)
    try:
        print(len(storage.open(url + "/a.jpg").read()))
    except StoreUnavailable as error:
        print(error)
    sys.stdout.flush()
    os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
storage.open(url + "/a.jpg").close()
"""


@pytest.mark.parametrize(("kind", "is_used"), [("s3", 0), ("s3", 1), ("sftp", 0), ("sftp", 1)])
def test_a_fork_opens_stores_of_its_own_and_never_hangs(request, kind, is_used):
    if kind == "s3":
        bucket = request.getfixturevalue("bucket")
        bucket.put("a.jpg", PHOTO)
        url = bucket.url
    else:
        url, folder = request.getfixturevalue("sftp")
        (folder / "a.jpg").write_bytes(PHOTO)
    words = [sys.executable, "-c", FORKED, url, "used" if is_used else "new"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    if kind == "s3" and is_used:
        assert "do not work after a fork" in done.stdout
    else:
        assert done.stdout == f"{len(PHOTO)}\n"


def test_paths_on_the_disk_load_no_library_of_stores(project):
    code = (
        "import sys; from imglab.storage import storage_for; s = storage_for(); "
        "s.open('images/sample.png').close(); "
        "print({'obstore', 'fsspec', 'sshfs', 'asyncio'} & set(sys.modules))"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
