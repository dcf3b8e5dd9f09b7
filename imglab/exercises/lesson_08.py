"""Lesson 08: claim, ack and reap on plain keys, killed and interrupted between any two commands."""

from __future__ import annotations

from imglab.exercises.exercise import Exercise
from imglab.exercises.rescue import judge_rescue
from imglab.language import tr


def claim(r, q, token, lease):
    script = """
    local id = redis.call('RPOP', KEYS[1])
    if not id then return nil end
    local t = redis.call('TIME')
    local now = t[1] * 1000 + math.floor(t[2] / 1000)
    redis.call('HSET', KEYS[2], id, ARGV[1])
    redis.call('ZADD', KEYS[3], now + ARGV[2], id)
    return id
    """
    keys = [q + "pending", q + "processing", q + "deadlines"]
    return r.eval(script, 3, *keys, token, lease)


def ack(r, q, task, token, result):
    script = """
    if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
      return 0
    end
    redis.call('HDEL', KEYS[1], ARGV[1])
    redis.call('ZREM', KEYS[2], ARGV[1])
    redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
    return 1
    """
    keys = [q + "processing", q + "deadlines", q + "done"]
    return r.eval(script, 3, *keys, task, token, result)


def reap(r, q):
    script = """
    local t = redis.call('TIME')
    local now = t[1] * 1000 + math.floor(t[2] / 1000)
    local late = redis.call('ZRANGEBYSCORE', KEYS[3], 0, now)
    for _, id in ipairs(late) do
      redis.call('HDEL', KEYS[2], id)
      redis.call('ZREM', KEYS[3], id)
      redis.call('RPUSH', KEYS[1], id)
    end
    return #late"""
    keys = [q + "pending", q + "processing", q + "deadlines"]
    return r.eval(script, 3, *keys)


EXERCISES = {
    "08-exercise-rescue": Exercise(
        task=(
            tr(
                "Write claim(r, q, token, lease), ack(r, q, task, token, result) and reap(r, q) "
                "for a queue in Redis; r is a redis-py client, q the string in front of every key. "
                "q + 'pending' is a LIST of ids (LPUSH adds, the right end is next), q + "
                "'processing' a HASH id → token, q + 'deadlines' a ZSET id → when its lease is "
                "over (milliseconds of Redis' TIME), q + 'done' a HASH id → result. claim takes "
                "the next task for lease milliseconds and returns its id, or None. ack records the "
                "result and returns 1; with a token that does not hold the task it changes nothing "
                "and returns 0. reap puts tasks whose lease is over to the front of the line and "
                "returns how many. A kill, or another worker, between any two commands must do no "
                "harm: each is one Lua script."
            )
        ),
        hints=(
            tr(
                "Each of the three has to be one step: r.eval(script, number_of_keys, *keys, "
                "*words) sends a Lua script, which Redis runs as one command. Begin with claim: it "
                "is the script of lesson 04 and one ZADD more."
            ),
            tr(
                "In a script, local t = redis.call('TIME') gives seconds and microseconds of "
                "Redis' clock; t[1] * 1000 + math.floor(t[2] / 1000) are milliseconds. ack begins "
                "with: if redis.call('HGET', …) ~= ARGV[2] then return 0 end."
            ),
            tr(
                "reap: local late = redis.call('ZRANGEBYSCORE', deadlines, 0, now), and for each "
                "id of them HDEL, ZREM and RPUSH, then return #late. ack takes the task out of "
                "both processing and deadlines before it writes into done."
            ),
        ),
        solution=(claim, ack, reap),
        judge=judge_rescue,
        redis=True,
        limit=30.0,
    )
}
