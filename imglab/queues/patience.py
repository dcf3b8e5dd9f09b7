"""Riding through a short absence of Redis: a cut connection, a restarted server, "not now"."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from imglab.errors import PasswordRefused, QueueUnavailable

#: The first wait before asking again, in seconds; each further one is twice as long.
FIRST_WAIT_S = 0.05
#: The longest wait before asking again, in seconds.
LONGEST_WAIT_S = 1.0

#: Whether this thread is inside such a block.
_is_riding: ContextVar[bool] = ContextVar("_is_riding", default=False)

P = ParamSpec("P")
T = TypeVar("T")


class Patience:
    """Asks again while Redis is away: `while True: with patience: return ask()`.

    A block that raises QueueUnavailable is left silently, after a pause: until `until`, a
    time.monotonic(), or where there is none for so many seconds from the first failure on. So what
    is in the block may run twice. One inside the block of another leaves the patience to that one.
    """

    def __init__(self, seconds: float, until: float | None = None) -> None:
        self._seconds = seconds
        self._until = until
        self._is_inner = _is_riding.get()
        self._begin_anew()

    def _begin_anew(self) -> None:
        #: When it is over, time.monotonic(); None while Redis answers.
        self._ends: float | None = None
        self._wait = FIRST_WAIT_S

    def __enter__(self) -> None:
        self._token = _is_riding.set(True)

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> bool:
        _is_riding.reset(self._token)
        if error is None:
            self._begin_anew()
            return False
        if not isinstance(error, QueueUnavailable) or isinstance(error, PasswordRefused):
            return False
        if self._is_inner:
            return False
        left = self._end() - time.monotonic()
        if left <= 0 or self._seconds <= 0:
            return False
        # A random part of it: not everybody asks at one moment.
        time.sleep(min(left, random.uniform(0.5, 1) * self._wait))
        self._wait = min(2 * self._wait, LONGEST_WAIT_S)
        return True

    def _end(self) -> float:
        if self._until is not None:
            return self._until
        if self._ends is None:
            self._ends = time.monotonic() + self._seconds
        return self._ends


def patient(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """Let a method whose repetition does no harm ask again, for `queue.patience` seconds."""

    @functools.wraps(method)
    def ask(queue: Any, /, *arguments: P.args, **options: P.kwargs) -> T:
        patience = Patience(queue.patience)
        while True:
            with patience:
                return method(queue, *arguments, **options)

    return ask


def end_of(timeout: float | None) -> float | None:
    """Until when a call with a timeout asks again, time.monotonic(); None for as ever."""
    return time.monotonic() + timeout if timeout else None
