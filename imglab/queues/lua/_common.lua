-- What scripts share. Python puts in front of each what it uses: a paragraph, with all that it says, is
-- taken or left as a whole.

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

-- Write into the history. A producer may not delete it, and its task counts more than the note.
local function note(event, id, ...)
  local reply = redis.pcall('XADD', events, '*', 'event', event, 'task', id, ...)
  if type(reply) ~= 'table' then return end -- an id, and no error
  if is_useless(reply) then
    if redis.pcall('DEL', events) ~= 1 then return end
    keep_odd(events, 'it took no more events, and began anew')
  end
  redis.call('XADD', events, '*', 'event', event, 'task', id, ...)
end

-- Now and then, not with each event: looking for what is too old costs as much as adding.
local function trim_events()
  redis.pcall('XTRIM', events, 'MAXLEN', '~', KEEP_EVENTS) -- `note` mends what is useless
end

-- Whether a token says already that somebody is to wake up.
local function has_token() return redis.call('EXISTS', wake) == 1 end

-- Wake one sleeper, unless a token says so already.
local function ring()
  if not has_token() then redis.call('RPUSH', wake, '1') end
end

-- Pass the baton: while there is work, one more worker should be awake. While all are busy the token lies
-- there, so it is looked for first.
local function arm()
  if has_token() then return end
  if redis.call('EXISTS', unpack(KEYS, FIRST_LINE)) > 0 then redis.call('RPUSH', wake, '1') end
end

-- The largest number that counts something: nothing is tried so often.
local MOST = 1e9

-- A count out of a record, where anybody may have written anything: 0 for what is none.
local function as_count(text)
  local number = tonumber(text)
  if number and number > 0 and number < MOST then return math.floor(number) end -- so no NaN either
  return 0
end

local NO_COUNT = ' was no number that counts, and began anew'

-- Count one more; a number that somebody overwrote with what counts nothing begins anew, which is said.
local function count(hash, field)
  local total = redis.pcall('HINCRBY', hash, field, '1')
  if type(total) == 'number' and total > 0 then return total end
  redis.call('HSET', hash, field, '1')
  keep_odd(hash, field .. NO_COUNT)
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
  keep_odd(id, reason)
  note('set_aside', id, 'reason', reason)
end

-- Do a command on a key that a producer may write, too. A useless one goes, and the command is done.
local function sure(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if is_useless(reply) then
    redis.call('DEL', key)
    set_aside(key, 'it held another kind of value than it should')
  end
  return redis.call(command, key, ...)
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
  sure(push, line, id)
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
