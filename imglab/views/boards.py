"""The live board: a queue's keys while the workers work, in a notebook."""

from __future__ import annotations

from imglab.errors import ImglabError
from imglab.queues import RedisTaskQueue
from imglab.views.board_table import Film, board_html
from imglab.views.frames import Camera, Frame
from imglab.views.live_view import Live


class Board(Live):
    """A queue, drawn anew eight times a second until `stop`; see `board`."""

    def __init__(self, queue: RedisTaskQueue, title: str = "") -> None:
        self.title = title or queue.namespace + queue.name
        self._camera = Camera(queue)
        self._film = Film()
        self._last = Frame.empty()
        super().__init__(self._draw, of=("board", queue))

    def stop(self) -> None:
        """Draw the last frame, which stays in the notebook, and give the connection back."""
        super().stop()
        self._camera.close()

    def _draw(self) -> str:
        note = ""
        try:
            self._last = self._camera.shoot()
            self._film.add(self._last)
        except ImglabError:  # the next frame tries again
            note = "Redis is away"
        return board_html(self._last, self._film, self.title, note)


def board(queue: RedisTaskQueue, title: str = "") -> Board:
    """Show a live view of a queue, eight times a second, while a cell is busy and after it.

    Write `with board(queue): …`, or `view = board(queue)` and later `view.stop()`; the next board
    of the same queue stops it, too. It has a connection of its own, and says so when Redis is away.
    """
    return Board(queue, title)
