-- add_tasks: store tasks and put them in line, or in `delayed` when they are for later.
-- ARGV[3] priority  ARGV[4] delay (ms)  ARGV[5] max_attempts, '' for the queue's
-- ARGV[6..] id, payload (JSON), id, payload …
-- Returns the ids that exist already; nothing of theirs is changed.
local priority, delay, max_attempts, refused = ARGV[3], tonumber(ARGV[4]), ARGV[5], {}
for i = 6, #ARGV, 2 do
  local id = ARGV[i]
  if redis.call('EXISTS', task_key(id)) == 1 then
    refused[#refused + 1] = id
  else
    redis.call('HSET', task_key(id), 'payload', ARGV[i + 1], 'priority', priority, 'attempts', 0,
      'added_at', now, 'status', delay > 0 and 'delayed' or 'pending')
    if max_attempts ~= '' then redis.call('HSET', task_key(id), 'max_attempts', max_attempts) end
    if delay > 0 then
      redis.call('ZADD', delayed, now + delay, id)
      note('added', id, 'priority', priority, 'wait', delay)
    else
      redis.call('LPUSH', lists[priority], id)
      note('added', id, 'priority', priority)
    end
  end
end
ring()
trim_events()
return refused
