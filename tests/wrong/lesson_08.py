"""Typical wrong answers to lesson 08, each with words of the hint it has to get; and right ones."""

import time

from redis.exceptions import WatchError

from imglab.exercises.lesson_08 import ack, claim, reap


def pop_then_note(r, q, token, lease):
    task = r.rpop(q + "pending")
    if task is None:
        return None
    seconds, microseconds = r.time()
    r.hset(q + "processing", task, token)
    r.zadd(q + "deadlines", {task: seconds * 1000 + microseconds // 1000 + lease})
    return task


def note_then_pop(r, q, token, lease):
    task = r.lindex(q + "pending", -1)
    if task is None:
        return None
    seconds, microseconds = r.time()
    with r.pipeline() as pipe:
        pipe.hset(q + "processing", task, token)
        pipe.zadd(q + "deadlines", {task: seconds * 1000 + microseconds // 1000 + lease})
        pipe.execute()
    r.lrem(q + "pending", -1, task)
    return task


def look_then_take(r, q, token, lease):
    task = r.lindex(q + "pending", -1)
    if task is None:
        return None
    seconds, microseconds = r.time()
    with r.pipeline() as pipe:
        pipe.rpop(q + "pending")
        pipe.hset(q + "processing", task, token)
        pipe.zadd(q + "deadlines", {task: seconds * 1000 + microseconds // 1000 + lease})
        pipe.execute()
    return task


def loose_pipeline(r, q, token, lease):
    task = r.lindex(q + "pending", -1)
    if task is None:
        return None
    seconds, microseconds = r.time()
    with r.pipeline(transaction=False) as pipe:
        pipe.rpop(q + "pending")
        pipe.hset(q + "processing", task, token)
        pipe.zadd(q + "deadlines", {task: seconds * 1000 + microseconds // 1000 + lease})
        pipe.execute()
    return task


def own_clock(r, q, token, lease):
    script = """
    local id = redis.call('RPOP', KEYS[1])
    if not id then return nil end
    redis.call('HSET', KEYS[2], id, ARGV[1])
    redis.call('ZADD', KEYS[3], ARGV[2], id)
    return id
    """
    keys = [q + "pending", q + "processing", q + "deadlines"]
    return r.eval(script, 3, *keys, token, int(time.time() * 1000) + lease)


def in_seconds(r, q, token, lease):
    script = """
    local id = redis.call('RPOP', KEYS[1])
    if not id then return nil end
    redis.call('HSET', KEYS[2], id, ARGV[1])
    redis.call('ZADD', KEYS[3], redis.call('TIME')[1] + ARGV[2], id)
    return id
    """
    keys = [q + "pending", q + "processing", q + "deadlines"]
    return r.eval(script, 3, *keys, token, lease)


def no_deadline(r, q, token, lease):
    script = """
    local id = redis.call('RPOP', KEYS[1])
    if id then redis.call('HSET', KEYS[2], id, ARGV[1]) end
    return id
    """
    return r.eval(script, 2, q + "pending", q + "processing", token)


def from_the_left(r, q, token, lease):
    script = """
    local id = redis.call('LPOP', KEYS[1])
    if not id then return nil end
    local t = redis.call('TIME')
    redis.call('HSET', KEYS[2], id, ARGV[1])
    redis.call('ZADD', KEYS[3], t[1] * 1000 + ARGV[2], id)
    return id
    """
    keys = [q + "pending", q + "processing", q + "deadlines"]
    return r.eval(script, 3, *keys, token, lease)


def forgotten_return(r, q, token, lease):
    claim(r, q, token, lease)


def ack_without_token(r, q, task, token, result):
    with r.pipeline() as pipe:
        pipe.hdel(q + "processing", task)
        pipe.zrem(q + "deadlines", task)
        pipe.hset(q + "done", task, result)
        pipe.execute()
    return True


def ack_if_held(r, q, task, token, result):
    if not r.hexists(q + "processing", task):
        return False
    return ack_without_token(r, q, task, token, result)


def ack_compares_first(r, q, task, token, result):
    if r.hget(q + "processing", task) != token:
        return False
    return ack_without_token(r, q, task, token, result)


def ack_leaves_the_deadline(r, q, task, token, result):
    script = """
    if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
    redis.call('HDEL', KEYS[1], ARGV[1])
    redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
    return 1
    """
    return r.eval(script, 2, q + "processing", q + "done", task, token, result)


def reap_everything(r, q):
    script = """
    local ids = redis.call('HKEYS', KEYS[2])
    for _, id in ipairs(ids) do
      redis.call('HDEL', KEYS[2], id)
      redis.call('ZREM', KEYS[3], id)
      redis.call('RPUSH', KEYS[1], id)
    end
    return #ids
    """
    return r.eval(script, 3, q + "pending", q + "processing", q + "deadlines")


def reap_leaves_the_claim(r, q):
    script = """
    local t = redis.call('TIME')
    local late = redis.call('ZRANGEBYSCORE', KEYS[2], 0, t[1] * 1000)
    for _, id in ipairs(late) do redis.call('RPUSH', KEYS[1], id) end
    redis.call('ZREMRANGEBYSCORE', KEYS[2], 0, t[1] * 1000)
    return #late
    """
    return r.eval(script, 2, q + "pending", q + "deadlines")


def reap_to_the_end(r, q):
    script = """
    local t = redis.call('TIME')
    local late = redis.call('ZRANGEBYSCORE', KEYS[3], 0, t[1] * 1000)
    for _, id in ipairs(late) do
      redis.call('HDEL', KEYS[2], id)
      redis.call('ZREM', KEYS[3], id)
      redis.call('LPUSH', KEYS[1], id)
    end
    return #late
    """
    return r.eval(script, 3, q + "pending", q + "processing", q + "deadlines")


def reap_in_two_steps(r, q):
    late = r.zrangebyscore(q + "deadlines", 0, r.time()[0] * 1000)
    with r.pipeline() as pipe:
        for task in late:
            pipe.hdel(q + "processing", task)
            pipe.zrem(q + "deadlines", task)
            pipe.rpush(q + "pending", task)
        pipe.execute()
    return len(late)


def reap_one_by_one(r, q):
    late = r.zrangebyscore(q + "deadlines", 0, r.time()[0] * 1000)
    for task in late:
        r.hdel(q + "processing", task)
        r.zrem(q + "deadlines", task)
        r.rpush(q + "pending", task)
    return len(late)


def reap_nothing(r, q):
    return 0


LATE_TASK = "has to go back into pending"
NO_TOKEN = "The token of a claim that is over was accepted"


def lua_without_end(r, q, token, lease):
    return r.eval("local id = redis.call('RPOP', KEYS[1]) if not id then return nil", 1, q)


def ack_not_equal_as_in_python(r, q, task, token, result):
    script = "if redis.call('HGET', KEYS[1], ARGV[1]) != ARGV[2] then return 0 end return 1"
    return r.eval(script, 1, q + "processing", task, token)


def ack_counts_from_0(r, q, task, token, result):
    script = "if redis.call('HGET', KEYS[0], ARGV[0]) ~= ARGV[1] then return 0 end return 1"
    return r.eval(script, 1, q + "processing", task, token)


def claim_of_an_empty_line(r, q, token, lease):
    script = """
    local id = redis.call('RPOP', KEYS[1])
    local t = redis.call('TIME')
    redis.call('HSET', KEYS[2], id, ARGV[1])
    redis.call('ZADD', KEYS[3], t[1] * 1000 + ARGV[2], id)
    return id
    """
    keys = [q + "pending", q + "processing", q + "deadlines"]
    return r.eval(script, 3, *keys, token, lease)


def forgets_the_front_of_the_key(r, q, token, lease):
    return r.rpop("pending")


def moves_into_a_list(r, q, token, lease):
    return r.lmove(q + "pending", q + "processing", "RIGHT", "LEFT")


def reap_tells_which(r, q):
    return ["a"] * reap(r, q)


WRONG = {
    "08-exercise-rescue": [
        ((pop_then_note, ack, reap), "the task was in no key at all"),
        ((note_then_pop, ack, reap), "the task was in two places"),
        ((look_then_take, ack, reap), "is old news in the next"),
        ((loose_pipeline, ack, reap), "the task was in no key at all"),
        ((own_clock, ack, reap), "Workers' clocks disagree"),
        ((in_seconds, ack, reap), "in milliseconds of Redis' clock"),
        ((no_deadline, ack, reap), "claim notes two things"),
        ((from_the_left, ack, reap), "RPOP takes them from the right"),
        ((forgotten_return, ack, reap), "Your function returned None"),
        ((claim, ack_without_token, reap), NO_TOKEN),
        ((claim, ack_if_held, reap), NO_TOKEN),
        ((claim, ack_compares_first, reap), "Comparing and writing have to be one step"),
        ((claim, ack_leaves_the_deadline, reap), "or a reap will give it out again"),
        ((claim, ack, reap_everything), "reap took a task from a worker that is alive"),
        ((claim, ack, reap_leaves_the_claim), "its old claim is still there"),
        ((claim, ack, reap_to_the_end), "It went to the end of the line"),
        ((claim, ack, reap_in_two_steps), "Looking for late tasks and moving them"),
        ((claim, ack, reap_one_by_one), "the task was in no key at all"),
        ((claim, ack, reap_nothing), LATE_TASK),
        ((lua_without_end, ack, reap), "Redis cannot read this Lua"),
        ((claim, ack_not_equal_as_in_python, reap), "Redis cannot read this Lua"),
        ((claim, ack_counts_from_0, reap), "KEYS and ARGV count from 1"),
        ((claim_of_an_empty_line, ack, reap), "KEYS and ARGV count from 1"),
        ((forgets_the_front_of_the_key, ack, reap), "took nothing out of pending"),
        ((moves_into_a_list, ack, reap), "processing is a HASH"),
        ((claim, ack, reap_tells_which), "a number, not the ids"),
        (claim, "Hand in the three functions"),
        ((None, ack, reap), "Hand in the three functions"),
    ]
}


# Right answers of other styles


def claim_watching(r, q, token, lease):
    with r.pipeline() as pipe:
        while True:
            try:
                pipe.watch(q + "pending")
                task = pipe.lindex(q + "pending", -1)
                if task is None:
                    return None
                seconds, microseconds = pipe.time()
                pipe.multi()
                pipe.rpop(q + "pending")
                pipe.hset(q + "processing", task, token)
                pipe.zadd(q + "deadlines", {task: seconds * 1000 + microseconds / 1000 + lease})
                pipe.execute()
            except WatchError:
                continue
            return task


def ack_watching(r, q, task, token, result):
    def step(pipe):
        if pipe.hget(q + "processing", task) != token:
            return
        pipe.multi()
        pipe.zrem(q + "deadlines", task)
        pipe.hset(q + "done", task, result)
        pipe.hdel(q + "processing", task)

    return bool(r.transaction(step, q + "processing"))


def reap_watching(r, q):
    reaped = []

    def step(pipe):
        reaped[:] = pipe.zrangebyscore(q + "deadlines", "-inf", pipe.time()[0] * 1000)
        pipe.multi()
        for task in reaped:
            pipe.zrem(q + "deadlines", task)
            pipe.hdel(q + "processing", task)
            pipe.rpush(q + "pending", task)

    r.transaction(step, q + "deadlines")
    return len(reaped)


def reap_each_in_a_script(r, q):
    script = """
    local deadline = redis.call('ZSCORE', KEYS[3], ARGV[1])
    if not deadline or tonumber(deadline) > redis.call('TIME')[1] * 1000 then return 0 end
    redis.call('RPUSH', KEYS[1], ARGV[1])
    redis.call('ZREM', KEYS[3], ARGV[1])
    return redis.call('HDEL', KEYS[2], ARGV[1])
    """
    one = r.register_script(script)
    keys = [q + "pending", q + "processing", q + "deadlines"]
    return sum(one(keys=keys, args=[each]) for each in r.zrange(q + "deadlines", 0, -1))


class Rescue:
    """Methods in place of functions, and one script that does all three."""

    SCRIPT = """
    local pending, processing, deadlines, done = unpack(KEYS)
    local clock = redis.call('TIME')
    local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
    if ARGV[1] == 'claim' then
      local id = redis.call('RPOP', pending)
      if id then
        redis.call('ZADD', deadlines, now + tonumber(ARGV[3]), id)
        redis.call('HSET', processing, id, ARGV[2])
      end
      return id
    elseif ARGV[1] == 'ack' then
      local holder = redis.call('HGET', processing, ARGV[2])
      if holder == ARGV[3] then
        redis.call('HSET', done, ARGV[2], ARGV[4])
        redis.call('HDEL', processing, ARGV[2])
        redis.call('ZREM', deadlines, ARGV[2])
        return 1
      end
      return 0
    end
    local count = 0
    for id, held in pairs(redis.call('ZRANGE', deadlines, 0, -1)) do
      if tonumber(redis.call('ZSCORE', deadlines, held)) <= now then
        redis.call('ZREM', deadlines, held)
        redis.call('HDEL', processing, held)
        redis.call('RPUSH', pending, held)
        count = count + 1
      end
    end
    return count
    """

    def send(self, r, q, *words):
        keys = [q + name for name in ("pending", "processing", "deadlines", "done")]
        return r.eval(self.SCRIPT, len(keys), *keys, *words)

    def claim(self, r, q, token, lease):
        return self.send(r, q, "claim", token, lease)

    def ack(self, r, q, task, token, result):
        return self.send(r, q, "ack", task, token, result)

    def reap(self, r, q):
        return self.send(r, q, "reap")


METHODS = Rescue()
RIGHT = {
    "08-exercise-rescue": [
        (claim_watching, ack_watching, reap_watching),
        (claim, ack, reap_each_in_a_script),
        (METHODS.claim, METHODS.ack, METHODS.reap),
    ]
}
