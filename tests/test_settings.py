"""Settings: checked when they are made, stored with their queue, and the same for everybody."""

from __future__ import annotations

import json
import math
import re
import signal
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import pytest

from imglab import cli
from imglab.errors import QueueError, SettingsWarning, TaskError, TaskFailed
from imglab.ops.doctor import examine
from imglab.queues import QueueSettings, RedisTaskQueue, Task, TaskQueue, own_claims
from imglab.queues.task import MAX_DEPTH
from imglab.views.frames import Camera
from imglab.workers import WorkerPool


@pytest.mark.parametrize(
    "setting",
    [
        {"ttl": -1},
        {"ttl": math.inf},
        {"keep": 0.5},
        {"keep": None},
        {"keep": True},
        {"lease": 0},
        {"lease": "30"},
        {"backoff": math.nan},
        {"max_attempts": 0},
        {"max_pending": 0},
        {"max_pending": 1.5},
        {"max_pending": True},
        {"time_limit": 0},
        {"time_limit": math.nan},
    ],
)
def test_a_setting_that_no_queue_can_keep_is_refused_by_its_name(setting):
    (name,) = setting
    with pytest.raises(QueueError, match=f"^{name} must be"):
        QueueSettings(**setting)


@pytest.mark.parametrize("limit", [None, math.inf])
def test_there_may_be_no_time_limit(limit):
    assert QueueSettings(time_limit=limit).longest_try == math.inf


def nested(depth: int) -> dict:
    value: list = []
    for _ in range(depth - 2):
        value = [value]
    return {"deep": value}


def test_a_payload_may_be_nested_so_deep_and_no_deeper():
    queue = TaskQueue()
    queue.add_task(nested(MAX_DEPTH))
    for depth in (MAX_DEPTH + 1, 988):
        with pytest.raises(TaskError, match=r"nested deeper than 100|recursion depth"):
            queue.add_task(nested(depth))


def test_brackets_in_a_text_are_no_depth():
    TaskQueue().add_task({"text": "[{" * 500 + '\\"' * 10})


def test_of_a_claim_its_token_is_remembered_not_its_payload():
    queue = TaskQueue()
    queue.add_task({"text": "x" * 60_000})
    queue.get_task("w")
    assert "xxx" not in repr(queue._claims)


def test_threads_that_share_a_queue_object_forget_old_claims_side_by_side(monkeypatch):
    monkeypatch.setattr(own_claims, "REMEMBERED", 3)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that threads meet
    queue = TaskQueue()

    def remember(first: int) -> None:
        for number in range(first, first + 20_000):
            queue._remember(Task(str(number), {}, claim="1:n"))

    try:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(remember, range(0, 160_000, 20_000)))
    finally:
        sys.setswitchinterval(before)
    assert len(queue._claims) <= 3


# A queue's own settings


