"""A picture of text that moves: a thread draws it anew while the notebook does something else.

A thread updates one display handle with an HTML table of text. No script, no SVG: the last picture
stays in the saved file, shows in a notebook nobody trusted yet, and can be read aloud.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from typing import Any, Self

from imglab.errors import ImglabError
from imglab.extras import need
from imglab.language import tr
from imglab.notebook import running_ipython
from imglab.queues import RedisTaskQueue
from imglab.views.html_table import plain

#: How often a live view is drawn anew.
FRAMES_A_SECOND = 8
#: Seconds between two pictures of a view that moves little: time to read one, or to hear it.
CALM_S = 2.0
#: Set to 1, it makes every live view calm.
CALM_SETTING = "IMGLAB_CALM"
#: What stands for a live view where there is only text.
PLAIN_TEXT = tr("<live queue view>")
#: What is shown → the view of it that a new one replaces.
_replaceable: dict[tuple[Hashable, ...], Live] = {}


def wants_calm() -> bool:
    """Whether whoever started this wants views to move little: IMGLAB_CALM=1."""
    return os.environ.get(CALM_SETTING, "") not in ("", "0")


def _check_notebook() -> None:
    """Raise ImglabError where nothing can be shown that moves: in a program of its own."""
    if running_ipython() is None:
        raise ImglabError(
            tr(
                "A live view needs a notebook, and this program runs in none. In a terminal, "
                "`imglab stats --watch` shows a queue again and again."
            )
        )


def show_controls(box: Any) -> None:
    """Display a widget with words of its own for where there is no kernel, such as GitHub."""
    need("lab", "IPython")
    _check_notebook()
    from IPython.display import display  # noqa: PLC0415

    # As ipywidgets 8 gives it to whoever asks; ipywidgets 7 displays it itself, in its own words.
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    bundle = {
        "text/plain": tr("(Controls: run this cell to use them.)"),
        "application/vnd.jupyter.widget-view+json": view,
    }
    display(bundle, raw=True)  # type: ignore[no-untyped-call]


def _same_for_all(part: Hashable) -> Hashable:
    """A part of what a view shows: two objects may stand for one queue in Redis."""
    if isinstance(part, RedisTaskQueue):
        return part.identity
    return part


class Live:
    """A picture of text that a thread draws anew `every` so many seconds until `stop`.

    It goes on while a cell is busy and after it; the last one stays in the notebook. Where there
    is only text, `text` stands for it. A picture that cannot be drawn is told in a sentence, and
    the next one is tried.

    A `calm` view changes every two seconds at most; by itself it does what IMGLAB_CALM says.

    A cell is run again, and nobody stops what it showed before: so a new view stops the earlier one
    `of` the same, such as ("board", queue), unless that one is in a `with`, which ends by itself.
    """

    def __init__(
        self,
        picture: Callable[[], str],
        text: str = PLAIN_TEXT,
        *,
        of: tuple[Hashable, ...] = (),
        every: float = 1 / FRAMES_A_SECOND,
        calm: bool | None = None,
    ) -> None:
        need("lab", "IPython")
        _check_notebook()
        from IPython.display import display  # noqa: PLC0415 - a terminal needs no notebook

        #: Pictures drawn so far.
        self.frames = 0
        self.text = text
        if calm is None:
            calm = wants_calm()
        #: Whether it changes seldom; may be changed.
        self.calm = calm
        self._every = every
        self._of = tuple(map(_same_for_all, of))
        self._picture = picture
        self._stopping = threading.Event()
        self._handle = display(  # type: ignore[no-untyped-call]
            self._bundle(), raw=True, display_id=True
        )
        self._thread = threading.Thread(target=self._play, name="live view", daemon=True)
        self._replace_earlier()
        self._thread.start()

    def __enter__(self) -> Self:
        self._keep()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Draw the last picture, which stays in the notebook; a second call does nothing."""
        if not self._stopping.is_set():
            self._keep()
            self._stopping.set()
            self._thread.join()
            self._handle.update(self._bundle(), raw=True)

    def _replace_earlier(self) -> None:
        if not self._of:
            return
        earlier = _replaceable.get(self._of)
        _replaceable[self._of] = self
        if earlier:
            earlier.stop()

    def _keep(self) -> None:
        """Be replaced by no other view any more."""
        if _replaceable.get(self._of) is self:
            del _replaceable[self._of]

    def _play(self) -> None:
        while not self._stopping.wait(self._pause()):
            self._handle.update(self._bundle(), raw=True)

    def _pause(self) -> float:
        """Seconds until the next picture."""
        return max(self._every, CALM_S) if self.calm else self._every

    def _bundle(self) -> dict[str, str]:
        self.frames += 1
        # The next picture tries again, whatever it was: an error must not end the thread.
        try:
            html = self._picture()
        except ImglabError as error:
            html = plain(error)
        except Exception as error:  # noqa: BLE001 - a reader gets a sentence, not a dead view
            words = tr(
                "This picture cannot be drawn: {error} ({kind}).",
                error=error,
                kind=type(error).__name__,
            )
            html = plain(words)
        # Half a pair, from a name that is no UTF-8: no message to a browser takes it.
        sound = html.encode("utf-8", "backslashreplace").decode("utf-8")
        return {"text/html": sound, "text/plain": self.text}
