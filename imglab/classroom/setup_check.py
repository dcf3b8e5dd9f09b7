"""The bench: six lamps, each lit by what it stands for, really done, here and now."""

from __future__ import annotations

import platform
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from html import escape
from importlib.metadata import version
from typing import Self

from imglab import server
from imglab.console import redis_cli
from imglab.errors import ImageError, ImglabError, QueueError
from imglab.imaging import FilterPipeline, open_image
from imglab.project import photographs, project_root
from imglab.queues import RedisTaskQueue
from imglab.views.board_table import BAD, CELL, DONE, GREY, TABLE, WAITING
from imglab.views.live_view import Live
from imglab.workers import WorkerPool

PACKAGES = ("Pillow", "redis", "jupyterlab", "ipywidgets", "matplotlib")
#: What the photograph goes through: it comes back as a pencil drawing.
FILTERS = FilterPipeline.parse("grayscale,edges,brightness:factor=2,invert")
#: A symbol, a colour and the word for each state: never a colour alone.
LOOKS = {
    state: f'<span style="color:{colour}">{symbol} {state}</span>'
    for state, symbol, colour in (
        *(("green", "●", DONE), ("red", "✕", BAD)),
        *(("waiting", "○", WAITING), ("not tried", "○", GREY)),
    )
}
BOARD = f'<table class="imglab-bench" style="{TABLE};width:99ch">{{}}</table>'
ROW = '<tr style="background:transparent">{}</tr>'.format(
    "".join(
        f'<td style="{CELL};vertical-align:top;white-space:normal;width:{width}ch">{{}}</td>'
        for width in (26, 13, 60)
    )
)


class Bench:
    """Six lamps; see `bench`. As text they are the same on every machine where all is well."""

    def __init__(self, url: str) -> None:
        #: What each lamp tries, and the lamps that have to be green before.
        self._steps: dict[str, tuple[Callable[[], str], tuple[str, ...]]] = {
            "Python and packages": (self._packages, ()),
            "photographs": (self._photographs, ()),
            "Redis": (partial(self._redis, url), ()),
            "worker process": (self._worker, ("Redis",)),
            "round trip": (self._round_trip, ("photographs", "worker process")),
            "live view": (self._live_view, ("round trip",)),
        }
        #: Lamp → green, red, waiting or not tried; and what was seen, or what to do.
        self.lamps = dict.fromkeys(self._steps, ("waiting", ""))
        self._view: Live | None = None

    def __repr__(self) -> str:
        return "\n".join(
            f"{number} {name}: {state}"
            for number, (name, (state, _)) in enumerate(self.lamps.items(), 1)
        )

    def run(self) -> Self:
        """Light them one after the other; whatever was started for that is gone at the end."""
        from IPython import get_ipython  # noqa: PLC0415 - a terminal needs no notebook

        with ExitStack() as self._leaving:
            if get_ipython() is not None:
                self._view = self._leaving.enter_context(Live(self._draw, "<bench>"))
            # Entered before what uses Redis, so that it meets a Redis that goes away meanwhile.
            self._leaving.enter_context(suppress(ImglabError))
            for name, (step, needs) in self._steps.items():
                self.lamps[name] = (
                    _tried(step)
                    if all(self.lamps[each][0] == "green" for each in needs)
                    else ("not tried", f"it needs: {', '.join(needs)}")
                )
        return self

    def _draw(self) -> str:
        return BOARD.format(
            "".join(
                ROW.format(f"{number} {name}", LOOKS[state], escape(words))
                for number, (name, (state, words)) in enumerate(self.lamps.items(), 1)
            )
        )

    # What each lamp stands for

    def _packages(self) -> str:
        return f"Python {platform.python_version()}, " + ", ".join(
            f"{each} {version(each)}" for each in PACKAGES
        )

    def _photographs(self) -> str:
        self._photos = photographs()
        if not self._photos:
            raise ImageError("There is no photograph in images/: start JupyterLab by `make lab`.")
        return "{} in images/; the first one opens, {} × {} pixels".format(
            len(self._photos), *open_image(self._photos[0]).size
        )

    def _redis(self, url: str) -> str:
        self._queue = RedisTaskQueue(
            url=url or server.ensure().url,
            namespace=f"bench:{secrets.token_hex(4)}:",
        )
        self._leaving.callback(self._leaving.enter_context(self._queue).clear)
        return f"it answers PING with {redis_cli.run(self._queue.redis, ['PING'])}"

    def _worker(self) -> str:
        pool = self._leaving.enter_context(WorkerPool(1, FILTERS, self._queue, prefix="bench"))
        return f"process {pool.pids['bench-1']} started, and asks for work"

    def _round_trip(self) -> str:
        source, target = f"images/{self._photos[0].name}", "output/bench/drawing.png"
        self._queue.add_task({"image_path": source, "output_path": target}, task_id="photograph")
        if not self._queue.wait("photograph", timeout=20):
            raise QueueError("The photograph did not come back within 20 seconds.")
        if (
            open_image(project_root() / target).tobytes()
            != FILTERS.apply(open_image(self._photos[0])).tobytes()
        ):
            raise QueueError(f"{target} is not what the filters make of {source}.")
        return f"{source} went through the queue and came back as {target}"

    def _live_view(self) -> str:
        for _ in range(500 if self._view else 0):
            if self._view and self._view.frames > 3:
                return f"a thread drew it {self._view.frames - 1} times while the cell was busy"
            time.sleep(0.01)
        raise ImglabError("This table does not move: open the lesson in JupyterLab, and run it.")


def _tried(step: Callable[[], str]) -> tuple[str, str]:
    """How a lamp is after its step: green with what was seen, or red with what to do."""
    try:
        return "green", step()
    except ImglabError as error:
        return "red", " ".join(str(error).split())
    except Exception as error:  # noqa: BLE001 - a beginner gets a sentence, never a traceback
        return "red", f"{error} ({type(error).__name__}): run `make lab` once more."


def bench(url: str = "") -> Bench:
    """Try all that the lessons need, in front of the reader's eyes; the six lamps, which print.

    It uses the project's own Redis, or the one at `url`, under names that are gone afterwards.
    """
    return Bench(url).run()
