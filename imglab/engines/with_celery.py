"""The same tasks on Celery, with a Redis as its broker.

What is set here, and why: Celery by itself acknowledges a task before it is done, so a worker that
is killed takes it along. Late, and put back when a child of the worker is lost, it comes again. The
death of a whole worker only the broker's *visibility timeout* tells, which nobody renews: so it is
longer than any try may take.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from billiard.common import terminate_handler_fired
from celery import Celery, states
from celery.contrib.abortable import AbortableAsyncResult, AbortableTask
from kombu.exceptions import OperationalError

from imglab.engines.engine import MAX_TRIES, Engine
from imglab.engines.messages import VARIABLE, Outcome, do_message, failed, outcome_of
from imglab.engines.reasons import NOT_REGISTERED, REVOKED, TOO_LONG, crashed
from imglab.errors import QueueUnavailable
from imglab.language import tr
from imglab.queues.addresses import read
from imglab.queues.own_password import with_own_password
from imglab.queues.vocabulary import Status
from imglab.text import shown
from imglab.workers import WorkerSpec
from imglab.workers.in_hand import Cancelled

#: What the task is called in a message.
TASK = "imglab.do_payload"
#: In front of every key of Celery's, so that none is taken for one of ours.
PREFIX = "celery:"
#: Seconds that a try may take; then Celery kills the process that it is in.
TIME_LIMIT_S = 300.0
#: How much longer than a try the broker waits for a worker that says nothing, in seconds.
BEYOND_LIMIT_S = 15.0
#: The time between two looks for tasks whose worker said nothing, in seconds.
RESTORE_INTERVAL_S = 5
#: Seconds before another try.
RETRY_DELAY_S = 1
#: Seconds that a result is kept which nobody fetched: a day.
RESULT_TTL_S = 24 * 3600
#: Tasks that are on their way at one time.
WINDOW = 1000
#: What an address with TLS says of the other side's certificate; the first is what holds unsaid.
CERTIFICATES = "ssl_cert_reqs"
KINDS_OF_CHECK = ("required", "optional", "none")
#: How often it is tried to reach a broker that is away, waiting 0.2 s longer each time up to 1 s.
PUBLISH = {"max_retries": 10, "interval_start": 0, "interval_step": 0.2, "interval_max": 1}


def celery_app(
    url: str,
    queue: str,
    namespace: str = "",
    *,
    time_limit: float = TIME_LIMIT_S,
    has_results: bool = True,
) -> Celery:
    """The Celery application of a queue. QueueUnavailable for an address that Celery cannot use."""
    address = _celery_address(url)
    prefix = {"global_keyprefix": f"{namespace}{PREFIX}"}
    app = Celery("imglab", broker=address, set_as_current=False)
    app.conf.update(
        task_default_queue=queue,
        # Data, never code: nothing here reads a pickle.
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        # Without it (new in 5.7) a task that kills its process comes again for ever.
        task_retry_on_worker_lost=True,
        task_time_limit=math.ceil(time_limit),
        task_publish_retry_policy=PUBLISH,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            **prefix,
            "visibility_timeout": math.ceil(time_limit + BEYOND_LIMIT_S),
            "unacked_restore_interval": RESTORE_INTERVAL_S,
            "unacked_restore_throttle": 1,
        },
        result_backend_transport_options=prefix,
        result_expires=RESULT_TTL_S,
    )
    if has_results:
        app.conf.result_backend = address
    app.task(
        _do,
        name=TASK,
        bind=True,
        base=AbortableTask,
        max_retries=MAX_TRIES - 1,
        default_retry_delay=RETRY_DELAY_S,
    )
    return app


def _do(task: AbortableTask, message: Any) -> Outcome:
    """Do one message, in a child of a Celery worker."""
    # billiard ends a child by a SystemExit in the middle of its task.
    outcome = do_message(message, partial(_check_cancelled, task), terminate_handler_fired)
    if outcome.get("retry") and task.request.retries < task.max_retries:
        raise task.retry()
    return outcome


def _check_cancelled(task: AbortableTask) -> None:
    if task.is_aborted():
        raise Cancelled


def connect(url: str, queue: str, namespace: str) -> CeleryEngine:
    """The submitting side. QueueUnavailable where Redis is away."""
    return CeleryEngine(url, queue, namespace)


class CeleryEngine(Engine):
    """Sends tasks to Celery's workers, and looks for their results in Redis."""

    name = "celery"
    window = WINDOW

    def __init__(self, url: str, queue: str, namespace: str) -> None:
        # One without results sends: Celery would have it listen for each of them on a connection
        # that nobody reads, until Redis hangs up.
        self._sender = celery_app(url, queue, namespace, has_results=False)
        self._backend = celery_app(url, queue, namespace).backend
        self._open: dict[str, str] = {}
        check_broker(self._sender)
        connection = self._sender.connection_for_write()
        #: What a broker that is away raises, and one that is full or gives us no rights.
        self._refusals = (
            OperationalError,
            *connection.connection_errors,
            *connection.channel_errors,
        )

    def send(self, messages: Mapping[str, dict[str, Any]]) -> None:
        """Hand tasks to the workers; QueueUnavailable where Redis is away for some seconds."""
        for task_id, message in messages.items():
            known = self.new_key(task_id)
            # Before it is sent: an interrupt may come in between, and it has to be taken back.
            self._open[known] = task_id
            try:
                self._sender.send_task(TASK, (message,), task_id=known)
            except self._refusals as error:
                raise QueueUnavailable(
                    tr(
                        "Redis, Celery's broker, went away or refused a task: {error}. Type the "
                        "same line again when it takes them: it goes on.",
                        error=shown(error),
                    )
                ) from error

    def ended(self) -> list[tuple[str, Outcome]]:
        """The tasks that have ended since the last look; none while Redis is away."""
        if not self._open:
            return []
        keys = list(self._open)
        found = []
        try:
            metas = dict(self._backend.get_many(keys, interval=0, max_iterations=1))
            for known, meta in metas.items():
                self._backend.forget(known)
                found.append((self._open.pop(known), _outcome(meta)))
        except self._backend.connection_errors:
            pass  # it may be back at the next look; whoever waits has a limit
        return found

    def cancel(self, task_ids: Iterable[str]) -> None:
        """Take tasks back: a note in Redis, which a worker reads before it begins a step."""
        wanted = set(task_ids)
        for known, task_id in list(self._open.items()):
            if task_id in wanted:
                try:
                    AbortableAsyncResult(known, backend=self._backend).abort()
                except self._backend.connection_errors as error:
                    words = tr("Redis is away: {error}.", error=shown(error))
                    raise QueueUnavailable(words) from error
                del self._open[known]

    def close(self) -> None:
        """Let go of the connections."""
        self._sender.close()
        self._backend.app.close()


