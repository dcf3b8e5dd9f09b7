"""Chaos on paper: the plan that a seed draws, and the judge at the end; nothing runs here."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from imglab.ops.story import illegal
from imglab.queues.check import Standing

#: Short, so that a stopped worker's task comes back soon.
LEASE = 2.0
#: More than any task uses up that is not poison, however unlucky it is.
MAX_CRASHES = 8
#: What goes wrong, and how often in 50 s; the signals as often to 8 workers.
FAULTS = {"SIGKILL": 40, "SIGTERM": 20, "SIGSTOP": 15, "Redis killed": 8, "connections cut": 40}
#: The kinds of tasks that are not plain, in thousandths of all.
KINDS = {"long": 5, "poison": 5, "hopeless": 5, "flaky": 80}
#: The kinds of tasks that are made to fail, and what the reason has to say.
DOOMED = {"poison": r"worker .* \((\d+) of \1\)", "hopeless": "as planned"}


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong: when, to which worker if it is a signal, and for how long."""

    at: float
    what: str
    worker: int
    lasts: float


@dataclass(frozen=True)
class Plan:
    """Everything a seed decides: the tasks' kinds and lengths (ms), and the faults in order."""

    tasks: dict[str, tuple[str, int]]
    faults: tuple[Fault, ...]

    @classmethod
    def draw(cls, seed: int, tasks: int, workers: int, seconds: float) -> Plan:
        """The plan of a seed; each kind of task and of fault is in it at least once."""
        dice = random.Random(seed)
        kinds = [kind for kind, n in KINDS.items() for _ in range(max(1, tasks * n // 1000))]
        kinds = [*kinds, *["plain"] * tasks][:tasks]
        dice.shuffle(kinds)
        faults = []
        for what, number in FAULTS.items():
            to_worker = what.startswith("SIG")
            rate = number / 50 * (workers / 8 if to_worker else 1)
            for _ in range(max(1, round(rate * seconds))):
                # Longer than a lease, but not than the three leases the pool waits.
                lasts = dice.uniform(1.3, 2) * LEASE if to_worker else dice.uniform(0.2, 0.8)
                at, worker = dice.uniform(0, seconds), dice.randrange(workers)
                faults.append(Fault(at, what, worker, lasts))
        lengths = {"long": (3000, 4500)}  # well beyond a lease
        planned = [(kind, dice.randint(*lengths.get(kind, (5, 80)))) for kind in kinds]
        return cls(
            {f"{kind}-{n}": (kind, ms) for n, (kind, ms) in enumerate(planned)},
            tuple(sorted(faults, key=lambda fault: fault.at)),
        )

    def payload(self, task_id: str) -> dict[str, Any]:
        """What a task asks for: a photograph to filter, with trouble among the filters."""
        kind, ms = self.tasks[task_id]
        flaky = {"name": "flaky", "task": int(task_id.partition("-")[2])}
        trouble = {
            "poison": {"name": "poison"},
            "hopeless": {**flaky, "times": 99},
            "flaky": {**flaky, "times": 1 + ms % 2},
        }
        filters = [{"name": "busy", "ms": ms}, trouble.get(kind, {"name": "blur"})]
        output = f"output/{task_id}.png"
        return {"image_path": "images/photo.png", "output_path": output, "filters": filters}


def judge(
    added: Mapping[str, str],
    standings: Iterable[Standing],
    events: Collection[dict[str, Any]],
    findings: Iterable[str] = (),
) -> dict[str, list[str]]:
    """What is wrong at the end, as sentences; four empty lists when every promise was kept.

    `added` has the kind of each task that Redis said it had stored; `findings` came up meanwhile.
    """
    places: dict[str, list[Standing]] = {}
    for standing in standings:
        places.setdefault(standing.id, []).append(standing)
    commits = Counter(event["task"] for event in events if event["event"] == "completed")
    reasons = {event["task"]: event["reason"] for event in events if event["event"] == "failed"}
    doubled = {task_id: found for task_id, found in places.items() if len(found) > 1}
    return {
        "lost": [f"Task {each} is lost." for each in added if each not in places],
        "in two places": [
            f"Task {each} is in {' and in '.join(standing.place for standing in found)}."
            for each, found in doubled.items()
        ],
        "accepted twice": [f"Task {each} was, {n} times." for each, n in commits.items() if n > 1],
        "otherwise wrong": [
            *findings,
            *illegal(events),
            *_intruders(events),
            *(
                sentence
                for each, found in places.items()
                for sentence in _wrong(added.get(each), found[0], commits[each], reasons.get(each))
            ),
        ],
    }


def _intruders(events: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Commits by a worker whose claim was not the latest."""
    holders: dict[str, str] = {}
    for event in events:
        task_id, worker = event["task"], event.get("worker", "")
        if event["event"] == "claimed":
            holders[task_id] = worker
        elif event["event"] == "completed" and worker != holders.get(task_id):
            yield f"Task {task_id} was completed by {worker}, but held by {holders.get(task_id)}."


def _wrong(kind: str | None, task: Standing, commits: int, reason: str | None) -> Iterator[str]:
    wanted = "failed" if kind in DOOMED else "completed"
    if kind is None:
        yield f"Task {task.id} was never added."
    if task.place != wanted:
        yield f"Task {task.id} is {task.place}, not {wanted}; the reason: {reason}."
    elif kind in DOOMED and not re.search(DOOMED[kind], reason or ""):
        yield f"Task {task.id} failed for another reason: {reason}."
    if {task.has_result, commits > 0} != {task.place == "completed"}:
        result = "a result" if task.has_result else "no result"
        yield f"Task {task.id} is {task.place} with {result} after {commits} commits."


@dataclass(frozen=True)
class Report:
    """What was done, and what came of it."""

    seed: int
    workers: int
    seconds: float
    faults: dict[str, int]
    checks: int
    tasks: int
    #: Tasks that a killed Redis had not written yet, and that were added again.
    forgotten: int
    completed: int
    failed: int
    #: Tasks that were made to fail.
    doomed: int
    #: Claims, in all.
    executions: int
    #: Reports of workers on tasks that were theirs no more.
    refused: int
    #: What `judge` found.
    wrong: dict[str, list[str]]

    @property
    def reruns(self) -> float:
        """Executions beyond one for each task, as a share of the tasks."""
        return self.executions / max(1, self.tasks) - 1

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain data, for a script."""
        return {**asdict(self), "reruns": round(self.reruns, 4)}

    def rows(self) -> list[tuple[str, str]]:
        """The figures as text, for a table."""
        return [
            *((what, str(number)) for what, number in self.faults.items()),
            ("tasks", str(self.tasks)),
            ("not yet in Redis' file, added again", str(self.forgotten)),
            ("completed", str(self.completed)),
            ("failed, and made to fail", f"{self.failed}, {self.doomed}"),
            ("executions", f"{self.executions} ({self.reruns:+.1%})"),
            ("stale reports refused", str(self.refused)),
            ("checks meanwhile", str(self.checks)),
            ("seconds", f"{self.seconds:.0f}"),
            *((what, str(len(sentences))) for what, sentences in self.wrong.items()),
        ]
