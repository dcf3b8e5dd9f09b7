"""What was done to a queue, and what came of it, as figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from imglab.language import tr
from imglab.ops.chaos.words import FAULTS_IN_WORDS, WRONG_IN_WORDS


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
            *((FAULTS_IN_WORDS.get(each, each), str(count)) for each, count in self.faults.items()),
            (tr("tasks"), str(self.tasks)),
            (tr("not yet in Redis' file, added again"), str(self.forgotten)),
            (tr("completed"), str(self.completed)),
            (tr("failed, and made to fail"), f"{self.failed}, {self.doomed}"),
            (tr("executions"), f"{self.executions} ({self.reruns:+.1%})"),
            (tr("stale reports refused"), str(self.refused)),
            (tr("checks meanwhile"), str(self.checks)),
            (tr("seconds"), f"{self.seconds:.0f}"),
            *((WRONG_IN_WORDS[what], str(len(each))) for what, each in self.wrong.items()),
        ]
