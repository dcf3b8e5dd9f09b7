"""The picture of a conversation: true to the queue's events, in words as well as in colours."""

from __future__ import annotations

import re

import pytest
from helpers.notebooks import without_tags
from helpers.server import redis_queue

from imglab.classroom.interleavings import explore
from imglab.errors import ImglabError, LeaseLost
from imglab.queues import QueueSettings
from imglab.views.html_table import MOST_LETTERS
from imglab.views.messages import REDIS, Conversation, Diary, Message, conversation, message_of

EVENTS = [
    {"event": "added", "task": "coffee"},
    {"event": "claimed", "task": "coffee", "worker": "w1", "attempt": "1"},
    {"event": "expired", "task": "coffee", "worker": "w1", "crashes": "1"},
    {"event": "delayed", "task": "coffee", "reason": "worker w1 died (1 of 3)"},
    {"event": "promoted", "task": "coffee"},
    {"event": "claimed", "task": "coffee", "worker": "w2", "attempt": "2"},
    {"event": "completed", "task": "coffee", "worker": "w2"},
]


def test_events_become_arrows_between_a_worker_and_redis():
    story = conversation(EVENTS)
    assert story.columns == ["w1", REDIS, "w2"]
    assert [(each.sender, each.receiver) for each in story.messages if each.receiver] == [
        (REDIS, "w1"),
        (REDIS, "w2"),
        ("w2", REDIS),
    ]
    lines = str(story).splitlines()
    assert len(lines) == 1 + len(EVENTS)
    assert re.fullmatch(r"│◀─+ coffee, try 1 ─+│ +│", lines[2])
    assert re.fullmatch(r"│ +● w1 lost coffee +│", lines[3])
    assert re.fullmatch(r"│ +│─+ coffee, try 2 ─+▶│", lines[6])
    assert re.fullmatch(r"│ +│◀─+ coffee is done ─+│", lines[7])


def test_an_unknown_event_is_no_message():
    assert message_of({"event": "painted", "task": "coffee"}) == []
    assert message_of({}) == []


def test_a_reason_has_no_place_in_the_picture():
    assert "died" not in str(conversation(EVENTS))


def test_a_refused_arrow_says_so_in_words_and_has_another_head():
    story = Conversation((Message("w1", "coffee is done", REDIS, tone="bad", is_refused=True),))
    assert re.fullmatch(r"│─+ coffee is done: refused ─+✗│", str(story).splitlines()[1])
    assert "coffee is done: refused" in story._repr_html_()


def test_an_arrow_may_pass_other_columns():
    story = Conversation(
        (Message("a", "hello", REDIS), Message("b", "x", REDIS), Message("c", "y", "a"))
    )
    assert story.columns == ["a", "b", REDIS, "c"]
    assert re.fullmatch(r"│─+ hello ─+▶│ +│", str(story).splitlines()[1])
    assert re.fullmatch(r"│◀─+ y ─+│", str(story).splitlines()[3])


def test_every_line_of_a_column_stands_below_its_name():
    story = conversation(EVENTS)
    heads, *lines = str(story).splitlines()
    for name in story.columns:
        place = heads.index(name)
        assert {line[place] for line in lines} <= {"│", "●"}


def test_text_and_table_say_the_same():
    story = conversation(EVENTS)
    html = without_tags(story._repr_html_())
    for line in str(story).splitlines():
        for words in re.findall(r"[\w,:]+(?: [\w,:]+)*", line):
            assert words in html


ODD = "<script>\x1b[2J" + "x" * 200


def test_odd_names_and_words_are_shown_as_text_and_cut():
    story = Conversation((Message(ODD, ODD, REDIS, remark=ODD), Message(REDIS, ODD)))
    html = story._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "\x1b" not in html + str(story)
    assert max(map(len, str(story).splitlines())) < 250


def test_nobody_said_anything():
    assert str(Conversation(())) == REDIS
    assert REDIS in Conversation(())._repr_html_()


def test_remarks_stand_in_a_column_of_their_own():
    story = Conversation(
        (Message("a", "x", REDIS, remark="one"), Message(REDIS, "y", remark="two"))
    )
    _, first, second = str(story).splitlines()
    assert first.index("one") == second.index("two")
    assert ">one</td>" in story._repr_html_()


def test_a_diary_puts_what_was_seen_between_the_events(valkey):
    with redis_queue(valkey, QueueSettings(backoff=0)) as queue:
        diary = Diary(queue)
        queue.add_task({}, task_id="coffee")
        first = queue.get_task("w1")
        diary.note("w1", "frozen")
        queue.reap(dead_worker="w1")
        second = queue.get_task("w2", timeout=5)
        queue.mark_completed(second)
        with pytest.raises(LeaseLost):
            queue.mark_completed(first)
        diary.refused("w1", "coffee is done")
        queue.add_task({}, task_id="another")
        words = [each.words for each in diary.conversation("coffee").messages]
    assert words == [
        "coffee added",
        "coffee, try 1",
        "frozen",
        "w1 lost coffee",
        "coffee waits to be tried again",
        "coffee is due, back in its line",
        "coffee, try 2",
        "coffee is done",
        "coffee is done",
    ]


# The race explorer's orders, as the same picture


def look(state, mine):
    mine["task"] = state[-1] if state else None


def take_out(state, mine):
    if mine["task"] in state:
        state.remove(mine["task"])


def race():
    steps = [look, take_out]

    def judge(state, notes):
        holders = [mine for mine in notes.values() if mine["task"]]
        return "taken twice" if len(holders) > 1 else "fine"

    return explore({"ann": steps, "bob": steps}, lambda: ["coffee"], judge)


def test_the_shortest_losing_order_has_the_fewest_turns():
    found = race()
    shortest = found.shortest("taken twice")
    assert shortest.turns == min(each.turns for each in found.of("taken twice")) == 2
    assert [each.worker for each in shortest.moments] == ["ann", "bob", "bob", "ann"]
    with pytest.raises(ImglabError, match="No order ends 'lost'; the ends are"):
        found.shortest("lost")


def test_an_order_is_drawn_with_its_states_and_its_end():
    drawn = str(race().shortest("taken twice").conversation()).splitlines()
    assert drawn[0].split() == ["ann", "Redis", "bob"]
    assert re.fullmatch(r"│─+ look ─+▶│ +│ +\['coffee'\]", drawn[1])
    assert re.fullmatch(r"│ +│◀─+ take out ─+│ +\[\]", drawn[3])
    assert "● taken twice" in drawn[-1]


def test_a_table_has_room_on_a_small_screen_and_loses_no_words():
    refused = Message("worker-2", "photograph-0001.jpg is done", REDIS, is_refused=True)
    alone = Message(REDIS, "coffee is due, back in its line")
    remark = Message("worker-1", "look", REDIS, remark="what is there now: " + "coffee " * 3)
    story = Conversation((remark, alone, refused))
    html = story._repr_html_()
    widths = [int(each) for each in re.findall(r"<th [^>]*width:(\d+)ch", html)]
    assert sum(widths) <= MOST_LETTERS
    for line in re.findall(r"[^<>]*─[^<>]*", html):
        assert max(map(len, line.splitlines())) <= widths[0]
    letters = "".join(without_tags(html).split())
    for each in (f"{refused.words}: refused", alone.words, remark.remark):
        assert "".join(each.split()) in letters
