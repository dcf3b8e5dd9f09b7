-- cancel: bury a task that waits; ask the worker of a running one to stop.
-- ARGV[3] id
-- Returns 1 buried, 2 the worker is asked at its next heartbeat, 0 finished before, -1 unknown.
local id = ARGV[3]
local task = redis.call('HMGET', task_key(id), 'status', 'priority')
if not task[1] then return -1 end
if redis.call('HEXISTS', processing, id) == 1 then
  redis.call('HSET', task_key(id), 'cancel', 1)
  return 2
end
if redis.call('ZREM', delayed, id) + redis.call('LREM', lists[task[2]], 0, id) == 0 then return 0 end
bury(id, 'cancelled before it ran')
return 1
