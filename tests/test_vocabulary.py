"""The words of a queue: every event means something, and a stranger's event means nothing."""

from __future__ import annotations

import pytest

from imglab.queues.vocabulary import (
    EVENTS,
    PLACES,
    PRIORITIES,
    Event,
    Status,
    impossible_steps,
    meaning,
    status_after,
)
from imglab.views.board_table import sentence
from imglab.views.frames import frames
from imglab.views.runs import Runs

FROM_TOMORROW = {"at": 1, "event": "teleported", "task": "t"}


def test_every_event_has_a_meaning_and_only_those_that_exist_are_named():
    assert set(EVENTS) == set(Event)
    for known in EVENTS.values():
        assert known.follows <= {"", *Event}


def test_each_event_but_the_first_may_follow_another_one():
    for event, known in EVENTS.items():
        assert known.follows - {"", Event.REPAIRED, Event.SET_ASIDE} or event is Event.ADDED


def test_an_event_leads_where_its_name_says():
    assert status_after({"event": "claimed"}) is Status.PROCESSING
    assert status_after({"event": "added"}) is Status.PENDING
    assert status_after({"event": "added", "wait": 5}) is Status.DELAYED
    assert status_after({"event": "expired"}) is None
    assert status_after({"event": "repaired", "status": "failed"}) is Status.FAILED
    assert status_after({"event": "repaired", "status": "lost"}) is None


@pytest.mark.parametrize("event", [FROM_TOMORROW, {}, {"event": None}, {"event": ""}])
def test_an_unknown_event_means_nothing(event):
    assert meaning(event) is None
    assert status_after(event) is None


def test_an_unknown_event_is_no_step_in_the_life_of_a_task():
    added, claimed = ({"event": each, "task": "t"} for each in ("added", "claimed"))
    assert impossible_steps([added, FROM_TOMORROW, claimed]) == []


def test_an_unknown_event_changes_nothing_on_the_board_and_on_the_timeline():
    steps = (("added", 1000), ("claimed", 2000), ("completed", 4000))
    events = [{"at": at, "event": what, "task": "t", "worker": "w"} for what, at in steps]
    strange = [*events[:2], FROM_TOMORROW | {"at": 3000}, events[2]]
    assert Runs.of(strange) == Runs.of(events)
    last, expected = (list(frames(each))[-1] for each in (strange, events))
    assert (last.counts, last.ids, last.holds) == (expected.counts, expected.ids, expected.holds)
    assert "teleported" in sentence(FROM_TOMORROW)


def test_only_what_takes_a_task_out_of_a_workers_hands_ends_a_try():
    ends = {event for event, known in EVENTS.items() if known.ends_try}
    assert ends == {
        *(Event.COMPLETED, Event.FAILED, Event.CANCELLED, Event.DELAYED),
        *(Event.RELEASED, Event.EXPIRED, Event.REPAIRED, Event.SET_ASIDE),
    }


def test_what_no_task_may_do_is_told():
    steps = [{"event": each, "task": "t"} for each in ("added", "completed")]
    assert impossible_steps(steps) == ["Task t was completed after it was added."]
    assert impossible_steps([*steps[1:], *steps[1:]]) == [
        "Task t was completed after it was completed."
    ]


def test_only_a_fresh_start_follows_what_was_cancelled():
    life = ["added", "claimed", "cancelled", "claimed", "cancelled", "requeued", "claimed"]
    steps = [{"event": each, "task": "t"} for each in life]
    assert impossible_steps(steps) == ["Task t was claimed after it was cancelled."]


def test_a_history_in_which_a_task_that_was_cancelled_in_line_failed_is_still_right():
    steps = [{"event": each, "task": "t"} for each in ("added", "failed", "requeued")]
    assert impossible_steps(steps) == []


def test_the_places_are_the_lines_of_all_priorities_and_the_other_statuses():
    assert PLACES[: len(PRIORITIES)] == PRIORITIES
    assert set(PLACES) - set(PRIORITIES) == set(Status) - {Status.PENDING}
