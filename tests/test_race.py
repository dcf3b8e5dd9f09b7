"""The race explorer: every order, none twice; and an atomic claim wins in all of them."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imglab.classroom.interleavings import explore, order_html, orders_of
from imglab.errors import ImglabError

# Two ways to take a task: in a dict, and in a real Redis


def start():
    return {"pending": ["t1"], "taken": []}


def look(state, mine):
    mine["task"] = state["pending"][-1] if state["pending"] else None


def take_out(state, mine):
    if mine["task"] in state["pending"]:
        state["pending"].remove(mine["task"])


def work(state, mine):
    if mine["task"]:
        state["taken"].append(mine["task"])


def claim(state, mine):
    mine["task"] = state["pending"].pop() if state["pending"] else None


def die(state, mine):
    mine["task"] = None


def judge(state, notes):
    taken = state["taken"].count("t1")
    if taken > 1:
        return "taken twice"
    return "fine" if taken or state["pending"] else "lost"


def race(*steps, other=None):
    return explore({"ann": steps, "bob": other or steps}, start, judge)


def test_to_look_first_and_take_later_can_take_a_task_twice():
    found = race(look, take_out, work)
    assert len(found.orders) == comb(6, 3)
    assert found.count() == {"taken twice": 12, "fine": 8}


def test_an_atomic_claim_takes_it_once_in_every_order():
    found = race(claim, work)
    assert found.count() == {"fine": comb(4, 2)}


def test_who_dies_with_a_claimed_task_loses_it_whenever_he_was_first():
    found = race(claim, die, work, other=(claim, work))
    assert found.count()["lost"] > 0


def test_the_steps_may_be_those_of_a_real_redis(queue):
    client, line, taken = queue.redis, queue.namespace + "race", queue.namespace + "taken"

    def begin():
        client.delete(line, taken)
        client.rpush(line, "t1")
        return client

    def peek(redis, mine):
        mine["task"] = redis.lindex(line, -1)

    def remove(redis, mine):
        if mine["task"]:
            redis.lrem(line, 1, mine["task"])
            redis.rpush(taken, mine["task"])

    def pop(redis, mine):
        if task := redis.rpop(line):
            redis.rpush(taken, task)

    def end(redis, notes):
        return f"taken {redis.llen(taken)} times"

    naive = explore({"ann": [peek, remove], "bob": [peek, remove]}, begin, end)
    assert naive.count() == {"taken 2 times": 4, "taken 1 times": 2}
    atomic = explore({"ann": [pop], "bob": [pop]}, begin, end)
    assert atomic.count() == {"taken 1 times": 2}


@given(st.lists(st.integers(0, 3), min_size=1, max_size=3))
def test_every_order_comes_once_and_keeps_each_workers_own(lengths):
    workers = {f"w{n}": length for n, length in enumerate(lengths)}
    orders = list(orders_of(workers))
    expected, left = 1, sum(lengths)
    for length in lengths:
        expected, left = expected * comb(left, length), left - length
    assert len(orders) == len(set(orders)) == expected
    assert all({name: order.count(name) for name in workers} == workers for order in orders)


def test_an_order_reads_as_text_and_as_a_table_that_hides_what_is_to_come():
    order = race(look, take_out, work).of("taken twice")[0]
    assert str(order).endswith("→ taken twice")
    assert "ann: take out" in str(order)
    assert "taken twice" not in order_html(order, 3)
    assert "taken twice" in order_html(order, 6)
    # Each state that is shown names what was taken.
    states = [order_html(order, done).count("&#x27;taken&#x27;") for done in range(7)]
    assert states == [0, 1, 2, 3, 4, 5, 6]


def test_a_race_says_how_often_it_ends_how():
    lines = str(race(look, take_out, work)).splitlines()
    assert lines == ["20 orders are possible.", "12 of 20: taken twice", "8 of 20: fine"]


def test_too_many_orders_and_none_are_refused():
    with pytest.raises(ImglabError, match="too many"):
        race(*[look] * 9)
    with pytest.raises(ImglabError, match="no race"):
        explore({"ann": [], "bob": []}, start, judge)
