"""Folders as a storage: what is saved is whole, a real file, and has one spelling."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from imglab.errors import FilterError, ImageError, ImagingError, ResourceExhausted
from imglab.storage import Folders, Storage, storage_for
from imglab.storage.names import fitting, length

#: The user of Unix who owns nothing.
NOBODY = 65534


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    for name in ("images", "output"):
        (tmp_path / name).mkdir()
    (tmp_path / "images" / "a.txt").write_bytes(b"the original")
    monkeypatch.setenv("IMGLAB_ROOT", str(tmp_path))
    return tmp_path


def hello(file) -> None:
    file.write(b"hello")


def test_the_storage_of_a_worker_reads_and_writes_where_it_was_told_to(project):
    (project / "more").mkdir()
    (project / "more" / "b.txt").write_bytes(b"more")
    storage: Storage = storage_for(("more",), "results")
    with storage.open("more/b.txt") as file:
        assert (file.name, file.read()) == ("more/b.txt", b"more")
    assert storage.save("results/b.txt", hello) == "results/b.txt"
    with pytest.raises(ImageError, match="may read"):
        storage.open("images/a.txt")
    with pytest.raises(ImageError, match="may write"):
        storage.save("more/b.txt", hello)


@pytest.mark.parametrize(
    "path", ["output/x/a.txt", "output/../output/x/a.txt", "{root}/output/x/a.txt"]
)
def test_a_path_has_one_spelling_however_a_task_writes_it(project, path):
    storage = storage_for()
    path = path.format(root=project)
    assert storage.check_writable(path) == "output/x/a.txt"
    assert not (project / "output" / "x").exists(), "to ask changes nothing"
    assert storage.save(path, hello) == "output/x/a.txt"
    assert (project / "output/x/a.txt").read_bytes() == b"hello"
    assert storage.save(storage.result_path("b.txt"), hello) == "output/b.txt"


def test_a_folder_outside_the_project_is_spelled_from_the_top(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    storage = storage_for((), str(elsewhere))
    assert storage.save(storage.result_path("a.txt"), hello) == str(elsewhere / "a.txt")


def test_who_looks_sees_the_old_file_until_the_new_one_is_whole(project):
    target = project / "output" / "a.txt"
    target.write_bytes(b"old")

    def look(file):
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"

    Folders.of_project().save("output/a.txt", look)
    assert target.read_bytes() == b"new"
    assert list(target.parent.iterdir()) == [target]


def test_what_is_written_to_is_a_real_file_so_that_pillow_encodes_without_the_gil(project):
    def look(file):
        about = os.fstat(file.fileno())
        assert stat.S_ISREG(about.st_mode)
        assert about.st_dev == (project / "output").stat().st_dev

    Folders.of_project().save("output/a.txt", look)


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (
            OSError(28, "No space left on device"),
            ResourceExhausted,
            "Cannot write output/a.txt: no space is left on the disk",
        ),
        (MemoryError(), ResourceExhausted, "Cannot write output/a.txt: out of memory"),
        (RuntimeError(), ImageError, "Cannot write output/a.txt: RuntimeError"),
        (ValueError("odd"), ImageError, "Cannot write output/a.txt: odd"),
        (FilterError("a sentence"), FilterError, "^a sentence$"),
    ],
)
def test_a_failure_leaves_the_old_file_and_no_other(project, error, kind, sentence):
    target = project / "output" / "a.txt"
    target.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise error

    with pytest.raises(kind, match=sentence):
        Folders.of_project().save("output/a.txt", fail)
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def test_a_saved_file_may_be_read_by_whom_the_umask_allows(project):
    old = os.umask(0o027)
    try:
        Folders.of_project().save("output/a.txt", hello)
    finally:
        os.umask(old)
    assert stat.S_IMODE((project / "output/a.txt").stat().st_mode) == 0o640


def test_a_link_in_the_place_of_a_result_is_replaced_only_when_it_leads_inside(project):
    storage = Folders.of_project()
    (project / "output" / "link.txt").symlink_to("other.txt")
    assert storage.save("output/link.txt", hello) == "output/other.txt"
    (project / "output" / "out.txt").symlink_to(project / "images" / "a.txt")
    with pytest.raises(ImageError, match="outside the folders"):
        storage.save("output/out.txt", hello)
    assert (project / "images" / "a.txt").read_bytes() == b"the original"


def test_a_full_disk_is_said_and_is_nothing_final(project):
    def fill_the_disk(_):
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"more")

    with pytest.raises(ResourceExhausted, match=r"output/a\.txt: no space is left") as caught:
        Folders.of_project().save("output/a.txt", fill_the_disk)
    assert not isinstance(caught.value, ImagingError), "a worker would not try again"
    assert list((project / "output").iterdir()) == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("output/" + "é" * 130 + ".jpg", "a name of 264 bytes; 255 is the most"),
        ("output/" + "a/" * 1500 + "b.jpg", "more than 32 folders deep"),
        ("output/\u202egpj.exe", "invisible characters"),
    ],
)
def test_a_place_that_no_disk_takes_is_refused_when_asked(project, path, words):
    for ask in (
        Folders.of_project().check_writable,
        lambda path: Folders.of_project().save(path, hello),
    ):
        with pytest.raises(ImageError, match=words):
            ask(path)
    assert list((project / "output").iterdir()) == []


@pytest.fixture
def locked() -> Iterator[Path]:
    """A folder that everybody may read and nobody but its owner, who is not here, write to."""
    if os.getuid():
        assert not os.environ.get("CI"), "CI is root, who can be another user"
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name) / "locked"
        folder.mkdir()
        Path(name).chmod(0o755)
        folder.chmod(0o555)
        was = os.geteuid()
        if was == 0:
            os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            os.seteuid(was)


@pytest.mark.parametrize("output", ["", "/missing", "/missing/deeper"])
def test_a_folder_that_may_not_be_written_is_said_before_the_work(locked, monkeypatch, output):
    monkeypatch.setenv("IMGLAB_ROOT", str(locked))
    storage = storage_for((), f"{locked}{output}")
    words = rf"a\.txt cannot be written: this worker has no right to write in {locked}\.$"
    worked = []
    for name in ("a.txt", "x/a.txt"):
        path = storage.result_path(name)
        with pytest.raises(ImageError, match=words):
            storage.check_writable(path)
        with pytest.raises(ImageError, match=words):
            storage.save(path, worked.append)
    assert not worked


@pytest.mark.parametrize("is_checked", [True, False])
def test_a_folder_that_cannot_be_made_is_a_sentence(project, monkeypatch, is_checked):
    (project / "file").touch()
    if not is_checked:  # it became a file while the work was done
        monkeypatch.setattr(Folders, "_check_takes_files", lambda *_: None)
    for write in ("file", "file/deep"):
        with pytest.raises(ImageError, match=r"a\.txt cannot be written: "):
            storage_for((), write).save(f"{write}/a.txt", hello)


def test_a_name_is_cut_between_two_letters_and_only_when_it_is_too_long():
    assert fitting("é" * 118, "-2.jpg") == "é" * 118 + "-2.jpg"
    long = fitting("é" * 130, "-2.jpg")
    assert long == "é" * 124 + "-2.jpg"
    assert length(long) == 254
    assert fitting("caf\udce9", ".jpg") == "caf\udce9.jpg"


#: In a view of the disk of its own: put in the place of images/ a disk whose server is dead.
DEAD_DISK = """
import ctypes, os
from imglab.errors import NoPhotographs
from imglab.storage import Folders
device = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
images = os.fsencode(f"{os.environ['IMGLAB_ROOT']}/images")
assert ctypes.CDLL(None).mount(b"none", images, b"fuse", 0, options) == 0
os.close(device)
try:
    Folders.of_project().open("images/sample.png")
except NoPhotographs as error:
    print(error)
"""


def test_a_shared_disk_whose_server_is_dead_is_a_host_without_photographs(project):
    if os.getuid() or not Path("/dev/fuse").exists():
        pytest.skip("only root mounts a disk, and only where there is FUSE")
    program = [sys.executable, "-c", DEAD_DISK]
    done = subprocess.run(
        ["unshare", "--mount", *program], capture_output=True, text=True, check=True
    )
    assert "nothing to read in images" in done.stdout
