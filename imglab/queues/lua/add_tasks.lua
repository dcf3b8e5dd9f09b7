-- add_tasks: store tasks and put them in line, or in `delayed` when they are for later.
-- ARGV[3] priority  ARGV[4] delay (ms)  ARGV[5] max_attempts, '' for the queue's
-- ARGV[6..] id, payload (JSON), id, payload …
-- Returns the ids that exist already; nothing of theirs is changed.
local priority, delay, max_attempts = unpack(ARGV, 3)
delay = tonumber(delay)
local line = line_of(priority)
local refused = {}

local function store(id, payload)
  local status = 'pending'
  if delay > 0 then status = 'delayed' end
  redis.call('HSET', task_key(id), 'payload', payload, 'priority', priority, 'attempts', '0',
    'added_at', NOW, 'status', status)
  if max_attempts ~= '' then redis.call('HSET', task_key(id), 'max_attempts', max_attempts) end
end

for i = 6, #ARGV, 2 do
  local id = ARGV[i]
  if redis.call('EXISTS', task_key(id)) == 1 then
    refused[#refused + 1] = id
  else
    store(id, ARGV[i + 1])
    if delay > 0 then
      redis.call('ZADD', delayed, now + delay, id)
      note('added', id, 'priority', priority, 'wait', delay)
    else
      redis.call('LPUSH', line, id)
      note('added', id, 'priority', priority)
    end
  end
end
ring()
trim_events()
return refused
