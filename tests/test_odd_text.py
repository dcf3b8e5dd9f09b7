"""Odd text from tasks, workers and Redis: shown as text at every rim, whatever it is.

Each rim gets the same texts; none may steer a terminal, style a table, become HTML or a formula,
forge a line, or end a view.
"""

from __future__ import annotations

import re
import signal
import sys
import unicodedata
from io import BytesIO

import pytest
from helpers.notebooks import as_in_a_notebook
from helpers.server import redis_queue
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from test_board import film_of, frame_with

from imglab import cli
from imglab.console import magics, redis_cli
from imglab.console.resp import ErrorReply, Status
from imglab.queues import TaskQueue
from imglab.queues.vocabulary import EVENTS
from imglab.views import charts, gallery
from imglab.views.board_table import board_html, sentence
from imglab.views.frames import Camera, Hold, frames
from imglab.views.key_space import keys
from imglab.views.runs import Runs
from imglab.views.swimlanes import lanes_html

#: What people and programs put into names and reasons, by kind.
ODD = {
    "brackets": "bad [bold]x[/x].jpg :smile:",
    "escapes": "\x1b]0;x\x07\x1b[2J\x9b2J\x7f",
    "line ends": "boom\r\nworker-1 completed t2\u2028x\x0bx",
    "bidi": "\u202egpj.exe\u2066",
    "format": "{x} {task.__class__} %s %(x)s",
    "html": "<img src=x onerror=alert(1)>\"'&lt;",
    "formula": "$\\frac{1}{$ $a$ \\$",
    "long": "x" * 5000,
}
STEERING = {"Cc", "Cs", "Zl", "Zp"}
SIGTERM = signal.SIGTERM

odd = pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())


def harmless(printed: str) -> bool:
    """Whether nothing in it steers a terminal, but for the ends of our own lines."""
    kinds = {unicodedata.category(letter) for letter in printed.replace("\n", "")}
    return not kinds & STEERING and not re.search("[\u202a-\u202e\u2066-\u2069]", printed)


@pytest.fixture
def imglab(valkey, monkeypatch, capsys):
    """Run a command in this process, in a terminal wide enough for every line; what it prints."""
    before = signal.getsignal(SIGTERM)
    monkeypatch.setenv("IMGLAB_REDIS_URL", valkey.url)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "6000")

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["imglab", *words])
        with pytest.raises(SystemExit) as left:
            cli.main()
        printed = capsys.readouterr()
        assert (left.value.code or 0, printed.err) == (0, "")
        return printed.out

    yield run
    signal.signal(SIGTERM, before)


def put_by_hand(queue, text: str) -> None:
    """Write a text wherever somebody with a client can, beside a task that failed of it."""
    queue.add_task({"image_path": text}, task_id="t1")
    queue.mark_failed(queue.get_task("w"), text, retry=False)
    queue.redis.hset(queue.keys.workers, text, '{"seen": 1}')
    queue.redis.xadd(queue.keys.events, {"event": "claimed", "task": "t1", "worker": text})
    queue.redis.xadd(queue.keys.events, {"event": text, "task": "t1", text: text})


@odd
def test_p4_the_terminal_shows_it_as_text(imglab, queue, text):
    put_by_hand(queue, text)
    named = ("--namespace", queue.namespace)
    for words in (("failed", "list"), ("failed", "show", "t1"), ("trace", "t1"), ("stats",)):
        printed = imglab(*words, *named)
        assert harmless(printed), words
    doctor = imglab("doctor", *named)
    assert harmless(doctor)
    if text == ODD["brackets"]:
        for words in (("failed", "list"), ("trace", "t1"), ("stats",), ("doctor",)):
            assert text in imglab(*words, *named), words


def test_p4_a_reason_with_line_ends_is_one_line_of_a_trace(imglab, queue):
    queue.add_task({}, task_id="t1")
    queue.mark_failed(queue.get_task("w"), "boom\n    0.001 s  completed", retry=False)
    lines = imglab("trace", "t1", "--namespace", queue.namespace).splitlines()
    assert [line.split()[2] for line in lines] == ["added", "claimed", "failed"]


def board_of(queue) -> str:
    camera = Camera(queue)
    frame = camera.shoot()
    camera.close()
    return board_html(frame, film_of(frame), "q")


@odd
def test_p4_a_notebook_shows_it_as_text(queue, text):
    put_by_hand(queue, text)
    holds = [Hold(text, text, 2, 0.5), Hold(text, text)]
    frame = frame_with(workers=[text], holds=holds, silent={})
    for html in (
        board_of(queue),
        board_html(frame, film_of(frame), text, note=text),
        lanes_html(queue),
        keys(queue)._repr_html_(),
    ):
        assert harmless(html)
        assert "<img" not in html
        # What is no tag of ours stands escaped: nothing breaks out of an attribute.
        assert set(re.findall(r"<(\w+)", html)) <= {"table", "tr", "td", "th", "span", "b"}


@odd
def test_v1_every_event_with_odd_or_missing_fields_has_a_sentence(text):
    for event in (*EVENTS, text, ""):
        for fields in ({}, {"worker": text, "reason": text, "status": text, text: text}):
            told = sentence({"at": 0, "event": event, "task": text, **fields})
            assert harmless(told)
            assert "\n" not in told


@pytest.mark.parametrize("at", [0, 10**22, -(10**22), "soon"])
def test_v1_an_event_at_an_impossible_time_has_a_sentence(at):
    assert sentence({"at": at, "event": "added", "task": "t1"}).endswith("t1 added")


