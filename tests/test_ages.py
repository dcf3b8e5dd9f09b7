"""The lanes of priorities: how many claims passed each waiting task by, from events alone."""

from __future__ import annotations

import pytest
from helpers.notebooks import as_in_a_notebook, without_tags

from imglab.classroom.priorities import BATCH, busy, flood, mean_waits, serve
from imglab.queues import TaskQueue
from imglab.views.ages import LANE_TASKS, ages_html, last_moment, moments, replay_ages


def added(task, priority="normal"):
    return {"event": "added", "task": task, "priority": priority}


def claimed(task):
    return {"event": "claimed", "task": task}


def strictly(load):
    """What happens when high goes first, then normal, then low."""
    lines = {"high": [], "normal": [], "low": []}

    def claim(_):
        for line in lines.values():
            if line:
                return line.pop(0)
        return None

    return serve(load, lambda level, task: lines[level].append(task), claim)


def test_an_age_is_how_many_claims_passed_a_task_by():
    events = [added("a"), added("b"), added("c", "high"), claimed("c"), claimed("a"), added("d")]
    now = last_moment(events)
    assert now.waiting == {"high": [], "normal": [2, 0], "low": []}
    assert now.served == {"high": 1, "normal": 1, "low": 0}
    assert now.longest == {"high": 0, "normal": 2, "low": 0}
    assert now.latest == ("high", "normal")


def test_there_is_a_moment_for_each_claim_and_one_for_what_came_after_the_last():
    events = [added("a"), added("b"), claimed("a"), claimed("b")]
    assert [each.claims for each in moments(events)] == [1, 2]
    assert [each.claims for each in moments([*events, added("c")])] == [1, 2, 2]
    assert [each.claims for each in moments([])] == [0]


def test_a_task_that_comes_back_waits_anew_and_one_that_is_cancelled_waits_no_more():
    events = [added("a"), added("b"), added("c"), claimed("a"), claimed("b")]
    events.append({"event": "released", "task": "a"})
    assert last_moment(events).waiting["normal"] == [0, 2]
    events.append({"event": "failed", "task": "c"})
    assert last_moment(events).waiting["normal"] == [0]


def test_events_of_tasks_without_a_beginning_and_unknown_events_are_passed_by():
    events = [claimed("old"), added("a", "urgent"), claimed("a"), {"event": "new", "task": "a"}]
    now = last_moment(events)
    assert now.claims == 0
    assert not any(now.waiting.values())


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_it_reads_the_events_of_either_queue(kind, request):
    queue = TaskQueue() if kind == "memory" else request.getfixturevalue("queue")
    queue.add_task({}, "low")
    queue.add_task({}, "high")
    queue.mark_completed(queue.get_task("w"))
    now = last_moment(queue.events())
    assert now.waiting == {"high": [], "normal": [], "low": [1]}
    assert now.served["high"] == 1


def test_the_text_says_what_the_picture_says():
    now = last_moment(strictly(flood(20, low=2)))
    assert str(now).splitlines() == [
        "level    claimed  waiting   longest wait, in claims",
        "high          20        0                         0",
        "normal         0        0                         0",
        "low            0        2                        20  (it still waits)",
        "claims  " + "H" * 20,
    ]
    picture = without_tags(ages_html(now, "strict"))
    for words in ("strict   after 20 claims", "●20  ●20 ▶", "H" * 20):
        assert words in picture


def test_the_front_of_a_line_is_on_the_right_and_what_has_no_room_is_counted():
    count = LANE_TASKS + 5
    events = []
    for number in range(count):
        events += [added(f"low-{number}", "low"), added(f"high-{number}", "high")]
        events.append(claimed(f"high-{number}"))
    picture = without_tags(ages_html(last_moment(events)))
    shown = " ".join(str(age) for age in range(count - LANE_TASKS + 1, count + 1))
    assert f"+5 more {shown} ▶" in " ".join(picture.split())


def test_the_picture_keeps_its_shape_and_takes_nothing_for_html():
    few = ages_html(last_moment([]), "<b>x</b>")
    many = ages_html(last_moment(strictly(flood(300, normal=50, low=2000))), "many")
    assert few.count("<tr") == many.count("<tr")
    assert "&lt;b&gt;x" in few


def test_a_record_replays_with_a_picture_for_each_claim(monkeypatch):
    as_in_a_notebook(monkeypatch, lambda *_, **__: None)
    film = replay_ages(strictly(flood(5, low=1)), "five")
    assert film.slider.max == 4
    assert "after 2 claims" in film._bundle(1)["text/html"]


def test_a_flood_brings_a_high_task_before_each_claim():
    load = flood(3, normal=2, low=1)
    assert load == [["high", "normal", "normal", "low"], ["high"], ["high"]]
    now = last_moment(strictly(load))
    assert now.served == {"high": 3, "normal": 0, "low": 0}


def test_a_busy_load_is_the_same_for_the_same_seed_and_about_as_large_as_it_says():
    load = busy(2000, ("a", "b"), 0.8)
    assert load == busy(2000, ("a", "b"), 0.8)
    assert load != busy(2000, ("a", "b"), 0.8, seed=2)
    assert {len(each) for each in load} == {0, BATCH}
    assert 0.7 < sum(map(len, load)) / 2000 < 0.9


def test_where_nothing_waits_nothing_is_claimed_and_numbers_do_not_rise():
    asked = []

    def claim(number):
        asked.append(number)
        return "high-1" if len(asked) == 2 else None

    events = serve([[], ["high"], []], lambda level, task: None, claim)
    assert asked == [0, 0, 1]
    assert [each["event"] for each in events] == ["added", "claimed"]


def test_the_mean_wait_is_that_of_the_claimed_tasks_of_a_level():
    events = [added("a", "low"), added("b", "high"), claimed("b"), claimed("a"), added("c", "low")]
    assert mean_waits(events) == {"high": 0, "low": 1}
