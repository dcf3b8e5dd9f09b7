-- requeue_failed: give tasks from the dead letter queue a fresh start.
-- ARGV[3..] ids
-- Returns the ids that were there.
local moved = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  if redis.call('LREM', failed, -1, id) == 1 and line_up('LPUSH', id, 'requeued') then
    redis.call('HDEL', task_key(id), 'crashes', 'cancel', 'finished_at')
    redis.call('HSET', task_key(id), 'attempts', 0)
    moved[#moved + 1] = id
  end
end
arm()
return moved
