"""What a process that speaks Spanish shows and says, as JSON: it is run with IMGLAB_LANG=es."""

from __future__ import annotations

import json
import re
from html import unescape
from types import SimpleNamespace
from typing import Any

from imglab.errors import ImglabError
from imglab.imaging import BlurFilter, FilterFactory, FilterPipeline, open_image
from imglab.queues import QueueSettings, TaskQueue
from imglab.queues.connection import connect
from imglab.queues.invariants import Standing, broken
from imglab.queues.reasons import reason_in_words
from imglab.queues.vocabulary import EVENTS
from imglab.queues.worker_states import Activity, WorkerState
from imglab.views import charts
from imglab.views.ages import COLUMNS as AGES
from imglab.views.ages import LEGEND, ages_html, last_moment
from imglab.views.board_sizes import BIG_SIZE, NORMAL_SIZE, Size
from imglab.views.board_table import Film, board_html, sentence
from imglab.views.frames import Frame, frames
from imglab.views.html_table import MOST_LETTERS
from imglab.views.key_space import KeySpace
from imglab.views.messages import conversation
from imglab.views.place_words import PLACE_WORDS
from imglab.views.recordings import recorded
from imglab.views.runs import Runs
from imglab.views.swimlanes import lanes_html
from imglab.views.waits import waits_text
from imglab.workers.arguments import checked_prefetch
from imglab.workers.renewal import Cause, in_short
from imglab.workers.room import Room, count_of

EVENTS_OF_A_RUN = recorded("many_workers")


def cells(html: str) -> list[list[str]]:
    """The words of each cell of a table, row by row."""
    rows = re.findall(r"<tr.*?</tr>", html, re.DOTALL)
    found = [re.findall(r"<t[dh].*?>(.*?)</t[dh]>", row, re.DOTALL) for row in rows]
    return [[unescape(re.sub(r"<[^>]*>", "", cell)) for cell in row] for row in found]


def board(size: Size, *, calm: bool = False) -> list[list[str]]:
    """A board in the middle of the run: a second try, a silent worker, and 1,000 tasks in line."""
    film = Film()
    middle = Frame.empty()
    for frame in frames(EVENTS_OF_A_RUN):
        film.add(frame)
        if len(frame.holds) == 3:
            middle = frame
    middle.counts["normal"] = 1000 - 3
    first, second, _ = middle.holds
    middle.holds[0] = type(first)(first.task, first.worker, attempt=2, left=0.3)
    silent = WorkerState(second.worker, Activity.SILENT, (second.task,), seen=middle.at)
    middle.silent[second.worker] = silent.words
    return cells(board_html(middle, film, "x", size=size, calm=calm))


def refused(call: Any, *arguments: Any, **options: Any) -> str:
    """What a call says that refuses what it was asked for."""
    try:
        call(*arguments, **options)
    except ImglabError as error:
        return str(error)
    return "nothing was refused"


def errors() -> dict[str, str]:
    queue = TaskQueue()
    return {
        "payload": refused(queue.add_task, "photo.jpg"),
        "result": refused(finish, queue),
        "priority": refused(queue.add_task, {}, "urgent"),
        "settings": refused(QueueSettings, lease=-1),
        "filter": refused(FilterFactory.create, "blurr"),
        "range": refused(BlurFilter, -1),
        "pipeline": refused(FilterPipeline, "blur:radius"),
        "file": refused(open_image, "there-is-none.jpg"),
        "broken": refused(open_image, __file__),
        "prefetch": refused(checked_prefetch, 0, 3),
        "away": refused(ping, "redis://127.0.0.1:1"),
        "address": refused(connect, url="redis://localhost:port"),
    }


def finish(queue: TaskQueue) -> None:
    queue.add_task({}, task_id="t1")
    task = queue.get_task("w1")
    assert task is not None
    queue.mark_completed(task, ["no dict"])  # type: ignore[arg-type]


def ping(url: str) -> None:
    from imglab.queues.connection import speaking_to

    client = connect(url=url)
    with speaking_to(client):
        client.ping()


def reasons() -> list[str]:
    """The reasons that a queue itself gave for one task, as a person reads them."""
    queue = TaskQueue(settings=QueueSettings(max_crashes=1))
    queue.add_task({}, task_id="t1")
    queue.get_task("w1")
    queue.reap(dead_worker="w1")
    queue.add_task({}, task_id="t2")
    queue.cancel("t2")
    return [reason_in_words(queue.task(each).reason) for each in ("t1", "t2")]


def states() -> list[str]:
    names = ("t1", "t2", "t3")
    return [
        WorkerState("w", Activity.IDLE).words,
        WorkerState("w", Activity.WORKING, names).words,
        WorkerState("w", Activity.SILENT).words,
        WorkerState("w", Activity.GONE, names, seen=1).words,
    ]


def main() -> None:
    runs = Runs.of(EVENTS_OF_A_RUN)
    told = {"task": "t1", "worker": "w1", "reason": "x", "status": "pending"}
    standing = Standing("processing", "t1", "", "", "", 1, 0, has_result=False)
    queue = SimpleNamespace(events=lambda: EVENTS_OF_A_RUN)
    shown = {
        "boards": {
            "normal": board(NORMAL_SIZE),
            "big": board(BIG_SIZE),
            "calm": board(NORMAL_SIZE, calm=True),
            "big and calm": board(BIG_SIZE, calm=True),
        },
        "columns": {"normal": NORMAL_SIZE.columns, "big": BIG_SIZE.columns},
        "widths": {"normal": NORMAL_SIZE.width, "most": MOST_LETTERS},
        "lanes": cells(lanes_html(queue)),
        "ages": str(last_moment(EVENTS_OF_A_RUN)),
        "ages html": cells(ages_html(last_moment(EVENTS_OF_A_RUN))),
        "ages columns": AGES,
        "ages legend": LEGEND,
        "timeline": charts.timeline_text(runs),
        "throughput": charts.throughput_text(runs),
        "depth": charts.depth_text(EVENTS_OF_A_RUN),
        "latency": charts.latency_text(runs),
        "speed-up": charts.speed_up_text({1: 10.0, 2: 19.0, 4: 30.0}, 4),
        "waits": waits_text([]),
        "places": dict(PLACE_WORDS),
        "conversation": str(conversation(EVENTS_OF_A_RUN[:12])),
        "no keys": repr(KeySpace(())),
        "sentences": {event: sentence({"at": 0, "event": event, **told}) for event in EVENTS},
        "errors": errors(),
        "reasons": reasons(),
        "states": states(),
        "invariants": broken([standing], 2, QueueSettings()),
        "renewal": [in_short(Cause.TASKS, 1, None), in_short(Cause.TASKS, 1000, None)],
        "workers": [count_of(1), count_of(1000)],
        "room": Room(workers=4, memory=200_000_000, pixels=10_000_000).what,
    }
    print(json.dumps(shown))


if __name__ == "__main__":
    main()
