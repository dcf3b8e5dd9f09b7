"""What one seed did and found, as figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Report:
    """What was done to a queue, and what came of it."""

    seed: int
    seconds: float
    #: Planned tasks that do their work, and that cannot.
    sound: int
    unsound: int
    #: Acts of the hostile producer, and the ids it put into lines.
    acts: dict[str, int]
    foreign: int
    #: Sound tasks whose record it wrote into, and those that it put in line again.
    spoiled: int
    doubled: int
    #: Signals and moods that were done, and connections that were cut.
    faults: dict[str, int]
    cuts: int
    completed: int
    failed: int
    set_aside: int
    #: Processes that were started, in all.
    processes: int
    #: Of them, those that the pool replaced because they did not reach Redis for three leases.
    silent: int
    #: How many times `join` said True.
    joins: int
    #: Kind → what was found to be wrong, as sentences.
    wrong: dict[str, list[str]]

    @property
    def is_good(self) -> bool:
        """Whether every promise was kept."""
        return not any(self.wrong.values())

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain data, for a script."""
        return asdict(self)

    def columns(self) -> dict[str, str]:
        """The figures of one line of the table: heading → text."""
        signals = sum(n for what, n in self.faults.items() if what.startswith("SIG"))
        moods = sum(self.faults.values()) - signals
        return {
            "seed": str(self.seed),
            "sound": str(self.sound),
            "unsound": str(self.unsound),
            "hostile acts": str(sum(self.acts.values())),
            "ids": str(self.foreign),
            "spoiled": str(self.spoiled),
            "doubled": str(self.doubled),
            "signals": str(signals),
            "not now": str(moods),
            "cuts": str(self.cuts),
            "processes": str(self.processes),
            "silent": str(self.silent),
            "completed": str(self.completed),
            "failed": str(self.failed),
            "aside": str(self.set_aside),
            "joins": str(self.joins),
            "seconds": f"{self.seconds:.0f}",
            "wrong": str(sum(map(len, self.wrong.values()))),
        }


def as_table(reports: list[Report]) -> str:
    """The lines of all seeds under one heading."""
    heading = list(reports[0].columns())
    lines = [heading, *(list(report.columns().values()) for report in reports)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heading))]
    return "\n".join(
        "  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True))
        for line in lines
    )
