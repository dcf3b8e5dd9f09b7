-- cancel: take a task that waits out of its line; ask the worker of a running one to stop.
-- ARGV[3] id
-- Returns 1 cancelled now or before, 2 the worker is asked at its next heartbeat, 0 finished before,
-- -1 unknown.
local id = unpack(ARGV, 3)
local UNKNOWN = -1
local FINISHED = 0
local CANCELLED = 1
local ASKED = 2
local REASON = 'cancelled before it ran'

local priority, status = unpack(redis.call('HMGET', task_key(id), 'priority', 'status'))
if not priority then return UNKNOWN end
if redis.call('HEXISTS', processing, id) == 1 then
  redis.call('HSET', task_key(id), 'cancel', 1)
  return ASKED
end
if status == 'cancelled' then return CANCELLED end -- the same answer, should the first one be lost
-- Somebody may have put it in line again all the same: a claim will find it there.
if status == 'completed' or status == 'failed' then return FINISHED end

-- Anybody may have written there what is no priority: then it may be in any of the lines.
local lines = {line_of(priority)}
if #lines == 0 then lines = {unpack(KEYS, FIRST_LINE, FIRST_LINE - 1 + #PRIORITIES)} end
local taken_out = sure('ZREM', delayed, id)
for _, line in ipairs(lines) do taken_out = taken_out + sure('LREM', line, 0, id) end
if taken_out == 0 then return FINISHED end
keep_error(id, nil, REASON)
call_off(id, REASON)
return CANCELLED
