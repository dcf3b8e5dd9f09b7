-- What is of no use: how it is known, and where a person finds it. Most calls meet nothing of the kind: a
-- function that does includes this file at that place.

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

-- Whether there is a record of a task: anybody may have written another kind of value there.
local function has_record(id)
  return redis.pcall('HEXISTS', task_key(id), 'payload') == 1
end

-- Put aside what was in a list and is no task, with the reason, for a person to look at.
local function set_aside(id, reason)
  keep_odd(id, reason)
  note('set_aside', id, 'reason', reason)
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