@settings(max_examples=50)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["event", "task", "worker", "reason", "priority", "attempt", "status"]),
            st.one_of(st.sampled_from([*EVENTS, "high", "t1", "w1", "7"]), st.text(min_size=1)),
        ),
        max_size=8,
    )
)
def test_v1_no_events_of_anybody_end_a_board_its_replay_or_the_lanes(valkey, events):
    with redis_queue(valkey) as queue:
        for event in events:
            fields = {key: value.encode("utf-8", "replace") for key, value in event.items()}
            queue.redis.xadd(queue.keys.events, {b"by": b"hand", **fields})
        record = list(queue.events())
        for frame in [*frames(record)]:
            assert harmless(board_html(frame, film_of(frame), "q"))
        assert harmless(board_of(queue))
        assert harmless(lanes_html(queue))


def picture_of(ax) -> tuple[int, int]:
    """Draw it, as a notebook would; a formula that is none would raise here."""
    buffer = BytesIO()
    ax.figure.savefig(buffer, format="png", dpi=50)
    with Image.open(buffer) as image:
        return image.size


@odd
def test_p4_a_chart_draws_it_as_text(text):
    queue = TaskQueue()
    queue.add_tasks([{}, {}])
    events = []
    for task in queue.get_tasks("w", 2):
        queue.mark_completed(task)
    for event in queue.events():
        worker = text if event["task"] else ""
        events.append({**event, "worker": worker})
    runs = Runs.of(events)
    ax = charts.figure().axes[0]
    charts.timeline(ax, runs)
    charts.bars(charts.figure().axes[0], {text: 1.0, text + "2": 2.0}, text)
    (label,) = [each.get_text() for each in ax.get_yticklabels()]
    assert harmless(label)
    assert len(label) < 80
    assert min(picture_of(ax)) > 50
    assert harmless(charts.timeline_text(runs))
    assert harmless(charts.bars_text({text: 1.0}, text))


def test_p4_a_dollar_is_a_dollar_in_a_chart():
    ax = charts.figure().axes[0]
    charts.bars(ax, {"costs $5 to $6": 1.0}, "$")
    (label,) = ax.get_yticklabels()
    drawn, is_formula = label._preprocess_math(label.get_text())
    assert (drawn, is_formula) == ("costs $5 to $6", False)


def test_two_long_names_are_two_bars():
    ax = charts.figure().axes[0]
    drawn = charts.bars(ax, {"x" * 99 + "1": 1.0, "x" * 99 + "2": 2.0}, "s")
    assert [bar.get_width() for bar in drawn] == [1.0, 2.0]
    assert len({bar.get_y() for bar in drawn}) == 2


def test_letters_that_the_font_has_not_draw_no_warning_above_the_chart(monkeypatch, recwarn):
    as_in_a_notebook(monkeypatch, lambda *_, **__: None)
    picture = charts.figure()
    charts.bars(picture.axes[0], {"猫 🐈": 1.0}, "s")
    charts.show(picture, "cats", "猫")
    assert not recwarn.list


@odd
def test_p4_a_gallery_shows_names_as_text(tmp_path, monkeypatch, text):
    monkeypatch.setenv("IMGLAB_ROOT", str(tmp_path))
    pictures = {text: Image.new("RGB", (4, 3)), "b\udcff": Image.new("RGB", (4, 3))}
    data, metadata = gallery.contact_sheet(pictures, text)._repr_mimebundle_()
    assert harmless(data["text/plain"])
    assert harmless(metadata["image/jpeg"]["alt"])


@odd
def test_p4_replies_and_monitored_commands_are_shown_as_text(queue, text):
    queue.redis.set(queue.namespace + "k", text)
    lines = redis_cli.monitor(queue.redis)
    reply = redis_cli.run(queue.redis, ["GET", queue.namespace + "k"])
    assert harmless(reply)
    names: dict[str, str] = {}
    line = next(line for line in lines if "GET" in line)
    assert harmless(magics.explain(line, names))
    for each in (Status(text), ErrorReply(text), text, [text, [text]]):
        assert harmless(redis_cli.format_reply(each))


def test_a_monitored_command_that_is_written_like_a_script_of_ours_is_shown_as_it_is():
    line = '1700000000.000001 [0 127.0.0.1:5] "EVALSHA" "{}" "many" "x"'
    for known in magics.by_hash():
        assert "many" in magics.explain(line.format(known), {})


def test_a_monitor_whose_redis_goes_away_ends_without_a_traceback(own_server, monkeypatch, capsys):
    from imglab.queues import RedisTaskQueue

    queue = RedisTaskQueue(url=own_server.url)
    magics.use(queue)
    watched = magics.watch(seconds=1)
    queue.redis.ping()
    next(watched, None)
    own_server.stop()
    assert list(watched) == []
    queue.close()
    magics._chosen.clear()


@pytest.mark.parametrize("line", ["9" * 400, "9" * 400 + "s", "-5", "x", "\u0662\u0662\u0662" * 9])
def test_an_odd_number_for_monitor_says_how_to_write_it(capsys, line):
    magics.monitor(line)
    assert capsys.readouterr().out.startswith("Write %monitor 20")


def test_a_cell_with_odd_letters_is_saved_or_refused_in_words(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("IMGLAB_ROOT", str(tmp_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", "")
    magics.save("output/a.py", "NAME = 'año 猫'\n")
    assert (tmp_path / "output/a.py").read_text(encoding="utf-8") == "NAME = 'año 猫'\n"
    magics.save("output/b.py", "NAME = '\udcff'\n")
    magics.save("output/\x00\x1b[2J.py", "")
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Saved output/a.py: 1 lines."
    assert all(line.startswith("(error) ") and harmless(line) for line in said[1:])
