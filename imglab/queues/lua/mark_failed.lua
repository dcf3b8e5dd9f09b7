-- mark_failed: end a try with an error; the task is tried again later while it has tries left.
-- ARGV[3] id  ARGV[4] token  ARGV[5] reason  ARGV[6] retry, '1' to try again, '0' when that cannot help
-- ARGV[7] random 0…1
-- Returns 1 recorded, 2 recorded before by this claim, 0 stale.
local id, token, reason, retry, random = unpack(ARGV, 3)

local function was_told_before(errors)
  for _, told in ipairs(read_json(errors) or {}) do
    if type(told) == 'table' and told.claim == token then return true end
  end
  return false
end

local task = redis.call('HMGET', task_key(id), 'attempts', 'max_attempts', 'errors', 'crashes')
if not owned(id, token) then
  if was_told_before(task[3]) then return RECORDED_BEFORE end
  return STALE
end
redis.call('HDEL', processing, id)
-- A crash counts against its own budget, not against this one.
local tries = math.max(1, as_count(task[1]) - as_count(task[4]))
local budget = 0
if retry == '1' then budget = as_count(task[2]) end
if retry == '1' and budget == 0 then budget = tonumber(MAX_ATTEMPTS) end
retry_or_bury(id, token, reason, tries, budget, tonumber(random))
return RECORDED
