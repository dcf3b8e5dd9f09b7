"""The queue with one line taken out: the table fits the scripts, and each line keeps a promise."""

from __future__ import annotations

import pytest
from helpers.server import redis_queue

from imglab.classroom.removed_lines import REMOVED, STORIES, without_a_line
from imglab.queues.scripts import names, script


@pytest.mark.parametrize("removed", REMOVED, ids=lambda removed: removed.line)
def test_a_removed_line_stands_in_the_scripts_once(removed):
    counts = {name: script(name).text.count(removed.old) for name in names()}
    assert set(counts.values()) <= {0, 1}
    assert sum(counts.values()) > 0


def test_the_whole_protocol_keeps_every_promise_and_each_line_is_needed(valkey):
    with redis_queue(valkey) as queue:
        queue.add_task({}, task_id="mine")
        table = without_a_line(queue)
        assert queue.tasks("pending") == ["mine"]
        assert not queue.find_keys(f"{queue.namespace}removed-lines:*")
    whole, *others = table.rows
    assert whole.broken == ()
    assert all(each.broken for each in others)
    assert {promise for each in others for promise in each.broken} == set(STORIES)


def test_each_promise_stands_with_the_line_that_it_needs_most(valkey):
    with redis_queue(valkey) as queue:
        broken = {row.line: row.broken for row in without_a_line(queue).rows}
    assert broken["report: is it the token that counts?"] == ("a zombie's report is refused",)
    assert broken["reap: is the lease over?"] == ("a live worker keeps its task",)
    assert broken["reap: count the crashes"] == ("poison ends with the dead letters",)
    assert "a killed worker loses no task" in broken["claim: note who has the task"]


def test_the_table_names_promises_by_number(valkey):
    with redis_queue(valkey) as queue:
        lines = str(without_a_line(queue)).splitlines()
    assert lines[2] == "3 a zombie's report is refused"
    (fence,) = [line for line in lines if line.startswith("report: is it the token")]
    assert fence.split()[-5:] == ["·", "·", "✗", "·", "·"]
