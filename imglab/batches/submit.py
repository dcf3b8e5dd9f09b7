"""Submitting: a task for each photograph, the same one however often it is submitted."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from imglab.batches import reasons
from imglab.batches.photograph import NO_ADDRESS, Photograph
from imglab.batches.photographs import Found
from imglab.errors import ImageError
from imglab.language import tr
from imglab.queues.base import BaseQueue
from imglab.queues.batches import BatchState, BatchTask, check_batch_name
from imglab.queues.vocabulary import NORMAL
from imglab.storage import Folders
from imglab.storage.names import fitting
from imglab.storage.urls import Url, parse, parse_folder

#: Pictures on the contact sheet of a batch.
ON_SHEET = 60
#: The longest name of a result that a sheet has, in letters: a payload has to hold all of them.
LONGEST_ON_SHEET = 250


@dataclass(frozen=True)
class Plan:
    """What is to be done with each photograph of a batch."""

    #: As `FilterPipeline.spec()` gives them; None for those of the worker.
    filters: list[dict[str, Any]] | None = None
    #: Whether results lie in folders as their photographs do; else all of them side by side.
    keep_folders: bool = False
    priority: str = NORMAL
    #: Tries of these tasks, None for as many as the queue allows.
    max_attempts: int | None = None
    #: Whether one task more makes a contact sheet when the batch has ended.
    contact_sheet: bool = False
    #: The payload of a task that is added in its place.
    at_end: Mapping[str, Any] | None = None
    #: Seconds to wait for room where the queue is full; None for ever.
    timeout: float | None = 0
    #: The address below which results lie; "" for the folder that each worker writes to.
    to: str = ""

    def about(self) -> dict[str, Any]:
        """What all tasks of the batch have in common: a batch cannot be about two things."""
        common: dict[str, Any] = {"filters": self.filters, "keep_folders": self.keep_folders}
        if self.to:
            common["to"] = self.place_of("").text
        return common

    def place_of(self, name: str) -> Url:
        """The address of a result, or of all of them for no name; ImageError for none."""
        folder = parse_folder(self.to)
        if not name:
            return folder
        return parse(f"{folder.text.rstrip('/')}/{name}")


@dataclass(frozen=True)
class Submitted:
    """What a submit found and added."""

    #: Photographs that were found.
    found: int
    #: Those of them that were not in the batch: new or changed.
    new: int
    left_out: Counter[str]
    state: BatchState


class EvenSample:
    """Some of the results' names, drawn evenly from any number of them.

    By Li's algorithm L (ACM Transactions on Mathematical Software 20, 1994): it draws how many
    names to pass over, so a name that is passed over costs a comparison and no dice.
    """

    def __init__(self, seed: str) -> None:
        self.names: list[str] = []
        self.seen = 0
        self._dice = random.Random(seed)
        #: The largest of the numbers that the names on the sheet drew, if each had drawn one.
        self._bar = 1.0
        #: The number of the next name that is taken, counted from 1.
        self._next = 1

    def take(self, name: str) -> None:
        """Look at one name more."""
        self.seen += 1
        if self.seen < self._next:
            return
        self._next = self.seen + 1
        if len(name) > LONGEST_ON_SHEET:
            return  # the one behind it has its turn
        if len(self.names) < ON_SHEET:
            self.names.append(name)
        else:
            self.names[self._dice.randrange(ON_SHEET)] = name
        if len(self.names) == ON_SHEET:
            self._pass_over()

    def _pass_over(self) -> None:
        self._bar *= self._draw() ** (1 / ON_SHEET)
        self._next += math.floor(math.log(self._draw()) / math.log(1 - self._bar))

    def _draw(self) -> float:
        """A number above 0 and at most 1: it has a logarithm."""
        return 1 - self._dice.random()


def submit(
    queue: BaseQueue,
    name: str,
    found: Found,
    plan: Plan | None = None,
    *,
    folders: Folders | None = None,
    progress: Callable[[int], object] | None = None,
) -> Submitted:
    """Add a task for each photograph to a batch, those that are new or changed; close the batch.

    A photograph is known by its path, size, time of change and filters. What stops half-way may be
    done again. `progress` is told how many were taken, and 0 as soon as the batch is begun.
    ImageError where there is none; QueueError for a batch with other filters; QueueFull when there
    is no room; QueueUnavailable when Redis is away.
    """
    check_batch_name(name)
    if plan is None:
        plan = Plan()
    if folders is None:
        folders = Folders.of_project()
    sample = EvenSample(name)
    tasks = _tasks(name, iter(found), plan, folders, sample, left_out=found.left_out)
    first = next(tasks, None)
    if first is None:
        words = tr("There is no photograph. Nothing was added.")
        raise ImageError(words + _in_words(found.left_out))
    queue.begin_batch(name, plan.about())
    if progress:
        progress(0)
    new = queue.add_to_batch(
        name,
        itertools.chain([first], tasks),
        plan.priority,
        max_attempts=plan.max_attempts,
        timeout=plan.timeout,
        progress=progress,
    )
    queue.close_batch(name, _at_end(name, plan, sample), plan.priority)
    return Submitted(sample.seen, new, found.left_out, queue.batch(name))


def tasks_of(name: str, found: Found, plan: Plan, folders: Folders) -> Iterator[BatchTask]:
    """The tasks of a batch, one for each photograph, for another engine than our queue.

    An engine keeps no batch that could refuse another place for the results, so tasks whose results
    go there are other tasks.
    """
    elsewhere = ""
    if plan.to or plan.keep_folders:
        elsewhere = f" {plan.keep_folders} {plan.about().get('to', '')}"
    found_tasks = _tasks(
        name, iter(found), plan, folders, EvenSample(name), left_out=found.left_out
    )
    for task in found_tasks:
        yield replace(task, key=task.key + elsewhere)


def _tasks(
    name: str,
    photographs: Iterator[Photograph],
    plan: Plan,
    folders: Folders,
    sample: EvenSample,
    *,
    left_out: Counter[str],
) -> Iterator[BatchTask]:
    filters = json.dumps(plan.filters, sort_keys=True)
    root = f"{folders.root.resolve()}/"
    for each in photographs:
        image_path = each.path.removeprefix(root)
        try:
            field, place = _result_place(_output_name(name, each, plan.keep_folders), plan)
        except ImageError:
            left_out[NO_ADDRESS] += 1
            continue
        payload: dict[str, Any] = {"image_path": image_path, field: place}
        if plan.filters is not None:
            payload["filters"] = plan.filters
        key = f"{image_path} {each.size} {each.version} {filters}"
        sample.take(place)
        yield BatchTask(key, payload, image_path)


def _result_place(name: str, plan: Plan) -> tuple[str, str]:
    """The field of a payload that says where the result goes, and its value."""
    if plan.to:
        return "output_path", plan.place_of(name).text
    return "output_name", name


def _output_name(batch: str, photograph: Photograph, keep_folders: bool) -> str:
    """Where a result lies, below the folder that its worker writes to; the same for each submit."""
    if keep_folders:
        return f"{batch}/{photograph.inside}"
    digest = hashlib.blake2b(photograph.path.encode(), digest_size=4).hexdigest()
    name = photograph.inside.rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    return f"{batch}/{fitting(stem, f'-{digest}{dot}{ending}')}"


def _at_end(name: str, plan: Plan, sample: EvenSample) -> Mapping[str, Any] | None:
    if plan.at_end is not None:
        return plan.at_end
    if not plan.contact_sheet or not sample.names:
        return None
    field, place = _result_place(f"{name}-contact-sheet.jpg", plan)
    return {"contact_sheet": sorted(sample.names), field: place}


def _in_words(left_out: Counter[str]) -> str:
    """What was left out, as a sentence that follows another; "" for nothing."""
    if not left_out:
        return ""
    parts = [
        tr("{count:,} because {reason}", count=count, reason=reasons.in_words(reason))
        for reason, count in left_out.most_common()
    ]
    return tr(" Left out: {reasons}.", reasons=", ".join(parts))
