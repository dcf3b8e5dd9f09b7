-- check: where every task stands, all at one moment; for `check`, not for every day.
-- Returns the tokens in wake, then {place, id, status, claim, held, attempts, crashes, result} for each
-- place a task is in: held is the claim in processing, result '1' for one that is there or expired.
local rows = {redis.call('LLEN', wake)}

local function row(place, id, held)
  local task = redis.call('HMGET', task_key(id), 'status', 'claim', 'attempts', 'crashes', 'finished_at')
  local finished_at = tonumber(task[5])
  local is_expired = finished_at and now - finished_at >= settings.ttl * 1000
  local has_result = 0
  if redis.call('EXISTS', result_key(id)) == 1 then has_result = 1 end
  if is_expired and task[1] == 'completed' then has_result = 1 end
  rows[#rows + 1] = {place, id, task[1] or '', task[2] or '', held,
    tonumber(task[3]) or 0, tonumber(task[4]) or 0, has_result}
end

local function rows_of(place, list)
  for _, id in ipairs(redis.call('LRANGE', list, 0, -1)) do row(place, id, '') end
end

for _, priority in ipairs(PRIORITIES) do rows_of('pending', line_of(priority)) end
rows_of('completed', completed)
rows_of('failed', failed)
rows_of('cancelled', cancelled)
for _, id in ipairs(redis.call('ZRANGE', delayed, 0, -1)) do row('delayed', id, '') end
local held = redis.call('HGETALL', processing)
for i = 1, #held, 2 do
  local claim = read_json(held[i + 1]) or {}
  row('processing', held[i], tostring(claim.claim or ''))
end
return rows
