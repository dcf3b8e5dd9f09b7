"""The judge at the end: what was promised, and is not so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from imglab.language import tr
from imglab.ops.chaos.plan import DOOMED
from imglab.queues.invariants import Standing
from imglab.queues.vocabulary import Event, Status, impossible_steps


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
    commits = Counter(event["task"] for event in events if event["event"] == Event.COMPLETED)
    given_up = [event for event in events if event["event"] in (Event.FAILED, Event.CANCELLED)]
    reasons = {event["task"]: event["reason"] for event in given_up}
    otherwise = [*findings, *impossible_steps(events), *_intruders(events)]
    for task_id, found in places.items():
        kind = added.get(task_id)
        otherwise += _wrong(kind, found[0], commits[task_id], reasons.get(task_id))
    return {
        "lost": [tr("Task {task} is lost.", task=each) for each in added if each not in places],
        "in two places": list(_in_two_places(places)),
        "accepted twice": list(_accepted_twice(commits)),
        "otherwise wrong": otherwise,
    }


def _in_two_places(places: Mapping[str, list[Standing]]) -> Iterator[str]:
    for task_id, found in places.items():
        if len(found) > 1:
            names = tr(" and in ").join(standing.place for standing in found)
            yield tr("Task {task} is in {places}.", task=task_id, places=names)


def _accepted_twice(commits: Mapping[str, int]) -> Iterator[str]:
    for task_id, times in commits.items():
        if times > 1:
            yield tr("Task {task} was, {times} times.", task=task_id, times=times)


def _intruders(events: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Commits by a worker whose claim was not the latest."""
    holders: dict[str, str] = {}
    for event in events:
        task_id = event["task"]
        worker = event.get("worker", "")
        if event["event"] == Event.CLAIMED:
            holders[task_id] = worker
        elif event["event"] == Event.COMPLETED and worker != holders.get(task_id):
            yield tr(
                "Task {task} was completed by {worker}, but held by {holder}.",
                task=task_id,
                worker=worker,
                holder=holders.get(task_id),
            )


def _wrong(kind: str | None, task: Standing, commits: int, reason: str | None) -> Iterator[str]:
    """What is wrong with one task of this kind; `reason` is that of its last failure."""
    wanted = Status.FAILED if kind in DOOMED else Status.COMPLETED
    if kind is None:
        yield tr("Task {task} was never added.", task=task.id)
    if task.place != wanted:
        yield tr(
            "Task {task} is {place}, not {wanted}; the reason: {reason}.",
            task=task.id,
            place=task.place,
            wanted=wanted,
            reason=reason,
        )
    elif kind in DOOMED and not re.search(DOOMED[kind], reason or ""):
        yield tr("Task {task} failed for another reason: {reason}.", task=task.id, reason=reason)
    yield from _wrong_result(task, commits)


def _wrong_result(task: Standing, commits: int) -> Iterator[str]:
    """What is wrong where a task has a result, or commits, and is not completed; or has none."""
    is_completed = task.place == Status.COMPLETED
    if task.has_result == is_completed and (commits > 0) == is_completed:
        return
    if task.has_result:
        yield tr(
            "Task {task} is {place} with a result after {commits} commits.",
            task=task.id,
            place=task.place,
            commits=commits,
        )
    else:
        yield tr(
            "Task {task} is {place} with no result after {commits} commits.",
            task=task.id,
            place=task.place,
            commits=commits,
        )
