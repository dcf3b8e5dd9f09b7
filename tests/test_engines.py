"""What all engines share: windows, endings, and a sentence for everything that cannot be."""

from __future__ import annotations

import asyncio
import json
import secrets

import pytest
import redis
from helpers.engines import tasks
from helpers.server import free_port
from helpers.terminal import refused, run

from imglab.engines import Engine, check_engine, follow, open_engine
from imglab.engines.messages import VARIABLE, do_message, message_of, outcome_of
from imglab.engines.reasons import reason_in_words
from imglab.engines.with_celery import celery_app
from imglab.errors import ImglabError, QueueUnavailable, TaskError
from imglab.queues.batches import BatchTask
from imglab.storage.objects import Objects
from imglab.workers import WorkerSpec
from imglab.workers.photograph import never_cancelled

# Celery 5.7 calls redis-py by a name that redis-py calls old; nobody but a test is told.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")


class InTurns(Engine):
    """An engine that does one task a look, and notes what it was given."""

    name = "in turns"
    window = 3

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.most = 0
        self.cancelled: list[str] = []
        self.problem: BaseException | None = None

    def send(self, messages):
        self.open += messages
        self.most = max(self.most, len(self.open))

    def ended(self):
        if self.problem:
            raise self.problem
        if not self.open:
            return []
        return [(self.open.pop(0), {"status": "completed", "result": {"width": 1}})]

    def cancel(self, task_ids):
        self.cancelled += task_ids

    def close(self):
        self.open.clear()


def some(count: int) -> list[tuple[str, BatchTask]]:
    return [(str(number), tasks("edges")[0][1]) for number in range(count)]


def test_no_more_than_a_window_is_ever_on_its_way():
    engine = InTurns()
    endings = list(follow(engine, some(20)))
    assert [each.task for each in endings] == [str(number) for number in range(20)]
    assert engine.most == 3


def test_a_task_is_asked_for_only_when_there_is_room_for_it():
    asked = []

    def one_by_one():
        for each in some(10):
            asked.append(each)
            yield each

    next(follow(InTurns(), one_by_one()))
    assert len(asked) == 3


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), SystemExit(1)])
def test_what_is_open_when_somebody_interrupts_is_taken_back_and_told(problem):
    engine = InTurns()
    following = follow(engine, some(5))
    next(following)
    engine.problem = problem
    endings = [next(following) for _ in range(3)]
    with pytest.raises(type(problem)):
        next(following)
    assert [each.status for each in endings] == ["cancelled"] * 3
    assert engine.cancelled == [each.task for each in endings]


def test_who_stops_listening_takes_back_what_is_open():
    engine = InTurns()
    following = follow(engine, some(5))
    next(following)
    following.close()
    assert engine.cancelled == ["1", "2"]


def test_of_what_a_lost_scheduler_had_nothing_is_told():
    engine = InTurns()
    engine.problem = QueueUnavailable("gone")
    with pytest.raises(QueueUnavailable):
        list(follow(engine, some(5)))


def test_a_payload_that_our_queue_would_not_take_goes_nowhere():
    engine = InTurns()
    with pytest.raises(TaskError, match="65,536 is the most"):
        list(follow(engine, [("large", BatchTask("large", {"image_path": "x" * 70_000}))]))
    with pytest.raises(TaskError, match="cannot be stored as JSON"):
        message_of({"image_path": object()})
    assert not engine.most


@pytest.mark.parametrize(
    "value",
    [
        *(None, 7, "completed", {}, {"status": "fine"}, {"status": []}),
        {"status": "completed", "result": "fine"},
        {"status": "failed", "reason": {"no": "text"}},
        {"status": "failed", "reason": None},
    ],
)
def test_what_comes_back_and_is_no_outcome_is_a_failure(value):
    outcome = outcome_of(value)
    assert outcome["status"] == "failed"
    assert outcome["reason"].startswith("What came back is not the outcome of a task: ")
    assert reason_in_words(outcome["reason"]) == outcome["reason"]


