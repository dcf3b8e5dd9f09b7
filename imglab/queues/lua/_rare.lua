-- What few calls need. A function is made anew in each call, so those that most calls run through include
-- this file where they need something of it.

-- Whether an error says of a key that a producer made it useless for all: it holds another kind of value,
-- or is a stream that has its last id (as Redis 7 says it, and 6).
local function is_useless(reply)
  local words = reply.err
  return words:find('WRONGTYPE', 1, true) or words:find('exhausted the last possible ID', 1, true)
    or words:find('equal or smaller than the target', 1, true)
end

-- Remember what was of no use, for a person to look at.
local function keep_odd(id, reason)
  redis.call('LPUSH', odd, cjson.encode({id = id, reason = reason, at = now}))
  redis.call('LTRIM', odd, 0, whole(KEEP - 1))
end

local NO_COUNT = ' was no number that counts, and began anew'

-- Now and then, not with each event: looking for what is too old costs as much as adding.
local function trim_events()
  redis.pcall('XTRIM', events, 'MAXLEN', '~', KEEP_EVENTS) -- `note` mends what is useless
end

-- Wake one sleeper, unless a token says so already.
local function ring()
  if redis.call('EXISTS', wake) == 0 then redis.call('RPUSH', wake, '1') end
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
  keep_odd(id, reason)
  note('set_aside', id, 'reason', reason)
end

-- Put a task in its line again: RPUSH at the head, LPUSH at the tail. False when it is none.
local function line_up(push, id, event)
  local priority = redis.pcall('HGET', task_key(id), 'priority')
  local line = line_of(priority)
  if not line then
    set_aside(id, NO_RECORD)
    return false
  end
  sure(push, line, id)
  redis.call('HSET', task_key(id), 'status', 'pending')
  note(event, id)
  return true
end

-- Why an id is not to be handed out again, though its record is sound: somebody put it into a line while
-- it was elsewhere. What was moved there by hand, and is nowhere else, is handed out.
local function elsewhere(id, status)
  local has_ended = status == 'completed' or status == 'failed' or status == 'cancelled'
  if has_ended then return 'it was put in line again, and is ' .. status end
  if status == 'delayed' then redis.call('ZREM', delayed, id) end
  local is_held = redis.call('HEXISTS', processing, id) == 1
  if is_held then return 'it was put in line again, and a worker has it' end
end
