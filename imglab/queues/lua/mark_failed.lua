-- mark_failed: end a try with an error; the task is tried again later while it has tries left.
-- ARGV[3] id  ARGV[4] claim  ARGV[5] error  ARGV[6] '1' to try again, '0' when that cannot help
-- ARGV[7] random 0…1
-- Returns 1 recorded, 2 recorded before by this claim, 0 stale.
local id, token = ARGV[3], ARGV[4]
local task = redis.call('HMGET', task_key(id), 'attempts', 'max_attempts', 'errors', 'crashes')
if not owned(id, token) then
  return task[3] and task[3]:find('"claim":"' .. token .. '"', 1, true) and 2 or 0
end
redis.call('HDEL', processing, id)
-- A crash counts against its own budget, not against this one.
local tries = (tonumber(task[1]) or 1) - (tonumber(task[4]) or 0)
local budget = ARGV[6] == '1' and tonumber(task[2] or settings.max_attempts) or 0
retry_or_bury(id, token, ARGV[5], tries, budget, tonumber(ARGV[7]))
return 1
