"""Check the set-up: six steps, each tried for real, each shown as a lamp."""

from __future__ import annotations

import os
import platform
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, Self

from imglab import server
from imglab.classroom import kernel_check
from imglab.console import redis_cli
from imglab.errors import ImageError, ImglabError, QueueError
from imglab.extras import install_line, need
from imglab.imaging import FilterPipeline, open_image
from imglab.language import tr
from imglab.notebook import running_ipython
from imglab.project import is_in_project, photographs, project_root
from imglab.queues import RedisTaskQueue
from imglab.views.html_table import (
    BAD,
    DONE,
    GREY,
    MOST_LETTERS,
    WAITING,
    WRAP_STYLE,
    cell,
    fixed_table,
    letters_wide,
    row,
    row_head,
    tinted_signs,
)
from imglab.views.live_view import Live
from imglab.workers import WorkerPool

PACKAGES = ("Pillow", "redis", "jupyterlab", "ipywidgets", "matplotlib")
#: What the photograph goes through: it comes back as a pencil drawing.
FILTERS = FilterPipeline.parse("grayscale,edges,brightness:factor=2,invert")
#: Lamp → how people are shown its name.
LAMP_NAMES = {
    "Python and packages": tr("Python and packages"),
    "photographs": tr("photographs"),
    "Redis": "Redis",
    "worker process": tr("worker process"),
    "round trip": tr("round trip"),
    "live view": tr("live view"),
}
#: State → the word for it.
STATE_WORDS = {
    "green": tr("green"),
    "red": tr("red"),
    "waiting": tr("waiting"),
    "not tried": tr("not tried"),
}
#: A symbol, a colour and the word for each state: never a colour alone.
LOOKS = {
    "green": tinted_signs(f"● {STATE_WORDS['green']}", DONE),
    "red": tinted_signs(f"✕ {STATE_WORDS['red']}", BAD),
    "waiting": tinted_signs(f"○ {STATE_WORDS['waiting']}", WAITING),
    "not tried": tinted_signs(f"○ {STATE_WORDS['not tried']}", GREY),
}
#: Letters of the lamp's name with a gap behind it, and of its state.
NAME_LETTERS = max(22, len("1 ") + max(map(len, LAMP_NAMES.values())) + 1)
STATE_LETTERS = 13
#: Letters of the three columns: lamp, state, what was seen.
COLUMNS = (NAME_LETTERS, STATE_LETTERS, MOST_LETTERS - NAME_LETTERS - STATE_LETTERS)
#: Seconds that the photograph may take.
ROUND_TRIP_TIMEOUT = 20.0
#: Seconds in which the view has to move.
LIVE_VIEW_TIMEOUT = 5.0


class Step(NamedTuple):
    """What a lamp stands for."""

    #: Does it for real, and says what was seen.
    attempt: Callable[[], str]
    #: The lamps that have to be green before.
    needs: tuple[str, ...] = ()
    #: What to type when it is red.
    mend: str = ""


class Lamp(NamedTuple):
    """How a step is doing."""

    #: green, red, waiting or not tried.
    state: str
    #: What was seen, or what to do.
    words: str = ""


