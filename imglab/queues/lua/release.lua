-- release: give a task back unfinished, to the head of its list; the attempt does not count. One that
-- somebody cancelled ends here.
-- ARGV[3] id  ARGV[4] token
-- Returns 1 given back, 0 stale.
local id, token = unpack(ARGV, 3)
local REASON = 'cancelled while it ran'

if not owned(id, token) then return 0 end
redis.call('HDEL', processing, id)
if is_cancelled(id) then
  keep_error(id, nil, REASON)
  call_off(id, REASON)
  return 1
end
redis.pcall('HINCRBY', task_key(id), 'attempts', -1) -- anybody may have written a text there
redis.call('HSET', task_key(id), 'claim', '')
line_up('RPUSH', id, 'released')
arm()
return 1
