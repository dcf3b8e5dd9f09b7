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

-- The batch whose name is in front of an id; nil for a task that is in none. A plain search first: it is
-- all that most ids need.
local function batch_of(id)
  local at = id:find('@', 2, true)
  if not at then return end
  return id:match('^([%w_.-]+)@')
end

-- Write into the history. A producer may not delete it, and its task counts more than the note.
local function note(event, id, ...)
  local reply = redis.pcall('XADD', events, '*', 'event', event, 'task', id, ...)
  if type(reply) ~= 'table' then return end -- an id, and no error
  -- Include _odd
  if is_useless(reply) then
    if redis.pcall('DEL', events) ~= 1 then return end
    keep_odd(events, 'it took no more events, and began anew')
  end
  redis.call('XADD', events, '*', 'event', event, 'task', id, ...)
end

-- Pass the baton: while there is work, one more worker should be awake. While all are busy the token lies
-- there, so it is looked for first.
local function arm()
  if redis.call('EXISTS', wake) == 1 then return end
  if redis.call('EXISTS', unpack(KEYS, FIRST_LINE)) > 0 then redis.call('RPUSH', wake, '1') end
end

-- The largest number that counts something: nothing is tried so often.
local MOST = 1e9

-- A count out of a record, where anybody may have written anything: 0 for what is none.
local function as_count(text)
  local number = tonumber(text)
  if number and number > 0 and number <= MOST then return math.floor(number) end -- so no NaN either
  return 0
end

-- Do a command on a key that a producer may write, too. A useless one goes, and the command is done.
local function sure(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  -- Include _odd
  if is_useless(reply) then
    redis.call('DEL', key)
    set_aside(key, 'it held another kind of value than it should')
  end
  return redis.call(command, key, ...)
end

-- Count one more; a number that somebody overwrote with what counts nothing begins anew, which is said.
local function count(hash, field)
  local total = redis.pcall('HINCRBY', hash, field, '1')
  if type(total) == 'number' and total > 0 then return total end
  redis.call('HSET', hash, field, '1')
  -- Include _odd
  keep_odd(hash, field .. NO_COUNT)
  return 1
end

local NO_RECORD = 'it has no record of its own'

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
