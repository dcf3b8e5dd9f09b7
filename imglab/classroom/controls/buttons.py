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
from imglab.language import tr
from imglab.workers.crew import SILENT_LEASES

#: The most workers that a button offers.
MOST_WORKERS = 8
#: The buttons that are lit while what they began goes on, and while there is no worker.
KEEP_ADDING = "Keep adding"
STOP_ALL = "Stop all"


class Knob(NamedTuple):
    """A button of the panel."""

    #: What it is called in its row, in every language.
    key: str
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

    #: The words in front of it.
    title: str
    #: The names of its widgets, in front of the buttons.
    widgets: tuple[str, ...]
    knobs: tuple[Knob, ...]


# What each button does, and says in the end


def _add_photographs(controls: Controls, count: int, priority: str) -> str:
    ids = controls.add(count, priority)
    return tr(
        "Added {count} at {priority} priority: {ids}.", count=count, priority=priority, ids=ids
    )


def _keep_adding(controls: Controls, priority: str) -> str:
    if controls.is_adding:
        controls.stop_adding()
        return tr("No more photographs come by themselves. Those in line are still drawn.")
    controls.keep_adding(priority)
    return tr(
        "{photographs} photographs a second from now on, at {priority} priority, until you "
        "press it again.",
        photographs=STEADY,
        priority=priority,
    )


def _add_poison(controls: Controls) -> str:
    task_id = controls.add_poison()
    return tr(
        "Added {task_id}. It kills its worker, each time; after {times} of them it is failed.",
        task_id=task_id,
        times=SETTINGS.max_crashes,
    )


def _add_missing(controls: Controls) -> str:
    task_id = controls.add_missing()
    return tr(
        "Added {task_id}, a picture that is not there. It fails at once: no retry can help.",
        task_id=task_id,
    )


def _pause(controls: Controls) -> str:
    controls.queue.pause()
    return tr("Paused: no worker gets a task any more. What they hold they finish.")


def _resume(controls: Controls) -> str:
    controls.queue.resume()
    return tr("Resumed: idle workers look for tasks within a second.")


def _reset(controls: Controls) -> str:
    deleted = controls.reset()
    return tr(
        "Reset: {deleted} tasks deleted, {workers} workers, nothing paused, no history. Nobody "
        "else's keys.",
        deleted=deleted,
        workers=controls.size,
    )


def _kill_worker(controls: Controls, worker: str) -> str:
    pid = controls.kill(worker)
    return tr(
        "Killed {worker} (kill -9 {pid}). Its task comes back; the pool replaces it.",
        worker=worker,
        pid=pid,
    )


def _freeze(controls: Controls, worker: str) -> str:
    controls.freeze(worker)
    free_after = SETTINGS.lease
    replaced_after = SILENT_LEASES * SETTINGS.lease
    return tr(
        "Froze {worker} (SIGSTOP). In {free:g} s its lease is over and its task free; in "
        "{replaced:g} s the pool replaces it.",
        worker=worker,
        free=free_after,
        replaced=replaced_after,
    )


def _thaw(controls: Controls, worker: str) -> str:
    thawed = controls.thaw(worker)
    if thawed is None:
        return tr(
            "{worker} was not frozen, so nothing changed. (The pool replaces a frozen one "
            "after {seconds:g} s.)",
            worker=worker,
            seconds=SILENT_LEASES * SETTINGS.lease,
        )
    return _after_thaw(worker, thawed)


def _after_thaw(worker: str, thawed: Thawed) -> str:
    """What a worker found when it went on."""
    if thawed.lost:
        refusal = _refusal(worker, thawed)
        return tr("{worker} goes on (SIGCONT), too late. {refusal}", worker=worker, refusal=refusal)
    if thawed.kept:
        return tr(
            "{worker} goes on (SIGCONT), in time: {task} is still its own, so nothing is lost.",
            worker=worker,
            task=thawed.kept[0],
        )
    return tr("{worker} goes on (SIGCONT). It had no task in hand.", worker=worker)


def _refusal(worker: str, thawed: Thawed) -> str:
    task = thawed.lost[0]
    other = thawed.now_with[0]
    why = tr("{other} has claimed {task} since.", other=other, task=task)
    if other == worker:
        why = tr("its lease on {task} is over.", task=task)
    if task in thawed.refused:
        return tr("REFUSED: {why} Redis took nothing from {worker}.", why=why, worker=worker)
    return tr("It still works for nothing: {why} Redis will refuse its result.", why=why)


def _stop_gently(controls: Controls, worker: str) -> str:
    controls.stop_gently(worker)
    return tr(
        "Asked {worker} to stop (SIGTERM): it ends its task, then the pool replaces it.",
        worker=worker,
    )


def _scale(controls: Controls, size: int) -> str:
    controls.scale(size)
    return tr("Workers in the pool now: {size}.", size=size)


def _kill_redis(controls: Controls) -> str:
    unfinished, seconds = controls.kill_redis()
    return tr(
        "Killed Redis (kill -9). After {seconds:.1f} s it is back, with {unfinished} tasks to "
        "do, out of its file.",
        seconds=seconds,
        unfinished=unfinished,
    )


