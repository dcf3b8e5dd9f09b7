-- add_tasks: store tasks and put them in line, or in `delayed` when they are for later: the first ones,
-- as many as there is room for.
-- ARGV[3] priority  ARGV[4] delay (ms)  ARGV[5] max_attempts, '' for the queue's
-- ARGV[6] nonce of a call whose ids somebody chose, '' for ids that nobody else can have
-- ARGV[7..] id, payload (JSON), id, payload …
-- Returns the ids that exist already, but for those that this very call added before; nothing of theirs
-- is changed, and they need no room. Where there is no room for all, two numbers come first: how many of
-- the tasks it looked at, and how many are in line.
local priority, delay, max_attempts, nonce = unpack(ARGV, 3)
delay = tonumber(delay)
local line = line_of(priority)
local bound = 0
local in_line = 0
local looked_at = 0
local is_full = false
local refused = {}

local function store(id, payload, status)
  redis.call('HSET', task_key(id), 'payload', payload, 'priority', priority, 'attempts', '0',
    'added_at', NOW, 'status', status)
  if max_attempts ~= '' then redis.call('HSET', task_key(id), 'max_attempts', max_attempts) end
  if nonce ~= '' then redis.call('HSET', task_key(id), 'added_by', nonce) end
end

-- The same call was here before, and its reply was lost.
local function is_ours(id)
  return nonce ~= '' and redis.pcall('HGET', task_key(id), 'added_by') == nonce
end

-- A queue without a bound does not pay for it.
if MAX_PENDING ~= '0' then
  bound = tonumber(MAX_PENDING)
  local function add_length(command, key)
    local length = redis.pcall(command, key)
    if type(length) == 'number' then in_line = in_line + length end -- else of another type: no tasks
  end
  add_length('ZCARD', delayed)
  for _, each in ipairs({unpack(KEYS, FIRST_LINE)}) do add_length('LLEN', each) end
end

for i = 7, #ARGV, 2 do
  local id = ARGV[i]
  if redis.call('EXISTS', task_key(id)) == 1 then
    if not is_ours(id) then refused[#refused + 1] = id end
  elseif bound > 0 and in_line >= bound then
    is_full = true
    break
  elseif delay > 0 then
    -- Its place comes before its record: a key of another type ends the step with nothing written.
    redis.call('ZADD', delayed, now + delay, id)
    store(id, ARGV[i + 1], 'delayed')
    note('added', id, 'priority', priority, 'wait', delay)
    in_line = in_line + 1
  else
    redis.call('LPUSH', line, id)
    store(id, ARGV[i + 1], 'pending')
    note('added', id, 'priority', priority)
    in_line = in_line + 1
  end
  looked_at = looked_at + 1
end
-- Who waits for room asks again and again: that wakes nobody, and writes nothing.
if looked_at == 0 then return {0, in_line} end
ring()
trim_events()
if is_full then return {looked_at, in_line, unpack(refused)} end
return refused
