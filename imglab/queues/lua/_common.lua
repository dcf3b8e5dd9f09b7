-- What every script shares: Python puts this file in front of each of them, and in front of this file
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
-- KEYS[10] odd           LIST    JSON {id, reason, at} of what was in a list and is no task; newest first,
--                                bounded
-- KEYS[11..] pending     LIST    ids of each priority, the first to be taken first: LPUSH adds, the right
--                                end is taken first
-- ARGV[1]  namespace, in front of task:<id> and result:<id>
-- ARGV[2]  settings, JSON: lease, backoff, backoff_cap (ms), max_attempts, max_crashes, keep,
--          keep_events, ttl (s)
-- All times are milliseconds of the server's clock: microseconds do not survive Lua's 14 digits.
local processing, delayed, completed, failed, cancelled, wake, workers, events, meta, odd =
  unpack(KEYS, 1, 10)
local FIRST_LINE = 11 -- in KEYS
local namespace = ARGV[1]
local settings = cjson.decode(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- A whole number as a text. A command takes a number as well, but writes it with 17 digits first, which
-- costs as much as a small command.
local function whole(number) return ('%d'):format(number) end
local NOW = whole(now)

-- The list of pending tasks of one priority; nil where there is no such priority.
local function line_of(priority)
  for place, name in ipairs(PRIORITIES) do
    if name == priority then return KEYS[FIRST_LINE - 1 + place] end
  end
end

local function task_key(id) return namespace .. 'task:' .. id end
local function result_key(id) return namespace .. 'result:' .. id end

local function note(event, id, ...)
  redis.call('XADD', events, '*', 'event', event, 'task', id, ...)
end

-- Now and then, not with each event: looking for what is too old costs as much as adding.
local function trim_events()
  redis.call('XTRIM', events, 'MAXLEN', '~', settings.keep_events)
end

-- Wake one sleeper, unless a token says so already.
local function ring()
  if redis.call('EXISTS', wake) == 0 then redis.call('RPUSH', wake, '1') end
end

-- Pass the baton: while there is work, one more worker should be awake.
local function arm()
  if redis.call('EXISTS', unpack(KEYS, FIRST_LINE)) > 0 then ring() end
end

-- Count one more; a number that somebody overwrote with a text begins anew.
local function count(hash, field)
  local total = redis.pcall('HINCRBY', hash, field, '1')
  if type(total) == 'number' then return total end
  redis.call('HSET', hash, field, '1')
  return 1
end

-- Whether there is a record of a task: anybody may have written another kind of value there.
local function has_record(id)
  return redis.pcall('HEXISTS', task_key(id), 'payload') == 1
end

-- Whether somebody took a task back while it ran: then nobody is to run it again.
local function is_cancelled(id)
  return redis.call('HEXISTS', task_key(id), 'cancel') == 1
end

-- Put aside what was in a list and is no task, with the reason, for a person to look at.
local function set_aside(id, reason)
  redis.call('LPUSH', odd, cjson.encode({id = id, reason = reason, at = now}))
  redis.call('LTRIM', odd, 0, whole(settings.keep - 1))
  note('set_aside', id, 'reason', reason)
end

local NO_RECORD = 'it has no record of its own'

-- Put a task in its line again: RPUSH at the head, LPUSH at the tail. False when it is none.
local function line_up(push, id, event)
  local priority = redis.pcall('HGET', task_key(id), 'priority')
  local line = line_of(priority)
  if not line then
    set_aside(id, NO_RECORD)
    return false
  end
  redis.call(push, line, id)
  redis.call('HSET', task_key(id), 'status', 'pending')
  note(event, id)
  return true
end

-- JSON as a table; nil for a text that is none, such as one written by hand.
local function read_json(text)
  local is_json, value = pcall(cjson.decode, text)
  if is_json and type(value) == 'table' then return value end
end

-- The claim that holds a task now, if it is the one with this token.
local function owned(id, token)
  local claim = read_json(redis.call('HGET', processing, id))
  if claim and claim.claim == token then return claim end
end
