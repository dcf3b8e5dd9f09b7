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

FROM_TOMORROW = {"at": 1, "event": "teleported", "task": "t"}


def test_every_event_has_a_meaning_and_only_those_that_exist_are_named():
    assert set(EVENTS) == set(Event)
    for known in EVENTS.values():
        assert known.follows <= {"", *Event}


def test_each_event_but_the_first_may_follow_another_one():
    for event, known in EVENTS.items():
        assert known.follows - {"", Event.REPAIRED} or event is Event.ADDED


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


def test_what_no_task_may_do_is_told():
    steps = [{"event": each, "task": "t"} for each in ("added", "completed")]
    assert impossible_steps(steps) == ["Task t was completed after it was added."]
    assert impossible_steps([*steps[1:], *steps[1:]]) == [
        "Task t was completed after it was completed."
    ]


def test_the_places_are_the_lines_of_all_priorities_and_the_other_statuses():
    assert PLACES[: len(PRIORITIES)] == PRIORITIES
    assert set(PLACES) - set(PRIORITIES) == set(Status) - {Status.PENDING}
