"""The line that answers each click: what is being done, how many clicks wait, what was done."""

from __future__ import annotations

import threading
import time
from collections import deque

from imglab.language import tr
from imglab.views.html_table import GREY, plain, tinted

#: Earlier answers that stay below.
KEPT = 1


class Status:
    """What the panel says, as HTML. Any thread may change it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: What is being done, and then what waits for it, in the order of the clicks.
        self._orders = deque[str]()
        self._said = deque[str](maxlen=1 + KEPT)

    def ordered(self, meanwhile: str) -> None:
        """Somebody clicked."""
        with self._lock:
            self._orders.append(meanwhile)

    def answered(self, sentence: str) -> None:
        """The first of the orders was carried out; this came of it."""
        with self._lock:
            if self._orders:
                self._orders.popleft()
            self._remember(sentence)

    def remark(self, sentence: str) -> None:
        """Say something that answers no order."""
        with self._lock:
            self._remember(sentence)

    def begin_anew(self) -> None:
        """Forget what was said."""
        with self._lock:
            self._said.clear()

    def html(self) -> str:
        """The answer in bold; below it, in grey, the one before."""
        with self._lock:
            lines = list(self._said)
            if self._orders:
                lines.insert(0, self._meanwhile())
        first, *earlier = lines[: 1 + KEPT] or [""]
        parts = [f"<b>{plain(first)}</b>"]
        parts += [tinted(plain(line), GREY) for line in earlier]
        return "".join(f"<div>{part}</div>" for part in parts)

    def _meanwhile(self) -> str:
        words = f"{_now()}  … {self._orders[0]}"
        waiting = len(self._orders) - 1
        if waiting:
            return tr("{words} · {waiting} more waiting", words=words, waiting=waiting)
        return words

    def _remember(self, sentence: str) -> None:
        self._said.appendleft(f"{_now()}  {sentence}")


def _now() -> str:
    return time.strftime("%H:%M:%S")
