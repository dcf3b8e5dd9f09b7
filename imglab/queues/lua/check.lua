-- check: where every task stands, all at one moment; for `check`, not for every day.
-- Returns the tokens in wake, then {place, id, status, claim, held, attempts, crashes, result} for each
-- place a task is in: held is the claim in processing, result '1' for one that is there or expired.
local rows = {redis.call('LLEN', wake)}
local function row(place, id, entry)
  local task = redis.call('HMGET', task_key(id), 'status', 'claim', 'attempts', 'crashes', 'finished_at')
  local expired = task[5] and now - task[5] >= settings.ttl * 1000
  local result = redis.call('EXISTS', result_key(id)) == 1 or expired and task[1] == 'completed'
  rows[#rows + 1] = {place, id, task[1] or '', task[2] or '', entry:match('"claim":"([^"]*)"') or '',
    tonumber(task[3]) or 0, tonumber(task[4]) or 0, result and 1 or 0}
end
for key, place in pairs({[pending] = 'pending', [high] = 'pending', [low] = 'pending',
    [completed] = 'completed', [failed] = 'failed'}) do
  for _, id in ipairs(redis.call('LRANGE', key, 0, -1)) do row(place, id, '') end
end
for _, id in ipairs(redis.call('ZRANGE', delayed, 0, -1)) do row('delayed', id, '') end
local held = redis.call('HGETALL', processing)
for i = 1, #held, 2 do row('processing', held[i], held[i + 1]) end
return rows
