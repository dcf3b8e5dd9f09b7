"""The places that a task can be in, in words for people; the keys are those of the protocol."""

from __future__ import annotations

from collections.abc import Mapping

from imglab.language import tr
from imglab.queues.vocabulary import PRIORITIES, Status

#: Place → the head of its row or column, or the label of its line.
PLACE_WORDS: Mapping[str, str] = {
    **{each: tr("pending {priority}", priority=each) for each in PRIORITIES},
    Status.PENDING: tr("pending"),
    Status.PROCESSING: tr("processing"),
    Status.DELAYED: tr("delayed"),
    Status.COMPLETED: tr("completed"),
    Status.FAILED: tr("failed"),
    Status.CANCELLED: tr("cancelled"),
}
