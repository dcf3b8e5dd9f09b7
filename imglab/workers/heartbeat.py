"""The heartbeat: a thread that keeps claims alive while the main thread is deep in a filter."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from imglab.errors import LeaseLost, QueueError
from imglab.queues import BaseQueue
from imglab.workers.in_hand import InHand, claim_of

if TYPE_CHECKING:
    from imglab.workers.standby import Standby

logger = logging.getLogger(__name__)

#: How often a claim is renewed before its lease could run out: two heartbeats may fail.
BEATS_PER_LEASE = 3


class Heartbeat:
    """Renews every claim of one worker, a third of a lease apart; `with Heartbeat(…): …`.

    In the same answer the queue says whether a task was cancelled, or belongs to somebody else by
    now. That is only marked: what to do about it is for the main thread, between two steps.
    `standby` hears of each beat: it renews when there is none, for a filter lets no thread run.
    """

    def __init__(
        self, worker: str, queue: BaseQueue, in_hand: InHand, standby: Standby | None = None
    ) -> None:
        self._standby = standby
        self._worker = worker
        self._queue = queue
        self._in_hand = in_hand
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._finished.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._finished.wait(self._queue.settings.lease / BEATS_PER_LEASE):
            if self._standby is not None:
                self._standby.breathe()
            self._renew_all()

    def _renew_all(self) -> None:
        for task in self._in_hand.held():
            claim = claim_of(task)
            try:
                unwanted = self._queue.renew(task)
            except LeaseLost:
                self._in_hand.lost.setdefault(claim, time.monotonic())
            except QueueError as error:
                logger.info("%s: no heartbeat for task %s: %s", self._worker, task.id, error)
                return  # nor would there be for the others; the next beat tries again
            except Exception:
                logger.warning("%s: no heartbeat for task %s", self._worker, task.id, exc_info=True)
                return
            else:
                if unwanted:
                    self._in_hand.cancelled.setdefault(claim, time.monotonic())
