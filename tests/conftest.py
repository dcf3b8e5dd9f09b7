"""Fixtures: servers, queues in them, and a project; what they are made of is in helpers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from helpers import english  # noqa: F401 - before anything of ours speaks
from helpers.clock import until
from helpers.environments import build_wheel_once
from helpers.processes import end, processes_of
from helpers.project import add_small_photograph, make_project
from helpers.server import Server, redis_queue, running
from helpers.several import Cluster, running_cluster

from imglab.language import VARIABLE, language
from imglab.queues import RedisTaskQueue

pytest_plugins = ["helpers.quick_start", "helpers.schedule", "helpers.stores"]

# A shell that starts us in the background has us ignore Ctrl-C, and so all that we start: but tests
# press it there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of what else runs here than of the code.
hypothesis.settings.register_profile("busy machine", deadline=None)
hypothesis.settings.load_profile("busy machine")

#: In characters: what is longer is no name for a test.
LONGEST_NAME = 100


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a long text by its argument, as newer versions of pytest do.

    Older ones write megabytes into the name of a test, and take minutes for it.
    """
    if isinstance(val, str | bytes) and len(val) > LONGEST_NAME:
        return argname
    return None


@pytest.fixture(scope="session")
def valkey(tmp_path_factory) -> Iterator[Server]:
    with running("valkey", tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory) -> Iterator[Server]:
    with running("redis", tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    """Three nodes that share the slots; nobody may stop one."""
    with running_cluster("valkey", tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(params=["valkey", "redis"])
def server(request) -> Server:
    """Each kind of server in turn."""
    return request.getfixturevalue("valkey" if request.param == "valkey" else "redis_server")


@pytest.fixture
def own_server(tmp_path) -> Iterator[Server]:
    """A server for one test alone, to be killed, filled or misconfigured."""
    folder = tmp_path / "server"
    folder.mkdir()
    with running("valkey", folder) as server:
        yield server


@pytest.fixture
def queue(valkey) -> Iterator[RedisTaskQueue]:
    """An empty queue in Redis."""
    with redis_queue(valkey) as queue:
        yield queue


@pytest.fixture
def both_queue(server) -> Iterator[RedisTaskQueue]:
    """An empty queue in each kind of server."""
    with redis_queue(server) as queue:
        yield queue


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this repository, built once for all processes of a run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Each process has a folder of its own in that of the run.
        folder = folder.parent
    return build_wheel_once(folder)


@pytest.fixture
def in_spanish() -> Iterator[None]:
    """This process, and whatever it starts, speaks Spanish during the test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "es")
        language.cache_clear()
        yield
    language.cache_clear()


@pytest.fixture
def project(tmp_path, request, monkeypatch) -> Iterator[Path]:
    """A project of the test's own, which is the current folder; in the end nobody is left in it.

    Its photograph is a small images/sample.png, or those that the test asks for by their names:
    `pytest.mark.photographs("coffee.jpg", "rocket.jpg")`.
    """
    asked = request.node.get_closest_marker("photographs")
    root = tmp_path / "project"
    if asked:
        make_project(root, *asked.args)
    else:
        add_small_photograph(make_project(root))
    monkeypatch.setenv("IMGLAB_ROOT", str(root))
    monkeypatch.chdir(root)
    yield root
    try:
        until(lambda: not processes_of(root), 30)
    finally:
        end(processes_of(root))
