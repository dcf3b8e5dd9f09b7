"""What travels, as JSON: a message to a worker of any engine, and the outcome that comes back."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from imglab import __version__
from imglab.language import tr
from imglab.queues.task import encode
from imglab.queues.vocabulary import Status
from imglab.storage import Storage, storage_for
from imglab.text import told
from imglab.workers import WorkerSpec, import_filters
from imglab.workers.about import with_trace
from imglab.workers.endings import Fate, ending_of, interrupt_of_a_filter
from imglab.workers.payloads import do_payload

#: What a message is made of; another number when a worker of before would take it wrongly.
PROTOCOL = 1
#: A variable and not an argument, as for our own workers: it reaches every child of an engine's.
VARIABLE = "IMGLAB_ENGINE_WORKER"
#: The endings that an outcome may tell.
ENDS = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)

#: What the two that travel are called in an error.
A_PAYLOAD = tr("A payload")
THE_RESULT = tr("The result")

#: How one try ended: `status`, then `result` or `reason`, and `retry` if another try may help.
Outcome = dict[str, Any]


def message_of(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload on its way to a worker. TaskError for one that no queue of ours would take."""
    encode(payload, A_PAYLOAD)
    return {"protocol": PROTOCOL, "imglab": __version__, "payload": dict(payload)}


def failed(reason: str, *, retry: bool = False) -> Outcome:
    """The outcome of a try that failed."""
    return {"status": Status.FAILED, "reason": reason, "retry": retry}


def outcome_of(value: Any) -> Outcome:
    """An outcome that came back, as ours; a failed one in place of what is none."""
    if not _is_outcome(value):
        return failed(
            tr("What came back is not the outcome of a task: {value}.", value=told(value))
        )
    return dict(value)


def _is_outcome(value: Any) -> bool:
    if not isinstance(value, dict) or value.get("status") not in ENDS:
        return False
    return isinstance(value.get("result", {}), dict) and isinstance(value.get("reason", ""), str)


def never_leaving() -> bool:
    """Whether this process is on its way out: no, where a task never hears of that."""
    return False


def do_message(
    message: Any,
    check_cancelled: Callable[[], None],
    is_leaving: Callable[[], bool] = never_leaving,
) -> Outcome:
    """Do what a message asks for, with the folders and filters of this worker; never raise.

    A process that was not started as a worker of ours has no folders, and does nothing. What is
    raised while the process `is_leaving` may be what ends it, and is passed on.
    """
    try:
        own = _own_worker(os.environ.get(VARIABLE, ""))
        if own is None:
            return failed(
                tr(
                    "The worker that took this task was not started by `imglab worker --engine "
                    "…`, so it has no folders to read from and to write to."
                )
            )
        if not isinstance(message, Mapping) or message.get("protocol") != PROTOCOL:
            return failed(_misfit(message))
        payload = message["payload"]
        result = do_payload(payload, own.spec.filters, own.storage, check_cancelled)
        result = with_trace(result, payload)
        encode(result, THE_RESULT)
    except BaseException as problem:
        if is_leaving():
            raise
        return _outcome_of_problem(problem)
    return {"status": Status.COMPLETED, "result": result}


@dataclass(frozen=True)
class _OwnWorker:
    """What this process is, if it was started as a worker of ours."""

    spec: WorkerSpec
    #: It keeps its connections to stores from one task to the next.
    storage: Storage


@cache
def _own_worker(text: str) -> _OwnWorker | None:
    """What this process is, with its filters imported: once."""
    if not text:
        return None
    spec = WorkerSpec.from_json(text)
    import_filters(spec.imports)
    return _OwnWorker(spec, storage_for(spec.read, spec.write, spec.prefixes))


def _misfit(message: Any) -> str:
    if isinstance(message, Mapping) and isinstance(message.get("imglab"), str):
        return tr(
            "This task was submitted by imglab {sender:.20}, and its worker, imglab {version}, "
            "does not understand it: install the same version on both sides.",
            sender=message["imglab"],
            version=__version__,
        )
    return tr(
        "This task was submitted by an unknown version, and its worker, imglab {version}, does "
        "not understand it: install the same version on both sides.",
        version=__version__,
    )


def _outcome_of_problem(problem: BaseException) -> Outcome:
    if isinstance(problem, KeyboardInterrupt):  # of a person, no engine lets it come to a task
        problem = interrupt_of_a_filter()
    ending = ending_of(problem)
    if ending.fate is Fate.CANCELLED:
        return {"status": Status.CANCELLED, "reason": ending.reason}
    if ending.fate is Fate.GIVEN_BACK:
        # No engine takes a task back without counting it: it is tried again, elsewhere perhaps.
        return failed(str(problem), retry=True)
    return failed(ending.reason, retry=ending.retry)