def test_a_process_that_is_no_worker_of_ours_does_nothing(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    outcome = do_message(message_of(tasks("edges")[0][1].payload), never_cancelled)
    assert "was not started by `imglab worker --engine …`" in outcome["reason"]


@pytest.fixture
def message(project):
    """A message for this very process, which is to be a worker."""
    (project / "output").mkdir(exist_ok=True)
    return message_of(tasks("grayscale")[0][1].payload)


def be_a_worker(monkeypatch, **what) -> None:
    spec = WorkerSpec(name=secrets.token_hex(4), queue={}, **what)
    monkeypatch.setenv(VARIABLE, spec.to_json())


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (SystemExit("enough"), "SystemExit: enough"),
        (asyncio.CancelledError("none"), "CancelledError: none"),
        (GeneratorExit("over"), "GeneratorExit: over"),
        (KeyboardInterrupt(), "RuntimeError: a filter raised KeyboardInterrupt"),
    ],
)
def test_whatever_a_filter_raises_is_a_failure_that_is_tried_again(
    message, monkeypatch, problem, reason
):
    be_a_worker(monkeypatch)

    def check():
        raise problem

    expected = {"status": "failed", "reason": reason, "retry": True}
    assert do_message(message, check) == expected
    with pytest.raises(type(problem)):  # it may be what ends this process
        do_message(message, check, lambda: True)


def test_a_worker_without_its_filters_says_so_to_whoever_sent_the_task(message, monkeypatch):
    be_a_worker(monkeypatch, imports=("no_such_filters",))
    for _ in range(2):
        outcome = do_message(message, never_cancelled)
        assert outcome["status"] == "failed"
        assert "no_such_filters" in outcome["reason"]
    monkeypatch.setenv(VARIABLE, "{")
    assert do_message(message, never_cancelled)["status"] == "failed"


def test_a_worker_opens_a_store_once_for_all_its_tasks(project, bucket, monkeypatch):
    bucket.put("a.png", (project / "images" / "sample.png").read_bytes())
    be_a_worker(monkeypatch, prefixes=(bucket.url,))
    opened = []

    def note(*words):
        opened.append(words)
        return Objects(*words)

    monkeypatch.setattr("imglab.storage.opened.Objects", note)
    for name in ("b.png", "c.png", "d.png"):
        payload = {"image_path": f"{bucket.url}/a.png", "output_path": f"{bucket.url}/{name}"}
        assert do_message(message_of(payload), never_cancelled)["status"] == "completed"
    assert opened == [("s3", bucket.name)]


# Mistakes in a terminal: a sentence each, and nothing half done

SUBMIT = ("submit", "images", "--batch", "b")


@pytest.mark.parametrize("command", [SUBMIT, ("worker",)])
def test_an_engine_that_there_is_not(project, command):
    words = refused(*command, "--engine", "rabbit")
    assert "There is no engine 'rabbit'; there are celery and dask." in words
    assert not (project / "b.jsonl").exists()


def test_an_engine_that_is_not_installed(monkeypatch):
    monkeypatch.setattr("imglab.extras.find_spec", lambda _: None)
    with pytest.raises(ImglabError, match=r"without its extra `celery`. Type: .* celery packaging"):
        check_engine("celery")
    with pytest.raises(ImglabError, match=r"without its extra `dask`. Type: .* distributed"):
        check_engine("dask")


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (SUBMIT, ("--contact-sheet",)),
        (SUBMIT, ("--priority", "high")),
        (SUBMIT, ("--max-attempts", "2")),
        (SUBMIT, ("--json",)),
        (("worker",), ("--burst",)),
        (("worker",), ("--prefetch", "4")),
        (("worker",), ("--lease", "60")),
        (("worker",), ("--time-limit", "60")),
        (("worker",), ("--max-tasks", "9")),
    ],
)
def test_an_option_that_only_our_own_queue_has(project, command, option):
    words = refused(*command, "--engine", "dask", *option)
    assert f"{option[0]} is of imglab's own queue, and dask has none of it" in words


def test_without_a_batch_nobody_could_find_the_results(project):
    assert "say --batch NAME, too" in refused("submit", "images", "--engine", "celery")


def test_a_broker_that_is_away(project, monkeypatch):
    url = f"redis://127.0.0.1:{free_port()}"
    monkeypatch.setenv("IMGLAB_REDIS_URL", url)
    for command in (SUBMIT, ("worker",)):
        assert "No Redis answers at" in refused(*command, "--engine", "celery")
    # A server that went away between the command's own look and Celery's.
    with pytest.raises(QueueUnavailable, match="which is to be Celery's broker"):
        open_engine("celery", url, "image_processing")
    assert not (project / "b.jsonl").exists()


def test_a_broker_that_takes_no_tasks_from_this_user(project, own_server, monkeypatch):
    with redis.Redis(port=own_server.port) as client:
        client.acl_setuser(
            "guest", enabled=True, passwords=["+guest"], keys=["image_processing*"],
            categories=["+@all"],
        )  # fmt: skip
    url = own_server.url.replace("//", "//guest:guest@")
    words = refused(*SUBMIT, "--engine", "celery", IMGLAB_REDIS_URL=url)
    assert "Celery's broker, went away or refused a task" in words
    assert "guest:guest" not in words


