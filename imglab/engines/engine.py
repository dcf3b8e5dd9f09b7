"""What every engine promises: tasks go out in windows, and each ending comes back in our words."""

from __future__ import annotations

import itertools
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Self

from imglab.engines.messages import Outcome, message_of
from imglab.engines.reasons import TAKEN_BACK
from imglab.errors import ImglabError, QueueUnavailable
from imglab.extras import need
from imglab.language import tr, tr_count
from imglab.queues.batches import BatchTask, Ending
from imglab.queues.vocabulary import Status

#: An engine -> the module that must be there, which is also the extra that brings it.
ENGINES = {"celery": "celery", "dask": "distributed"}
#: Tries of a task that may end in an error, or with the death of its worker, the first included.
MAX_TRIES = 3
#: Seconds without any result, after which nobody waits for more.
PATIENCE_S = 300.0
#: Seconds between two looks for results.
LOOK_INTERVAL_S = 0.05


class Engine(ABC):
    """The submitting side of an engine: it sends tasks and hears what became of them."""

    #: As `--engine` has it.
    name: str
    #: The most tasks that are on their way at one time.
    window: int

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def new_key(self, task_id: str) -> str:
        """What an engine is to call a task: sent twice it is two, for one may be taken back."""
        return f"{task_id}:{secrets.token_hex(4)}"

    @abstractmethod
    def send(self, messages: Mapping[str, dict[str, Any]]) -> None:
        """Hand tasks to the workers, by their ids; QueueUnavailable where nobody takes them."""

    @abstractmethod
    def ended(self) -> list[tuple[str, Outcome]]:
        """The tasks that have ended since the last look; QueueUnavailable if all are lost."""

    @abstractmethod
    def cancel(self, task_ids: Iterable[str]) -> None:
        """Take tasks back: who has not begun them does not, who has may still write its file."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the connection."""


def check_engine(name: str) -> None:
    """Raise ImglabError for an engine that there is not, NotInstalled for one that is not here."""
    if name not in ENGINES:
        engines = tr(" and ").join(ENGINES)
        raise ImglabError(
            tr(
                "There is no engine {name!r:.40}; there are {engines}.",
                name=name,
                engines=engines,
            )
        )
    need(name, ENGINES[name])


def open_engine(name: str, address: str, queue: str, namespace: str = "") -> Engine:
    """Connect to an engine. QueueUnavailable where its broker or its scheduler is away."""
    check_engine(name)
    module = import_module(f"imglab.engines.with_{name}")
    engine: Engine = module.connect(address, queue, namespace)
    return engine


def follow(
    engine: Engine, tasks: Iterable[tuple[str, BatchTask]], patience: float = PATIENCE_S
) -> Iterator[Ending]:
    """Send tasks, each with its id, a window at a time; yield the ending of each as it comes.

    When nothing has ended for `patience` seconds, or somebody interrupts, what is open is taken
    back and told as cancelled, and then the error comes. Where a broker or a scheduler went away,
    QueueUnavailable: nobody knows what became of those that were open.
    """
    flight = _Flight(engine, iter(tasks), patience)
    try:
        while flight.fill():
            yield from flight.landed()
    except QueueUnavailable:
        raise
    except GeneratorExit:  # whoever listened hears no more
        flight.take_back()
        raise
    except (ImglabError, KeyboardInterrupt, SystemExit):
        yield from flight.take_back()
        raise


@dataclass
class _Flight:
    """Tasks on their way."""

    engine: Engine
    rest: Iterator[tuple[str, BatchTask]]
    patience: float
    #: Of those that are open: id -> what people call it.
    labels: dict[str, str] = field(default_factory=dict)
    #: When the last one ended, by the monotonic clock.
    last: float = field(default_factory=time.monotonic)

    def fill(self) -> bool:
        """Send as many as the window has room for; return whether any is open."""
        messages = {}
        for task_id, task in itertools.islice(self.rest, self.engine.window - len(self.labels)):
            messages[task_id] = message_of(task.payload)
            self.labels[task_id] = task.label
        if messages:
            self.engine.send(messages)
        return bool(self.labels)

    def landed(self) -> list[Ending]:
        """Those that have ended by now; wait a moment for none. ImglabError after `patience`."""
        ended = self.engine.ended()
        if ended:
            self.last = time.monotonic()
        elif time.monotonic() - self.last > self.patience:
            raise ImglabError(self._nothing_came())
        else:
            time.sleep(LOOK_INTERVAL_S)
        return [self._ending(task_id, outcome) for task_id, outcome in ended]

    def take_back(self) -> list[Ending]:
        """Cancel those that are open, as far as the engine can still be told."""
        with suppress(QueueUnavailable):
            self.engine.cancel(self.labels)
        outcome = {"status": Status.CANCELLED, "reason": TAKEN_BACK}
        return [self._ending(task_id, outcome) for task_id in list(self.labels)]

    def _ending(self, task_id: str, outcome: Outcome) -> Ending:
        return Ending(
            task=task_id,
            label=self.labels.pop(task_id),
            status=outcome["status"],
            at=time.time_ns() // 1_000_000,
            result=outcome.get("result", {}),
            reason=outcome.get("reason", ""),
        )

    def _nothing_came(self) -> str:
        return tr_count(
            "No result came for {seconds:g} s, so the {count:,} tasks that were open are taken "
            "back. Is a worker there? `imglab worker --engine {engine}` starts one; then type the "
            "same line again: it goes on.",
            "No result came for {seconds:g} s, so the {count:,} tasks that were open are taken "
            "back. Is a worker there? `imglab worker --engine {engine}` starts one; then type the "
            "same line again: it goes on.",
            len(self.labels),
            seconds=self.patience,
            engine=self.engine.name,
        )
