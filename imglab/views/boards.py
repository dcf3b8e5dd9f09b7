"""The live board: a queue's keys while the workers work, in a notebook."""

from __future__ import annotations

import time

from imglab.errors import ImglabError
from imglab.language import tr
from imglab.queues import RedisTaskQueue
from imglab.views.board_sizes import BIG_SIZE, NORMAL_SIZE
from imglab.views.board_table import Film, board_html
from imglab.views.frames import Camera, Frame
from imglab.views.live_view import Live

#: Seconds for which a board says that Redis was away: it may be back within one of them.
BACK_NOTE_S = 10.0


class Board(Live):
    """A queue, drawn anew eight times a second until `stop`; see `board`."""

    def __init__(
        self,
        queue: RedisTaskQueue,
        title: str = "",
        *,
        big: bool = False,
        calm: bool | None = None,
    ) -> None:
        self.title = title or queue.namespace + queue.name
        #: Whether its letters can be read from the last row of a class; may be changed.
        self.big = big
        self._camera = Camera(queue)
        self._film = Film()
        self._last = Frame.empty()
        #: When Redis was first found away, and then back; seconds of time.monotonic().
        self._away_since: float | None = None
        self._back_at: float | None = None
        super().__init__(self._draw, of=("board", queue), calm=calm)

    def stop(self) -> None:
        """Draw the last frame, which stays in the notebook, and give the connection back."""
        super().stop()
        self._camera.close()

    def begin_anew(self) -> None:
        """Forget the workers that were here, the rate so far, and that Redis was away."""
        self._film = Film()
        self._away_since = None
        self._back_at = None

    def _draw(self) -> str:
        film = self._film  # another thread may give us a new one
        try:
            self._last = self._camera.shoot()
        except ImglabError:  # the next frame tries again
            self._note_away()
        else:
            self._note_back()
            film.add(self._last)
        size = BIG_SIZE if self.big else NORMAL_SIZE
        return board_html(self._last, film, self.title, self._note(), size, calm=self.calm)

    def _note_away(self) -> None:
        if self._away_since is None or self._back_at is not None:
            self._away_since = time.monotonic()
            self._back_at = None

    def _note_back(self) -> None:
        if self._away_since is not None and self._back_at is None:
            self._back_at = time.monotonic()

    def _note(self) -> str:
        """What is to be said of Redis: that it is away, and for a while that it was."""
        if self._away_since is None:
            return ""
        if self._back_at is None:
            return tr("Redis is away")
        if time.monotonic() - self._back_at > BACK_NOTE_S:
            return ""
        return tr("Redis was away for {seconds:.1f} s", seconds=self._back_at - self._away_since)


def board(
    queue: RedisTaskQueue, title: str = "", *, big: bool = False, calm: bool | None = None
) -> Board:
    """Show a live view of a queue, eight times a second, while a cell is busy and after it.

    Write `with board(queue): …`, or `view = board(queue)` and later `view.stop()`; the next board
    of the same queue stops it, too. It has a connection of its own, and says so when Redis is away.
    `big` makes its letters large enough for the last row of a class. `calm` draws it every two
    seconds, without anything that moves; IMGLAB_CALM=1 does so for every live view.
    """
    return Board(queue, title, big=big, calm=calm)
