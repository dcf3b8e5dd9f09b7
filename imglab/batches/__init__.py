"""Batches of photographs: whole folders of them, of any size, as tasks of one batch."""

from imglab.batches.photographs import Found, find, named
from imglab.batches.report import Progress, progress_of
from imglab.batches.submit import Plan, Submitted, submit, tasks_of

__all__ = [
    "Found",
    "Plan",
    "Progress",
    "Submitted",
    "find",
    "named",
    "progress_of",
    "submit",
    "tasks_of",
]
