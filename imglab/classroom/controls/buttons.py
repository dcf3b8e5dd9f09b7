"""The buttons of the control room: which does what, and the words that tell it.

`ROWS` says which button does what, and `perform` turns whatever comes of it into a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from imglab.classroom.controls.actions import MOST_UNFINISHED, SETTINGS, STEADY, Controls
from imglab.classroom.controls.freezer import THAW, Thawed
from imglab.errors import ImglabError, QueueUnavailable
from imglab.workers.crew import SILENT_LEASES

#: The most workers that a button offers.
MOST_WORKERS = 8


class Knob(NamedTuple):
    """A button of the panel."""

    #: The words on it.
    label: str
    #: What it is for, when the pointer rests on it.
    tooltip: str
    #: What the status line says at once; {name} stands for the value of an input.
    meanwhile: str
    #: Does it, given the inputs by name; the sentence says what was done.
    press: Callable[..., str]
    #: The inputs that `press` takes.
    inputs: tuple[str, ...] = ()
    #: Whether it puts all back, so that board, charts and inputs begin anew.
    begins_anew: bool = False


class Row(NamedTuple):
    """A row of the panel."""

    #: The names of its widgets, in front of the buttons.
    widgets: tuple[str, ...]
    knobs: tuple[Knob, ...]


# What each button does, and says in the end


def _add_photographs(controls: Controls, count: int, priority: str) -> str:
    ids = controls.add(count, priority)
    return f"Added {count} at {priority} priority: {ids}."


def _keep_adding(controls: Controls, priority: str) -> str:
    if controls.is_adding:
        controls.stop_adding()
        return "No more photographs come by themselves. Those in line are still drawn."
    controls.keep_adding(priority)
    return (
        f"{STEADY} photographs a second from now on, at {priority} priority, until you press "
        "it again."
    )


def _add_poison(controls: Controls) -> str:
    task_id = controls.add_poison()
    return (
        f"Added {task_id}. It kills its worker, each time; "
        f"after {SETTINGS.max_crashes} of them it is failed."
    )


def _add_missing(controls: Controls) -> str:
    task_id = controls.add_missing()
    return f"Added {task_id}, a picture that is not there. It fails at once: no retry can help."


def _pause(controls: Controls) -> str:
    controls.queue.pause()
    return "Paused: no worker gets a task any more. What they hold they finish."


def _resume(controls: Controls) -> str:
    controls.queue.resume()
    return "Resumed: idle workers look for tasks within a second."


def _reset(controls: Controls) -> str:
    deleted = controls.reset()
    return (
        f"Reset: {deleted} tasks deleted, {controls.size} workers, nothing paused, no history. "
        "Nobody else's keys."
    )


def _kill_worker(controls: Controls, worker: str) -> str:
    pid = controls.kill(worker)
    return f"Killed {worker} (kill -9 {pid}). Its task comes back; the pool replaces it."


def _freeze(controls: Controls, worker: str) -> str:
    controls.freeze(worker)
    free_after = SETTINGS.lease
    replaced_after = SILENT_LEASES * SETTINGS.lease
    return (
        f"Froze {worker} (SIGSTOP). In {free_after:g} s its lease is over and its "
        f"task free; in {replaced_after:g} s the pool replaces it."
    )


def _thaw(controls: Controls, worker: str) -> str:
    thawed = controls.thaw(worker)
    if thawed is None:
        return (
            f"{worker} was not frozen, so nothing changed. (The pool replaces a frozen one after "
            f"{SILENT_LEASES * SETTINGS.lease:g} s.)"
        )
    return f"{worker} goes on (SIGCONT){_after_thaw(worker, thawed)}"


def _after_thaw(worker: str, thawed: Thawed) -> str:
    """What a worker found when it went on, as the end of a sentence."""
    if thawed.lost:
        return f", too late. {_refusal(worker, thawed)}"
    if thawed.kept:
        return f", in time: {thawed.kept[0]} is still its own, so nothing is lost."
    return ". It had no task in hand."


def _refusal(worker: str, thawed: Thawed) -> str:
    task = thawed.lost[0]
    other = thawed.now_with[0]
    why = f"{other} has claimed {task} since."
    if other == worker:
        why = f"its lease on {task} is over."
    if task in thawed.refused:
        return f"REFUSED: {why} Redis took nothing from {worker}."
    return f"It still works for nothing: {why} Redis will refuse its result."


def _stop_gently(controls: Controls, worker: str) -> str:
    controls.stop_gently(worker)
    return f"Asked {worker} to stop (SIGTERM): it ends its task, then the pool replaces it."


def _scale(controls: Controls, size: int) -> str:
    controls.scale(size)
    return f"Workers in the pool now: {size}."


def _kill_redis(controls: Controls) -> str:
    unfinished, seconds = controls.kill_redis()
    return (
        f"Killed Redis (kill -9). After {seconds:.1f} s it is back, with {unfinished} tasks to do, "
        "out of its file."
    )


def _restart_redis(controls: Controls) -> str:
    unfinished = controls.restart_redis()
    return f"Restarted Redis. It is back, with {unfinished} tasks to do, out of its file."


def _open(controls: Controls) -> str:
    controls.scale(controls.size)
    return "Ready."


def _pool_knob(size: int) -> Knob:
    return Knob(
        label=str(size) if size else "Stop all",
        tooltip=f"Have {size} workers, none of them frozen",
        meanwhile=f"scaling to {size}",
        press=partial(_scale, size=size),
    )


#: The rows of the panel by their titles.
ROWS = {
    "Tasks": Row(
        ("count", "priority"),
        (
            Knob(
                label="Add photographs",
                tooltip="As many tasks as the box says: draw a photograph in pencil",
                meanwhile="adding {count} at {priority} priority",
                press=_add_photographs,
                inputs=("count", "priority"),
            ),
            Knob(
                label="Keep adding",
                tooltip=f"{STEADY} photographs a second, until it is pressed again; none while "
                f"{MOST_UNFINISHED} are unfinished",
                meanwhile="starting or ending the stream of photographs",
                press=_keep_adding,
                inputs=("priority",),
            ),
            Knob(
                label="Poison",
                tooltip="One task that kills each worker that takes it; "
                "at high priority, so it is next",
                meanwhile="adding a poison task",
                press=_add_poison,
            ),
            Knob(
                label="Missing file",
                tooltip="One task whose picture is not there; at high priority, so it is next",
                meanwhile="adding a task that must fail",
                press=_add_missing,
            ),
        ),
    ),
    "Queue": Row(
        (),
        (
            Knob("Pause", "Hand out no more tasks", "pausing", _pause),
            Knob("Resume", "Hand out tasks again", "resuming", _resume),
            Knob(
                label="Reset",
                tooltip="Between two groups: no task, no history, nothing paused or frozen, the "
                "first number of workers, Redis running",
                meanwhile="putting all back",
                press=_reset,
                begins_anew=True,
            ),
        ),
    ),
    "Worker": Row(
        ("worker",),
        (
            Knob(
                label="Kill -9",
                tooltip="SIGKILL: it dies at once, in the middle of its task",
                meanwhile="killing {worker}",
                press=_kill_worker,
                inputs=("worker",),
            ),
            Knob(
                label="Freeze",
                tooltip=f"SIGSTOP: it stands still, for {THAW:g} s at most",
                meanwhile="freezing {worker}",
                press=_freeze,
                inputs=("worker",),
            ),
            Knob(
                label="Thaw",
                tooltip="SIGCONT: it goes on where it was",
                meanwhile="thawing {worker}",
                press=_thaw,
                inputs=("worker",),
            ),
            Knob(
                label="Stop gently",
                tooltip="SIGTERM: it ends its task and leaves",
                meanwhile="stopping {worker}",
                press=_stop_gently,
                inputs=("worker",),
            ),
        ),
    ),
    "Pool": Row((), tuple(_pool_knob(size) for size in range(MOST_WORKERS + 1))),
    "Redis": Row(
        ("redis",),
        (
            Knob(
                label="Kill -9",
                tooltip="SIGKILL: its keeper starts it again, on the same port",
                meanwhile="killing Redis",
                press=_kill_redis,
            ),
            Knob(
                label="Restart",
                tooltip="SIGTERM, and a new start on the same port",
                meanwhile="restarting Redis",
                press=_restart_redis,
            ),
        ),
    ),
}
#: What happens first, without a button.
OPEN = Knob("", "", "starting workers", _open)


def perform(controls: Controls, knob: Knob, values: Mapping[str, Any]) -> str:
    """Do what a button is for; return what came of it as a sentence, also when it is an error."""
    inputs = {name: values[name] for name in knob.inputs}
    try:
        return knob.press(controls, **inputs)
    except QueueUnavailable:
        return "Redis is away, so this was not done. Wait until the board moves, or restart Redis."
    except (ImglabError, OSError) as error:
        return f"This was not done. {error}"
