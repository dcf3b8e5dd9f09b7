"""The reasons that an engine itself gives, in this process' language.

A manifest keeps them in English, for programs read it; a reason that a worker told is shown as it
was told.
"""

from __future__ import annotations

import re

from imglab.language import tr
from imglab.queues.reasons import reason_in_words as reason_of_queue_in_words

#: What is told of a task that was taken back.
TAKEN_BACK = "taken back by whoever submitted it"
#: Of one that somebody revoked with Celery's own tools.
REVOKED = "revoked by somebody in Celery"
#: Of one that Celery stopped.
TOO_LONG = "it took longer than the time limit of its worker"
#: Of one that came to a stranger.
NOT_REGISTERED = (
    "its Celery worker is not one of imglab's, or of a version before this: "
    "start it with `imglab worker --engine celery`"
)
#: Of one that killed each worker that took it; `crashed` fills it in.
_CRASHED = re.compile(r"crashed: its worker died (?P<deaths>\d+) times")
#: A reason as it is stored → how it is shown.
_IN_WORDS = {
    TAKEN_BACK: tr("taken back by whoever submitted it"),
    REVOKED: tr("revoked by somebody in Celery"),
    TOO_LONG: tr("it took longer than the time limit of its worker"),
    NOT_REGISTERED: tr(
        "its Celery worker is not one of imglab's, or of a version before this: "
        "start it with `imglab worker --engine celery`"
    ),
}


def crashed(deaths: int) -> str:
    """The reason of a task over which so many workers died, as it is stored."""
    return f"crashed: its worker died {deaths} times"


def reason_in_words(reason: str) -> str:
    """A stored reason for people: translated if it is an engine's own, or the queue's."""
    if reason in _IN_WORDS:
        return _IN_WORDS[reason]
    found = _CRASHED.fullmatch(reason)
    if found:
        return tr("crashed: its worker died {deaths} times", deaths=found["deaths"])
    return reason_of_queue_in_words(reason)