def work(spec: WorkerSpec, app: Celery, workers: int) -> None:
    """Be a Celery worker with so many processes until a signal; QueueUnavailable without Redis."""
    check_broker(app)
    if spec.max_memory:
        app.conf.worker_max_memory_per_child = spec.max_memory // 1024  # Celery counts kilobytes
    app.conf.worker_max_tasks_per_child = spec.max_tasks
    os.environ[VARIABLE] = spec.to_json()
    app.worker_main(
        [
            "worker",
            "--pool=prefork",
            f"--concurrency={workers}",
            f"--hostname={spec.name}@%h",
            "--loglevel=INFO",
            "--without-gossip",
            "--without-mingle",
        ]
    )


def check_broker(app: Celery) -> None:
    """Raise QueueUnavailable where the broker does not answer."""
    with app.connection_for_write() as connection:
        try:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=5)
            connection.default_channel.client.ping()
        except (OperationalError, UnicodeError, *connection.connection_errors) as error:
            raise QueueUnavailable(
                tr(
                    "Redis, which is to be Celery's broker, does not answer: {error}. Nothing was "
                    "sent. Start it, or name another one in IMGLAB_REDIS_URL.",
                    error=shown(error),
                )
            ) from None


def _celery_address(url: str) -> str:
    """An address of one Redis in the words of Celery, with the password of the project's own."""
    if read(url).kind or not url.startswith(("redis://", "rediss://")):
        raise QueueUnavailable(
            tr(
                "Celery's workers here need the address of one Redis, redis://HOST:PORT or "
                "rediss://HOST:PORT: sentinels, clusters and sockets are for imglab's own queue."
            )
        )
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    _check_options(options)
    if parts.scheme == "rediss" and CERTIFICATES not in options:
        # Celery wants to be told what we take for granted.
        options[CERTIFICATES] = KINDS_OF_CHECK[0]
    return with_own_password(urlunsplit(parts._replace(query=urlencode(options))))


def _check_options(options: Mapping[str, str]) -> None:
    """Raise QueueUnavailable for what an address says that Celery would stumble over."""
    for name in options:
        if not name.startswith("ssl_"):
            raise QueueUnavailable(
                tr(
                    "Celery takes no {name!r:.40} in the address of its Redis. Write a database "
                    "as redis://HOST:PORT/0, name and password in front of an @.",
                    name=name,
                )
            )
    check = options.get(CERTIFICATES, KINDS_OF_CHECK[0])
    if check not in KINDS_OF_CHECK:
        raise QueueUnavailable(
            tr(
                "{option} is one of {kinds}, not {value!r:.40}.",
                option=CERTIFICATES,
                kinds=", ".join(KINDS_OF_CHECK),
                value=check,
            )
        )


def _outcome(meta: Mapping[str, Any]) -> Outcome:
    """What Celery stored of a task that ended, in our words."""
    if meta["status"] == states.SUCCESS:
        return outcome_of(meta["result"])
    if meta["status"] == states.REVOKED:
        return {"status": Status.CANCELLED, "reason": REVOKED}
    problem = meta["result"]
    kind = type(problem).__name__
    reasons = {
        "TimeLimitExceeded": TOO_LONG,
        "WorkerLostError": crashed(MAX_TRIES),
        "NotRegistered": NOT_REGISTERED,
    }
    return failed(reasons.get(kind, f"{kind}: {shown(problem)}"))
