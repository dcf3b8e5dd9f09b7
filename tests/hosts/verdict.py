"""What came of the tasks of one chapter: its figures, and each promise that was broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hosts.lab import Lab
from imglab.ops.doctor import examine
from imglab.queues import RedisTaskQueue
from imglab.queues.vocabulary import Event


@dataclass(frozen=True)
class Verdict:
    """One line of the table."""

    chapter: str
    tasks: int
    seconds: float
    #: Claims, in all.
    executions: int
    #: Reports on tasks that were somebody else's by then.
    refused: int
    #: Seconds from the cut until another host had the task of the one that was cut off.
    again_after: float | None
    #: Seconds from the moment the cable was joined until that host completed a task.
    back_after: float | None
    #: Tasks that each host completed.
    shares: dict[str, int]
    #: What was found to be wrong, as sentences.
    wrong: list[str]

    def columns(self) -> dict[str, str]:
        """Heading → text."""
        shares = " ".join(f"{name}:{count}" for name, count in sorted(self.shares.items()))
        return {
            "chapter": self.chapter,
            "tasks": f"{self.tasks:,}",
            "seconds": f"{self.seconds:.1f}",
            "tasks/s": f"{self.tasks / self.seconds:.1f}",
            "runs/task": f"{self.executions / self.tasks:.3f}",
            "refused": str(self.refused),
            "again after": _seconds(self.again_after),
            "back after": _seconds(self.back_after),
            "wrong": str(len(self.wrong)),
            "completed by": shares,
        }


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1f} s"


def table(verdicts: list[Verdict]) -> str:
    """All chapters under one heading."""
    lines = [list(verdicts[0].columns())]
    lines += [list(verdict.columns().values()) for verdict in verdicts]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = [zip(line, widths, strict=True) for line in lines]
    return "\n".join("  ".join(text.ljust(width) for text, width in row).rstrip() for row in rows)


def broken_promises(
    lab: Lab, queue: RedisTaskQueue, ids: list[str], events: Iterable[dict[str, Any]]
) -> list[str]:
    """What is wrong with tasks that all should be completed once, and with the queue they left."""
    completed = Counter(event["task"] for event in events if event["event"] == Event.COMPLETED)
    wrong = [
        f"Task {task_id} was completed {completed[task_id]} times."
        for task_id in ids
        if completed[task_id] != 1
    ]
    wrong += _without_picture(lab, queue, ids)
    wrong += queue.check()
    wrong += [finding.what for finding in examine(queue) if finding.level == "broken"]
    return wrong


def _without_picture(lab: Lab, queue: RedisTaskQueue, ids: list[str]) -> Iterator[str]:
    for task_id in ids:
        result = queue.result(task_id)
        if result is None:
            yield f"Task {task_id} has no result."
        elif not (lab.folder / result["output_path"]).is_file():
            yield f"The picture of task {task_id} is nowhere: {result['output_path']}."
