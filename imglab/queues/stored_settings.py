"""Settings as they stand in Redis: a JSON that a person can read, and anybody may have written."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, fields, replace
from typing import Any

from imglab.errors import QueueError
from imglab.language import tr
from imglab.queues.task import QueueSettings
from imglab.text import told

#: The names of all settings, in their order.
NAMES = tuple(each.name for each in fields(QueueSettings))


def as_plain(settings: QueueSettings) -> dict[str, Any]:
    """The settings by name, as JSON can hold them: no time limit is None."""
    values = asdict(settings)
    if settings.longest_try == math.inf:
        values["time_limit"] = None
    return values


def to_text(settings: QueueSettings) -> str:
    """What is stored: each setting by its name, in its own unit."""
    return json.dumps(as_plain(settings))


def from_text(text: str) -> QueueSettings:
    """The stored settings; QueueError for what somebody else wrote and no queue can keep.

    What a newer version knows is left out, and what an older one did not know is as by default.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise QueueError(tr("they are no JSON object: {words}.", words=told(text)))
    return QueueSettings(**{name: values[name] for name in NAMES if name in values})


def changed(
    settings: QueueSettings, instead: QueueSettings | None, changes: dict[str, Any]
) -> QueueSettings:
    """The settings with some of them changed; QueueError for a name or a value there is not."""
    if instead is not None:
        settings = check_settings(instead)
    for name in changes:
        if name not in NAMES:
            raise QueueError(
                tr(
                    "There is no setting {name}; there are {names}.",
                    name=told(name),
                    names=", ".join(NAMES),
                )
            )
    return replace(settings, **changes)


def check_settings(settings: QueueSettings | None) -> QueueSettings:
    """The settings themselves, the default ones for None; QueueError for anything else."""
    if settings is None:
        return QueueSettings()
    if not isinstance(settings, QueueSettings):
        raise QueueError(
            tr(
                "Settings are made by QueueSettings(max_attempts=6, …), not {settings}.",
                settings=told(settings),
            )
        )
    return settings


def difference(stored: QueueSettings, asked: QueueSettings) -> dict[str, tuple[Any, Any]]:
    """Name → what is stored, and what was asked for, of the settings that are not the same."""
    theirs = as_plain(stored)
    ours = as_plain(asked)
    return {name: (theirs[name], ours[name]) for name in NAMES if theirs[name] != ours[name]}


def difference_in_words(queue: str, differences: dict[str, tuple[Any, Any]]) -> str:
    """A sentence that names each difference, and how everybody gets what was asked for."""
    values = []
    changes = []
    for name, (stored, asked) in differences.items():
        values.append(tr("{name} is {stored}, not {asked}", name=name, stored=stored, asked=asked))
        changes.append(f"{name}={asked}")
    return tr(
        "The queue {queue} has settings of its own, and they count for everybody: "
        "{differences}; change them for everybody with "
        "queue.change_settings({changes}), or with `imglab settings` in a terminal.",
        queue=queue,
        differences=", ".join(values),
        changes=", ".join(changes),
    )
