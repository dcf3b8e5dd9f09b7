-- add_tasks: store tasks and put them in line, or in `delayed` when they are for later.
-- ARGV[3] priority  ARGV[4] delay (ms)  ARGV[5] max_attempts, '' for the queue's
-- ARGV[6] nonce of a call whose ids somebody chose, '' for ids that nobody else can have
-- ARGV[7..] id, payload (JSON), id, payload …
-- Returns the ids that exist already, but for those that this very call added before; nothing of theirs
-- is changed.
local priority, delay, max_attempts, nonce = unpack(ARGV, 3)
delay = tonumber(delay)
local line = line_of(priority)
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

for i = 7, #ARGV, 2 do
  local id = ARGV[i]
  if redis.call('EXISTS', task_key(id)) == 1 then
    if not is_ours(id) then refused[#refused + 1] = id end
  elseif delay > 0 then
    -- Its place comes before its record: a key of another type ends the step with nothing written.
    redis.call('ZADD', delayed, now + delay, id)
    store(id, ARGV[i + 1], 'delayed')
    note('added', id, 'priority', priority, 'wait', delay)
  else
    redis.call('LPUSH', line, id)
    store(id, ARGV[i + 1], 'pending')
    note('added', id, 'priority', priority)
  end
end
ring()
trim_events()
return refused