def _restart_redis(controls: Controls) -> str:
    unfinished = controls.restart_redis()
    return tr(
        "Restarted Redis. It is back, with {unfinished} tasks to do, out of its file.",
        unfinished=unfinished,
    )


def _open(controls: Controls) -> str:
    controls.scale(controls.size)
    return tr("Ready.")


def _pool_knob(size: int) -> Knob:
    label = str(size)
    if not size:
        label = tr("Stop all")
    return Knob(
        key=str(size) if size else STOP_ALL,
        label=label,
        tooltip=tr("Have {size} workers, none of them frozen", size=size),
        meanwhile=tr("scaling to {size}", size=size),
        press=partial(_scale, size=size),
    )


#: The rows of the panel, by what they are called in every language.
ROWS = {
    "Tasks": Row(
        tr("Tasks"),
        ("count", "priority"),
        (
            Knob(
                key="Add photographs",
                label=tr("Add photographs"),
                tooltip=tr("As many tasks as the box says: draw a photograph in pencil"),
                meanwhile=tr("adding {count} at {priority} priority"),
                press=_add_photographs,
                inputs=("count", "priority"),
            ),
            Knob(
                key=KEEP_ADDING,
                label=tr("Keep adding"),
                tooltip=tr(
                    "{photographs} photographs a second, until it is pressed again; none while "
                    "{most} are unfinished",
                    photographs=STEADY,
                    most=MOST_UNFINISHED,
                ),
                meanwhile=tr("starting or ending the stream of photographs"),
                press=_keep_adding,
                inputs=("priority",),
            ),
            Knob(
                key="Poison",
                label=tr("Poison"),
                tooltip=tr(
                    "One task that kills each worker that takes it; at high priority, so it is next"
                ),
                meanwhile=tr("adding a poison task"),
                press=_add_poison,
            ),
            Knob(
                key="Missing file",
                label=tr("Missing file"),
                tooltip=tr("One task whose picture is not there; at high priority, so it is next"),
                meanwhile=tr("adding a task that must fail"),
                press=_add_missing,
            ),
        ),
    ),
    "Queue": Row(
        tr("Queue"),
        (),
        (
            Knob(
                key="Pause",
                label=tr("Pause"),
                tooltip=tr("Hand out no more tasks"),
                meanwhile=tr("pausing"),
                press=_pause,
            ),
            Knob(
                key="Resume",
                label=tr("Resume"),
                tooltip=tr("Hand out tasks again"),
                meanwhile=tr("resuming"),
                press=_resume,
            ),
            Knob(
                key="Reset",
                label=tr("Reset"),
                tooltip=tr(
                    "Between two groups: no task, no history, nothing paused or frozen, the first "
                    "number of workers, Redis running"
                ),
                meanwhile=tr("putting all back"),
                press=_reset,
                begins_anew=True,
            ),
        ),
    ),
    "Worker": Row(
        tr("Worker"),
        ("worker",),
        (
            Knob(
                key="Kill -9",
                label=tr("Kill -9"),
                tooltip=tr("SIGKILL: it dies at once, in the middle of its task"),
                meanwhile=tr("killing {worker}"),
                press=_kill_worker,
                inputs=("worker",),
            ),
            Knob(
                key="Freeze",
                label=tr("Freeze"),
                tooltip=tr("SIGSTOP: it stands still, for {seconds:g} s at most", seconds=THAW),
                meanwhile=tr("freezing {worker}"),
                press=_freeze,
                inputs=("worker",),
            ),
            Knob(
                key="Thaw",
                label=tr("Thaw"),
                tooltip=tr("SIGCONT: it goes on where it was"),
                meanwhile=tr("thawing {worker}"),
                press=_thaw,
                inputs=("worker",),
            ),
            Knob(
                key="Stop gently",
                label=tr("Stop gently"),
                tooltip=tr("SIGTERM: it ends its task and leaves"),
                meanwhile=tr("stopping {worker}"),
                press=_stop_gently,
                inputs=("worker",),
            ),
        ),
    ),
    "Pool": Row(tr("Pool"), (), tuple(_pool_knob(size) for size in range(MOST_WORKERS + 1))),
    "Redis": Row(
        "Redis",
        ("redis",),
        (
            Knob(
                key="Kill -9",
                label=tr("Kill -9"),
                tooltip=tr("SIGKILL: its keeper starts it again, on the same port"),
                meanwhile=tr("killing Redis"),
                press=_kill_redis,
            ),
            Knob(
                key="Restart",
                label=tr("Restart"),
                tooltip=tr("SIGTERM, and a new start on the same port"),
                meanwhile=tr("restarting Redis"),
                press=_restart_redis,
            ),
        ),
    ),
}
#: What happens first, without a button.
OPEN = Knob("", "", "", tr("starting workers"), _open)


def perform(controls: Controls, knob: Knob, values: Mapping[str, Any]) -> str:
    """Do what a button is for; return what came of it as a sentence, also when it is an error."""
    inputs = {name: values[name] for name in knob.inputs}
    try:
        return knob.press(controls, **inputs)
    except QueueUnavailable:
        return tr(
            "Redis is away, so this was not done. Wait until the board moves, or restart Redis."
        )
    except (ImglabError, OSError) as error:
        return tr("This was not done. {error}", error=error)