@pytest.fixture
def warned():
    """Every sentence said so far."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def sentences(caught) -> list[str]:
    return [str(each.message) for each in caught]


#: Those that `same_queue` made for the test that runs.
OPENED: list[RedisTaskQueue] = []


@pytest.fixture(autouse=True)
def close_opened():
    yield
    while OPENED:
        OPENED.pop().close()


def same_queue(queue, settings=None) -> RedisTaskQueue:
    """Another object for the same queue, as another program would make it."""
    connection = {"connection": queue.redis, "namespace": queue.namespace}
    OPENED.append(RedisTaskQueue(**connection, settings=settings))
    return OPENED[-1]


def stored(queue) -> dict | None:
    text = queue.redis.hget(queue.keys.meta, "settings")
    return text and json.loads(text)


def look_again(queue) -> None:
    """Let the time pass until a queue object looks at the stored settings again."""
    queue._look_again = 0


MINE = QueueSettings(max_attempts=6, keep=5, ttl=7 * 24 * 3600.0)


def test_p3_what_a_producer_asked_for_counts_for_a_worker_without_settings(both_queue):
    producer = same_queue(both_queue, MINE)
    early = same_queue(both_queue)
    assert stored(both_queue) is None
    task_id = producer.add_task({})
    late = same_queue(both_queue)
    assert late.settings == MINE
    task = early.get_task("w")
    assert (task.id, early.settings) == (task_id, MINE)
    early.mark_completed(task, {"ok": 1})
    assert both_queue.redis.ttl(both_queue.keys.result(task_id)) > 6 * 24 * 3600


def test_settings_are_stored_as_a_person_would_write_them(queue):
    same_queue(queue, QueueSettings(time_limit=math.inf)).add_task({})
    assert stored(queue) == asdict(QueueSettings(time_limit=None))


def test_a_worker_s_first_question_stores_the_settings_too(queue):
    with same_queue(queue, MINE) as worker:
        assert worker.get_task("w") is None
    assert stored(queue) == asdict(MINE)


def test_who_only_looks_stores_nothing(queue):
    with same_queue(queue, MINE) as viewer:
        viewer.get_stats()
        viewer.snapshot()
        viewer.tasks("failed")
        viewer.check()
        assert list(viewer.events()) == []
        viewer.workers()
        examine(viewer)
    assert not queue.redis.exists(queue.keys.meta)


def test_only_the_first_of_many_adds_asks_for_the_settings(queue):
    queue.redis.config_resetstat()
    for _ in range(10):
        queue.add_task({})
    for _ in range(10):
        queue.get_task("w")
    calls = queue.redis.info("commandstats")
    scripts = sum(calls.get(f"cmdstat_{each}", {}).get("calls", 0) for each in ("evalsha", "eval"))
    assert scripts - calls.get("cmdstat_evalsha", {}).get("failed_calls", 0) == 10 + 10 + 1


def test_p3_a_difference_is_said_once_with_both_values_and_what_to_do(queue, warned):
    queue.add_task({})
    with same_queue(queue, MINE) as other:
        other.add_task({})
        other.get_task("w")
        assert other.settings == QueueSettings()
    (words,) = sentences(warned)
    assert words == (
        f"The queue {queue.namespace}image_processing has settings of its own, and they count for "
        "everybody: max_attempts is 3, not 6, keep is 10000, not 5, ttl is 86400.0, not 604800.0; "
        "change them for everybody with queue.change_settings(max_attempts=6, keep=5, "
        "ttl=604800.0), or with `imglab settings` in a terminal."
    )
    assert warned[0].category is SettingsWarning
    assert warned[0].filename == __file__


def test_two_that_agree_are_told_nothing(queue, warned):
    with same_queue(queue, MINE) as one, same_queue(queue, MINE) as two:
        one.add_task({})
        two.add_task({})
    no_limit = QueueSettings(time_limit=None)
    queue.change_settings(no_limit)
    same_queue(queue, QueueSettings(time_limit=math.inf)).add_task({})
    assert sentences(warned) == []


def test_of_two_that_began_together_the_first_to_add_wins_and_the_other_hears_of_it(queue, warned):
    with same_queue(queue, MINE) as one, same_queue(queue, QueueSettings(keep=7)) as two:
        two.add_task({})
        one.add_task({})
        assert one.settings == two.settings == QueueSettings(keep=7)
    (words,) = sentences(warned)
    assert "keep is 7, not 5" in words


def test_what_is_changed_counts_for_everybody(queue, warned):
    worker = same_queue(queue)
    worker.get_task("w")
    assert queue.change_settings(lease=5, time_limit=None).lease == 5
    assert queue.settings.time_limit is None
    assert same_queue(queue).settings == queue.settings
    assert worker.settings.lease == 30
    look_again(worker)
    worker.get_task("w")
    assert worker.settings == queue.settings
    assert sentences(warned) == []


def test_a_claim_lasts_as_long_as_the_changed_lease(queue):
    worker = same_queue(queue)
    worker.get_task("w")
    queue.change_settings(lease=5)
    queue.add_task({})
    look_again(worker)
    worker.get_task("w")
    (claim,) = queue.claims()
    assert claim.deadline - claim.claimed_at == 5000


def test_two_who_change_different_settings_at_once_both_get_theirs(queue):
    def change(**changes) -> None:
        with same_queue(queue) as mine:
            mine.change_settings(**changes)

    changes = [{"lease": 7}, {"keep": 8}, {"ttl": 9}, {"max_attempts": 5}, {"backoff": 1}]
    threads = [threading.Thread(target=change, kwargs=each) for each in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    values = stored(queue)
    assert {name: values[name] for each in changes for name in each} == {
        "lease": 7,
        "keep": 8,
        "ttl": 9,
        "max_attempts": 5,
        "backoff": 1,
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"leese": 5}, "There is no setting 'leese'; there are lease, max_attempts"),
        ({"lease": -1}, "lease must be"),
        ({"keep": 0.5}, "keep must be"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_nothing_changes(queue, changes, words):
    for each in (queue, TaskQueue()):
        before = each.change_settings(ttl=70)
        with pytest.raises(QueueError, match=words):
            each.change_settings(**changes)
        assert each.settings == before
    assert stored(queue)["ttl"] == 70


BROKEN = [
    "",
    "{}x",
    "[]",
    "null",
    "7",
    '"lease"',
    '{"lease": "30"}',
    '{"lease": NaN}',
    '{"lease": -1}',
    '{"keep": 1e99}',
    '{"max_attempts": 0}',
    '{"keep": ' + "9" * 5000 + "}",
    "[" * 100_000,
    b"\xff\xfe",
    b"\x1b[2J\n",
]


@pytest.mark.parametrize("text", BROKEN[1:])
def test_broken_settings_are_said_and_the_default_ones_count(queue, warned, text):
    queue.redis.hset(queue.keys.meta, "settings", text)
    with same_queue(queue) as worker:
        worker.add_task({})
        worker.mark_completed(worker.get_task("w"))
        look_again(worker)
        assert worker.get_task("w") is None
        assert worker.settings == QueueSettings()
    (words,) = sentences(warned)
    assert (
        f"The settings stored with the queue {queue.namespace}image_processing are broken" in words
    )
    assert len(words) < 400
    assert "\n" not in words
    assert "\x1b" not in words


def test_broken_settings_are_found_by_the_doctor_and_mended(queue, warned):
    queue.redis.hset(queue.keys.meta, "settings", '{"lease": "x"}')
    (finding,) = [each for each in examine(queue) if each.level == "broken"]
    assert "lease must be" in finding.what
    assert "imglab settings" in finding.remedy
    finding.repair()
    assert {each.level for each in examine(queue)} == {"ok"}
    assert stored(queue) == asdict(QueueSettings())


def test_broken_settings_can_be_changed(queue, warned):
    queue.redis.hset(queue.keys.meta, "settings", b"\xff")
    queue.change_settings(keep=7)
    assert stored(queue) == asdict(QueueSettings(keep=7))


def test_settings_of_a_newer_version_are_read_as_far_as_they_are_known(queue, warned):
    queue.redis.hset(queue.keys.meta, "settings", '{"keep": 7, "colour": "red"}')
    with same_queue(queue) as other:
        assert other.settings == QueueSettings(keep=7)
        other.add_task({})
    assert stored(queue) == {"keep": 7, "colour": "red"}
    assert sentences(warned) == []


def test_with_a_key_of_another_kind_adding_goes_on(queue, warned):
    queue.redis.lpush(queue.keys.meta, "x")
    with same_queue(queue) as producer:
        producer.add_task({})
        assert producer.get_stats is not None
    assert queue.redis.llen(queue.keys.pending()) == 1


@pytest.mark.parametrize("settings", [None, MINE])
def test_a_cleared_queue_begins_anew_with_what_its_owner_asked_for(queue, warned, settings):
    queue.change_settings(lease=5)
    with same_queue(queue, settings) as owner:
        owner.clear()
        assert stored(queue) is None
        assert owner.settings == (settings or QueueSettings())
        owner.add_task({})
        assert stored(queue) == asdict(owner.settings)


def test_a_queue_in_memory_keeps_what_its_owner_changed(queue):
    for each in (queue, TaskQueue()):
        each.change_settings(keep=2, keep_events=6)
        each.clear()
        ids = each.add_tasks([{}] * 3)
        while task := each.get_task("w"):
            each.mark_completed(task)
        assert each.settings == QueueSettings(keep=2, keep_events=6)
        assert each.tasks("completed") == ids[:0:-1]


def test_who_was_there_before_somebody_else_cleared_stores_the_settings_again(queue):
    with same_queue(queue, MINE) as producer:
        producer.add_task({})
        queue.clear()
        look_again(producer)
        producer.add_task({})
    assert stored(queue) == asdict(MINE)


def test_p3_worker_processes_take_the_settings_of_the_queue(project, queue):
    with same_queue(queue) as plain, WorkerPool(1, (), plain):
        assert stored(queue) == asdict(QueueSettings())
        queue.change_settings(time_limit=0.7, max_attempts=1)
    spec = plain.spec()
    assert spec["settings"] is None
    payload = {"image_path": "images/sample.png", "filters": ["busy:ms=30000"]}
    # Its filter goes on when its time is over: nobody waits for that.
    with WorkerPool(1, (), plain, imports="imglab.classroom.troublemakers", grace=0.5):
        task_id = queue.add_task(payload)
        with pytest.raises(TaskFailed, match=r"longer than its time limit of 0\.7 s"):
            queue.wait(task_id, timeout=60)


def test_p3_a_worker_process_says_the_difference_in_its_log(project, queue):
    with same_queue(queue, MINE) as producer:  # before there are others
        queue.change_settings(keep=7)
        with WorkerPool(1, (), producer) as pool:
            words = pool.log("worker-1")
    assert "keep is 7, not 5" in words
    assert words.count("has settings of its own") == 1


def test_a_board_of_a_queue_says_no_difference_again(queue, warned):
    queue.add_task({})
    with same_queue(queue, MINE) as mine:
        assert len(warned) == 1
        camera = Camera(mine)
        assert camera.shoot().counts["normal"] == 1
        camera.close()
    assert len(warned) == 1


# In a terminal


@pytest.fixture
def imglab(project, queue, valkey, monkeypatch, capsys):
    """Run a command for the queue of the test: its exit code, and what it printed."""
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    monkeypatch.setenv("COLUMNS", "200")
    before = signal.getsignal(signal.SIGTERM)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["imglab", *words, "--namespace", queue.namespace])
        with pytest.raises(SystemExit) as left:
            cli.main()
        printed = capsys.readouterr()
        return (left.value.code or 0, printed.out, printed.err)

    yield run
    signal.signal(signal.SIGTERM, before)


def test_the_terminal_shows_settings_and_stores_none(imglab, queue):
    code, out, err = imglab("settings")
    assert (code, err) == (0, "")
    assert "max-attempts" in out
    code, out, _ = imglab("settings", "--json")
    assert json.loads(out) == asdict(QueueSettings())
    assert stored(queue) is None


def test_the_terminal_changes_settings(imglab, queue):
    code, out, err = imglab("settings", "--max-attempts", "6", "--time-limit", "none", "--json")
    assert (code, err) == (0, "")
    assert (
        json.loads(out) == stored(queue) == asdict(QueueSettings(max_attempts=6, time_limit=None))
    )
    assert imglab("settings", "--keep", "7")[0] == 0
    assert (stored(queue)["max_attempts"], stored(queue)["keep"]) == (6, 7)
    assert imglab("settings", "--default", "--ttl", "70")[0] == 0
    assert stored(queue) == asdict(QueueSettings(ttl=70.0))


def test_the_terminal_gives_a_queue_a_bound_and_takes_it_away(imglab, queue):
    _, out, _ = imglab("settings", "--max-pending", "1000")
    assert re.search(r"max-pending\s+1,000", out)
    assert stored(queue)["max_pending"] == 1000
    assert imglab("settings", "--keep", "7")[0] == 0
    assert stored(queue)["max_pending"] == 1000
    _, out, _ = imglab("settings", "--max-pending", "none")
    assert re.search(r"max-pending\s+none", out)
    assert stored(queue)["max_pending"] is None


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ("0", "max_pending must be a whole number from 1"),
        ("many", "max_pending must be a whole number or none"),
        ("1.5", "max_pending must be a whole number or none"),
    ],
)
def test_a_bound_that_is_none_is_told_with_exit_code_2(imglab, queue, odd, words):
    code, out, err = imglab("settings", "--max-pending", odd)
    assert (code, out) == (2, "")
    assert words in " ".join(re.sub(r"[│╭╮╰╯─]", " ", err).split())
    assert stored(queue) is None


@pytest.mark.parametrize("command", ["settings", "worker"])
@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--lease", "-1"), "lease must be a number of seconds"),
        (("--lease", "nan"), "lease must be a number of seconds"),
        (("--lease", "soon"), "Invalid value for '--lease'"),
        (("--max-attempts", "1.5"), "valid integer"),
        (("--max-attempts", "0"), "max_attempts must be a whole number"),
        (("--keep", "9" * 20), "keep must be a whole number"),
        (("--time-limit", "never"), "time_limit must be a number of seconds or none"),
        (("--time-limit", "\x1b[2J"), "time_limit must be a number of seconds or none"),
        (("--ttl", "0"), "ttl must be a number of seconds"),
    ],
)
def test_a_wrong_setting_is_told_with_exit_code_2(imglab, queue, command, option, words):
    code, out, err = imglab(command, *option)
    assert (code, out) == (2, "")
    assert words in " ".join(re.sub(r"[│╭╮╰╯─]", " ", err).split())
    assert "\x1b[2J" not in err
    assert stored(queue) is None


def test_p3_a_worker_in_a_terminal_brings_settings_along_or_says_whose_count(
    project, valkey, queue, monkeypatch
):
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)

    def work(*options: str) -> str:
        command = [sys.executable, "-m", "imglab", "worker", "--burst", *options]
        words = [*command, "--namespace", queue.namespace]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout + done.stderr

    assert "has settings of its own" not in work("--lease", "7")
    assert stored(queue) == asdict(QueueSettings(lease=7.0))
    assert "has settings of its own" not in work()
    said = work("--lease", "8", "--keep", "9")
    assert "lease is 7.0, not 8.0, keep is 10000, not 9; change them" in said
    assert said.count("has settings of its own") == 1
    assert stored(queue)["lease"] == 7


def test_tries_of_the_submitted_tasks_alone(imglab, queue):
    _, out, _ = imglab("submit", "images/sample.png", "--max-attempts", "1", "--json")
    (task_id,) = json.loads(out)
    assert queue.redis.hget(queue.keys.task(task_id), "max_attempts") == "1"
    assert stored(queue)["max_attempts"] == 3
    assert imglab("submit", "images/sample.png", "--max-attempts", "0")[0] == 2


def test_the_terminal_says_broken_settings_in_a_sentence(imglab, queue):
    queue.redis.hset(queue.keys.meta, "settings", b"\xff\x1b[2J")
    code, _, err = imglab("stats")
    assert code == 0
    assert err.count("\n") == 1
    assert err.startswith("imglab: The settings stored with the queue")
    assert "\x1b" not in err
