-- What every script knows: Python puts this file in front of each of them, and in front of this file
-- PRIORITIES, their names, the first to be taken first.
-- KEYS[1]  processing    HASH    id -> JSON {worker, attempt, claim, claimed_at, deadline}
-- KEYS[2]  delayed       ZSET    id -> when it may be tried again (ms)
-- KEYS[3]  completed     LIST    newest first, bounded
-- KEYS[4]  failed        LIST    newest first, bounded: the dead letter queue
-- KEYS[5]  cancelled     LIST    newest first, bounded
-- KEYS[6]  wake          LIST    at most one token, a hint for sleeping workers
-- KEYS[7]  workers       HASH    worker -> JSON {seen, task (the ids it claimed last), pid, host}
-- KEYS[8]  events        STREAM  what happened, capped
-- KEYS[9]  meta          HASH    claims, completed, failed, cancelled (totals), reaped_at (ms), paused,
--                                settings (JSON for people)
-- KEYS[10] odd           LIST    JSON {id, reason, at} of what was of no use: ids of no task, numbers that
--                                are none; newest first, bounded
-- KEYS[11] batches       HASH    NAME:field -> how a batch stands; see _batch.lua
-- KEYS[12..] pending     LIST    ids of each priority, the first to be taken first: LPUSH adds, the right
--                                end is taken first
-- KEYS[last]             in a cluster one more, which is never there (cluster.py)
-- ARGV[1]  namespace, in front of task:<id> and result:<id>
-- ARGV[2]  settings, words: lease, backoff, backoff_cap (ms), max_attempts, max_crashes, keep,
--          keep_events, ttl (s), max_pending
-- max_pending is 0 where there is no bound.
-- All times are milliseconds of the server's clock: microseconds do not survive Lua's 14 digits.
local processing, delayed, completed, failed, cancelled, wake, workers, events, meta, odd,
  batches = unpack(KEYS, 1, 11)
local FIRST_LINE = 12 -- in KEYS
local namespace = ARGV[1]
-- Texts: Lua counts with them as with numbers, but does not compare them.
local LEASE, BACKOFF, BACKOFF_CAP, MAX_ATTEMPTS, MAX_CRASHES, KEEP, KEEP_EVENTS, TTL, MAX_PENDING =
  ARGV[2]:match('^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
