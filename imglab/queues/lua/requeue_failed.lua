-- requeue_failed: give tasks from the dead letter queue a fresh start.
-- ARGV[3..] ids
-- Returns the ids that were there.
local moved = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  local priority = redis.call('HGET', task_key(id), 'priority')
  if redis.call('LREM', failed, -1, id) == 1 and priority then
    redis.call('HDEL', task_key(id), 'crashes', 'cancel', 'finished_at')
    redis.call('HSET', task_key(id), 'status', 'pending', 'attempts', 0)
    redis.call('LPUSH', lists[priority], id)
    note('requeued', id)
    moved[#moved + 1] = id
  end
end
arm()
return moved
