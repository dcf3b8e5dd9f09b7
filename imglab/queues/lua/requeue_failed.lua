-- requeue_failed: give tasks that failed or were cancelled a fresh start.
-- ARGV[3..] ids
-- Returns the ids that were there.
local moved = {}

local function take_out(id)
  return redis.call('LREM', failed, -1, id) == 1 or redis.call('LREM', cancelled, -1, id) == 1
end

for i = 3, #ARGV do
  local id = ARGV[i]
  if take_out(id) and line_up('LPUSH', id, 'requeued') then
    redis.call('HDEL', task_key(id), 'crashes', 'cancel', 'finished_at')
    redis.call('HSET', task_key(id), 'attempts', 0)
    moved[#moved + 1] = id
    local batch = batch_of(id)
    if batch then move_in_batch(batch, id, 'open') end
  end
end
arm()
return moved
