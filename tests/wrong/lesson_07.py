"""Lesson 07: claims in several ways; the wrong ones with words of the hint they have to get."""

import itertools
import random


def strict(r, lines, number):
    for line in lines:
        task_id = r.rpop(line)
        if task_id:
            return task_id
    return None


def low_first(r, lines, number):
    for line in reversed(lines):
        task_id = r.rpop(line)
        if task_id:
            return task_id
    return None


def round_robin(r, lines, number):
    first = number % 3
    for line in [*lines[first:], *lines[:first]]:
        task_id = r.rpop(line)
        if task_id:
            return task_id
    return None


def by_chance(r, lines, number):
    order = random.sample(lines, 3)
    for line in order:
        task_id = r.rpop(line)
        if task_id:
            return task_id
    return None


def low_every_eighth(r, lines, number):
    high, normal, low = lines
    order = [low, high, normal] if number % 8 == 7 else lines
    return strict(r, order, number)


def normal_every_eighth(r, lines, number):
    high, normal, low = lines
    order = [normal, high, low] if number % 8 == 7 else lines
    return strict(r, order, number)


def every_fourth(r, lines, number):
    high, normal, low = lines
    if number % 4 == 3:
        return strict(r, [low, normal, high] if number % 8 == 3 else [normal, low, high], number)
    return strict(r, lines, number)


def every_tenth(r, lines, number):
    high, normal, low = lines
    if number % 10 == 9:
        return strict(r, [low, normal, high] if number % 20 == 9 else [normal, low, high], number)
    return strict(r, lines, number)


def newest_first(r, lines, number):
    for line in lines:
        task_id = r.lpop(line)
        if task_id:
            return task_id
    return None


def takes_and_puts_back(r, lines, number):
    taken = [r.rpop(line) for line in lines]
    chosen = next((each for each in taken if each), None)
    for line, each in zip(lines, taken, strict=True):
        if each and each != chosen:
            r.rpush(line, each)
    return chosen


def takes_and_puts_back_at_the_end(r, lines, number):
    taken = [r.rpop(line) for line in lines]
    chosen = next((each for each in taken if each), None)
    for line, each in zip(lines, taken, strict=True):
        if each and each != chosen:
            r.lpush(line, each)
    return chosen


def takes_two(r, lines, number):
    for line in lines:
        taken = r.rpop(line, 2)
        if taken:
            return taken[0]
    return None


def only_looks(r, lines, number):
    for line in lines:
        task_id = r.lindex(line, -1)
        if task_id:
            return task_id
    return None


def looks_then_takes(r, lines, number):
    order = _fair(lines, number)
    for line in order:
        if r.llen(line):
            return r.rpop(line)
    return None


def looks_then_removes(r, lines, number):
    for line in _fair(lines, number):
        task_id = r.lindex(line, -1)
        if task_id:
            r.lrem(line, -1, task_id)
            return task_id
    return None


def asks_only_one(r, lines, number):
    return r.rpop(_fair(lines, number)[0])


def asks_only_one_in_its_turn(r, lines, number):
    if number % 8 == 7:
        return r.rpop(lines[1 + number // 8 % 2])
    return strict(r, lines, number)


own_counter = itertools.count(1)


def counts_for_itself(r, lines, number):
    return strict(r, _fair(lines, next(own_counter)), number)


def gives_the_line(r, lines, number):
    for line in lines:
        if r.rpop(line):
            return line
    return None


def gives_bytes(r, lines, number):
    task_id = strict(r, lines, number)
    return task_id and task_id.encode()


def forgets_to_return(r, lines, number):
    for line in lines:
        if r.rpop(line):
            break


def remembers_names(r, lines, number):
    return strict(r, ["pending:high", "pending", "pending:low"], number)


def keeps_a_counter_in_redis(r, lines, number):
    count = r.incr(lines[0] + ":count")
    return strict(r, _fair(lines, count), number)


def _fair(lines, number):
    high, normal, low = lines
    if number % 8 != 7:
        return [high, normal, low]
    if number // 8 % 2:
        return [normal, low, high]
    return [low, normal, high]


WRONG = {
    "07-exercise-claim": [
        (strict, "This is strict"),
        (low_first, "All other claims ask high, then normal, then low"),
        (round_robin, "All other claims ask high, then normal, then low"),
        (by_chance, "All other claims ask high, then normal, then low"),
        (low_every_eighth, "The middle starves"),
        (normal_every_eighth, "Low gets no turn of its own"),
        (every_fourth, "All other claims ask high, then normal, then low"),
        (every_tenth, "The middle starves"),
        (newest_first, "Inside a line the oldest task is the first"),
        (takes_and_puts_back, "It took a task out and put it back"),
        (takes_and_puts_back_at_the_end, "do not take a second one"),
        (takes_two, "do not take a second one"),
        (only_looks, "It is still in its line"),
        (looks_then_takes, "Another worker claimed between two commands"),
        (looks_then_removes, "Another worker claimed between two commands"),
        (asks_only_one, "then ask the next"),
        (asks_only_one_in_its_turn, "means: ask another line"),
        (counts_for_itself, "A counter in your program"),
        (gives_the_line, "the id of the task: no line"),
        (gives_bytes, "the id of the task: no line"),
        (forgets_to_return, "Is a return missing?"),
        (remembers_names, "then ask the next"),
        (keeps_a_counter_in_redis, "an answer needs no other key"),
    ]
}


def as_our_queue_does(r, lines, number):
    order = list(lines)
    if number % 8 == 7:
        turn = number // 8 % 2
        order = [lines[2 - turn], lines[1 + turn], lines[0]]
    return next(filter(None, map(r.rpop, order)), None)


def at_other_numbers(r, lines, number):
    order = list(lines)
    if number % 8 == 0:
        order.insert(0, lines[1] if number % 16 else lines[2])
    while order:
        task_id = r.rpop(order.pop(0))
        if task_id is not None:
            return task_id
    return None


def in_one_command(r, lines, number):
    found = r.brpop(_fair(lines, number), timeout=0.01)
    return found[1] if found else None


def as_a_script(r, lines, number):
    script = """
    for _, line in ipairs(KEYS) do
      local id = redis.call('RPOP', line)
      if id then return id end
    end
    """
    return r.eval(script, 3, *_fair(lines, number))


def asks_again_when_another_was_faster(r, lines, number):
    while True:
        there = [line for line in _fair(lines, number) if r.llen(line)]
        if not there:
            return None
        task_id = r.rpop(there[0])
        if task_id:
            return task_id


def turns_the_list_itself(r, lines, number):
    if number % 16 == 7:
        lines.reverse()
    elif number % 16 == 15:
        lines.append(lines.pop(0))
    for line in lines:
        task_id = r.rpop(line)
        if task_id:
            return task_id
    return None


def adds_lists(r, lines, number):
    order = lines
    if number % 8 == 7:
        order = [lines[1 + number // 8 % 2]] + lines  # noqa: RUF005 - as students write it
    for line in order:
        task_id = r.rpop(line)
        if task_id:
            return task_id
    return None


#: Right answers in other styles than ours.
RIGHT = {
    "07-exercise-claim": [
        as_our_queue_does,
        at_other_numbers,
        in_one_command,
        as_a_script,
        asks_again_when_another_was_faster,
        turns_the_list_itself,
        adds_lists,
    ]
}