@pytest.mark.parametrize(
    "url", ["redis+sentinel://127.0.0.1:1/main", "redis+cluster://127.0.0.1:1", "unix:///tmp/x"]
)
def test_an_address_that_is_for_our_own_queue_alone(url):
    with pytest.raises(QueueUnavailable, match="need the address of one Redis"):
        celery_app(url, "image_processing")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://127.0.0.1:1/?db=3", "Celery takes no 'db' in the address of its Redis"),
        ("redis://127.0.0.1:1?socket_timeout=5", "Celery takes no 'socket_timeout'"),
        ("redis://127.0.0.1:1?username=a&password=b", "Celery takes no 'username'"),
        ("redis://127.0.0.1:99999", "The port in this address is none"),
        ("rediss://127.0.0.1:1?ssl_cert_reqs=bogus", "ssl_cert_reqs is one of required, optional"),
        ("rediss://127.0.0.1:1", "which is to be Celery's broker, does not answer"),
        ("rediss://127.0.0.1:1?ssl_cert_reqs=none", "which is to be Celery's broker"),
        (f"redis://{'x' * 70}:1", "which is to be Celery's broker, does not answer"),
    ],
)
def test_an_address_that_celery_would_stumble_over_is_a_sentence(url, words):
    with pytest.raises(QueueUnavailable, match=words):
        open_engine("celery", url, "image_processing")


@pytest.mark.parametrize("content", [b"a letter\n", b"\xff\xd8\xff\xe0", b'{"at": 1}\n', b"torn"])
def test_a_file_that_is_no_manifest_is_left_as_it_is(project, valkey, monkeypatch, content):
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    (project / "b.jsonl").write_bytes(content)
    assert "b.jsonl is no manifest of a batch" in refused(*SUBMIT, "--engine", "celery")
    assert (project / "b.jsonl").read_bytes() == content


def test_a_folder_without_photographs(project, valkey, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    (project / "images" / "sample.png").unlink()
    (project / "images" / "notes.txt").touch()
    assert "There is no photograph" in refused(*SUBMIT, "--engine", "celery")


def test_what_is_in_the_manifest_already_is_not_sent_again(project, valkey, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    code, printed, _ = run(*SUBMIT, "--engine", "celery", "--patience", "0.1")
    assert (code, "1 of them to do" in printed) == (1, True)
    (line,) = [json.loads(each) for each in (project / "b.jsonl").read_text().splitlines()]
    (project / "b.jsonl").write_text(json.dumps(line | {"status": "completed"}) + "\n")
    code, printed, _ = run(*SUBMIT, "--engine", "celery")
    assert (code, "0 of them to do" in printed) == (0, True)


def test_another_place_for_the_results_is_something_to_do(project, valkey, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    impatient = (*SUBMIT, "--engine", "celery", "--patience", "0.1")
    lines = []
    for more in ((), ("--keep-folders",), ("--to", "s3://here/"), ("--to", "s3://there/")):
        code, printed, _ = run(*impatient, *more)
        assert (code, "1 of them to do" in printed) == (1, True)
        *_, line = (project / "b.jsonl").read_text().splitlines()
        lines.append(json.dumps(json.loads(line) | {"status": "completed"}) + "\n")
        (project / "b.jsonl").write_text("".join(lines))


def test_a_photograph_that_is_named_twice_is_one_task(project, valkey, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    twice = ("submit", "images", "images/sample.png", "--batch", "b")
    code, printed, said = run(*twice, "--engine", "celery", "--patience", "0.1")
    assert "2 photographs found, 1 of them to do" in printed
    assert "b: 1 of 1 ended: 0 completed, 0 failed, 1 cancelled." in printed
    assert (code, "should not happen" in said) == (1, False)


def test_of_a_manifest_that_cannot_be_written_nothing_is_told(project, valkey, monkeypatch):
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    words = (*SUBMIT, "--engine", "celery", "--manifest", "no/such/folder.jsonl")
    code, printed, said = run(*words)
    assert (code, "No such file" in said) == (1, True)
    assert "stands in" not in printed


@pytest.mark.parametrize("limit", ["none", "inf"])
def test_a_celery_worker_without_any_limit(project, limit):
    said = refused("worker", "--engine", "celery", "--time-limit", limit)
    assert "A Celery worker needs a limit" in said