class Bench:
    """Six lamps; see `bench`. As text they are the same on every machine where all is well.

    In a terminal nothing moves; there, `in_kernel` starts a notebook's kernel for the last lamp.
    """

    def __init__(self, url: str, *, in_kernel: bool = False) -> None:
        self._in_kernel = in_kernel
        install = install_line("lab")
        self._steps = {
            "Python and packages": Step(self._packages, mend=install),
            "photographs": Step(self._photographs, mend=_mend_photographs()),
            "Redis": Step(partial(self._redis, url), mend=_mend_redis()),
            "worker process": Step(
                self._worker, ("Redis",), tr("imglab worker --burst  (it says why)")
            ),
            "round trip": Step(
                self._round_trip, ("photographs", "worker process"), "chmod -R u+rwX output"
            ),
            "live view": Step(self._live_view, ("round trip",), install),
        }
        self.lamps = dict.fromkeys(self._steps, Lamp("waiting"))
        self._view: Live | None = None

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {STATE_WORDS[lamp.state]}" for name, lamp in self._numbered())

    def mend(self, name: str) -> str:
        """What to type when this lamp is red, in the project's folder."""
        return self._steps[name].mend

    def run(self, on_lamp: Callable[[str, Lamp], object] | None = None) -> Self:
        """Light them one after the other; whatever was started for that is gone at the end.

        `on_lamp` hears of each one as soon as it was tried.
        """
        with ExitStack() as self._leaving:
            if running_ipython() is not None:
                self._view = self._leaving.enter_context(Live(self._draw, "<bench>"))
            # Entered before what uses Redis, so that it meets a Redis that goes away meanwhile.
            self._leaving.enter_context(suppress(ImglabError))
            for name, step in self._steps.items():
                self.lamps[name] = self._lit(step)
                if on_lamp:
                    on_lamp(name, self.lamps[name])
        return self

    def _lit(self, step: Step) -> Lamp:
        if all(self.lamps[each].state == "green" for each in step.needs):
            return _tried(step.attempt)
        needed = ", ".join(LAMP_NAMES[each] for each in step.needs)
        return Lamp("not tried", tr("it needs: {lamps}", lamps=needed))

    def _numbered(self) -> list[tuple[str, Lamp]]:
        names = enumerate(self.lamps, 1)
        return [(f"{number} {LAMP_NAMES[name]}", self.lamps[name]) for number, name in names]

    def _draw(self) -> str:
        rows = [
            _row(name, LOOKS[lamp.state], escape(lamp.words)) for name, lamp in self._numbered()
        ]
        return fixed_table("bench", rows, sum(COLUMNS))

    # What each lamp stands for

    def _packages(self) -> str:
        need("lab", "jupyterlab", "ipywidgets", "matplotlib")
        packages = [f"{package} {version(package)}" for package in PACKAGES]
        return f"Python {platform.python_version()}, {', '.join(packages)}"

    def _photographs(self) -> str:
        self._photos = photographs()
        if not is_in_project():
            raise ImageError(
                tr(
                    "There are no folders images and output in {folder}, nor above.",
                    folder=Path.cwd(),
                )
            )
        if not self._photos:
            raise ImageError(
                tr("There is no photograph in images/: start JupyterLab by `make lab`.")
            )
        width, height = open_image(self._photos[0]).size
        count = len(self._photos)
        return tr(
            "{count} in images/; the first one opens, {width} × {height} pixels",
            count=count,
            width=width,
            height=height,
        )

    def _redis(self, url: str) -> str:
        if not url:
            url = server.ensure().url
        namespace = f"bench:{secrets.token_hex(4)}:"
        self._queue = RedisTaskQueue(url=url, namespace=namespace)
        self._leaving.enter_context(self._queue)
        self._leaving.callback(self._queue.clear)  # runs before the queue closes
        reply = redis_cli.run(self._queue.redis, ["PING"])
        return tr("it answers PING with {reply}", reply=reply)

    def _worker(self) -> str:
        pool = self._leaving.enter_context(WorkerPool(1, FILTERS, self._queue, prefix="bench"))
        return tr("process {pid} started, and asks for work", pid=pool.pids["bench-1"])

    def _round_trip(self) -> str:
        photo = self._photos[0]
        source = f"images/{photo.name}"
        target = "output/bench/drawing.png"
        self._queue.add_task({"image_path": source, "output_path": target}, task_id="photograph")
        try:
            self._queue.wait("photograph", timeout=ROUND_TRIP_TIMEOUT)
        except TimeoutError:
            raise QueueError(
                tr(
                    "The photograph did not come back within {seconds:g} seconds.",
                    seconds=ROUND_TRIP_TIMEOUT,
                )
            ) from None
        expected = FILTERS.apply(open_image(photo))
        if open_image(project_root() / target).tobytes() != expected.tobytes():
            raise QueueError(
                tr(
                    "{target} is not what the filters make of {source}.",
                    target=target,
                    source=source,
                )
            )
        return tr(
            "{source} went through the queue and came back as {target}",
            source=source,
            target=target,
        )

    def _live_view(self) -> str:
        if self._in_kernel:
            return tr(
                "a notebook's kernel started, and drew {pictures} pictures",
                pictures=kernel_check.pictures(),
            )
        deadline = time.monotonic() + LIVE_VIEW_TIMEOUT
        while self._view and time.monotonic() < deadline:
            if self._view.frames > 3:
                return tr(
                    "a thread drew it {times} times while the cell was busy",
                    times=self._view.frames - 1,
                )
            time.sleep(0.01)
        raise ImglabError(
            tr("This table does not move: open the lesson in JupyterLab, and run it.")
        )


def _mend_photographs() -> str:
    """What to type when there are none: they are lost, or this is another folder."""
    if not is_in_project():
        return tr(
            "cd FOLDER  (the one you cloned; if images is gone there: git checkout -- images)"
        )
    return "git checkout -- images"


def _mend_redis() -> str:
    """What to type when Redis does not answer: it depends on whose Redis it is."""
    if os.environ.get("IMGLAB_REDIS_URL"):
        return tr("unset IMGLAB_REDIS_URL (then the project's own is started), or correct it")
    return "imglab server start"


def _row(name: str, look: str, words: str) -> str:
    first, second, third = [f"{WRAP_STYLE};{letters_wide(width)}" for width in COLUMNS]
    return row([row_head(name, first), cell(look, second), cell(words, third)])


def _tried(attempt: Callable[[], str]) -> Lamp:
    """How a lamp is after its step: green with what was seen, or red with what to do."""
    try:
        return Lamp("green", attempt())
    except ImglabError as error:
        return Lamp("red", " ".join(str(error).split()))
    except Exception as error:  # noqa: BLE001 - a beginner gets a sentence, never a traceback
        return Lamp(
            "red",
            tr(
                "{error} ({kind}): run `make lab` once more.",
                error=error,
                kind=type(error).__name__,
            ),
        )


def bench(url: str = "") -> Bench:
    """Try all that the lessons need, in front of the reader's eyes; return the six lamps.

    It uses the project's own Redis, or the one at `url`, under names that are gone afterwards.
    """
    return Bench(url).run()
