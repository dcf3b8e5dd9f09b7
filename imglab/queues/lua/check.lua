-- check: where tasks stand: one page of one place, each with its record at this moment.
-- ARGV[3] place, a priority or a status  ARGV[4] cursor, '0' to begin  ARGV[5] most, tasks in a page
-- Returns the next cursor, '0' at the end, and {place, id, status, claim, held, attempts, crashes, result}
-- of each: held is the claim in processing, result '1' for one that is there or expired.
local place, cursor, most = unpack(ARGV, 3)
local rows = {}

-- Anybody may have written another kind of value there: such a record says nothing.
local function record_of(id)
  local task = redis.pcall('HMGET', task_key(id), 'status', 'claim', 'attempts', 'crashes', 'finished_at')
  if task.err then return {} end
  return task
end

local function row(name, id, held)
  local task = record_of(id)
  local finished_at = tonumber(task[5])
  local is_expired = finished_at and now - finished_at >= TTL * 1000
  local has_result = 0
  if redis.call('EXISTS', result_key(id)) == 1 then has_result = 1 end
  if is_expired and task[1] == 'completed' then has_result = 1 end
  rows[#rows + 1] = {name, id, task[1] or '', task[2] or '', held,
    tonumber(task[3]) or 0, tonumber(task[4]) or 0, has_result}
end

-- From the right end of a list, which moves only when a task is taken: the cursor counts from there.
local function page_of_list(name, list)
  local first = tonumber(cursor) + 1
  local last = tonumber(cursor) + tonumber(most)
  local ids = redis.call('LRANGE', list, whole(-last), whole(-first))
  for _, id in ipairs(ids) do row(name, id, '') end
  if #ids < tonumber(most) then return '0' end
  return whole(last)
end

local function page_of_processing()
  local reply = redis.call('HSCAN', processing, cursor, 'COUNT', most)
  local entries = reply[2]
  for i = 1, #entries, 2 do
    local claim = read_json(entries[i + 1]) or {}
    row('processing', entries[i], tostring(claim.claim or ''))
  end
  return reply[1]
end

local function page_of_delayed()
  local reply = redis.call('ZSCAN', delayed, cursor, 'COUNT', most)
  local entries = reply[2]
  for i = 1, #entries, 2 do row('delayed', entries[i], '') end
  return reply[1]
end

local function page()
  if place == 'processing' then return page_of_processing() end
  if place == 'delayed' then return page_of_delayed() end
  if place == 'completed' then return page_of_list(place, completed) end
  if place == 'failed' then return page_of_list(place, failed) end
  if place == 'cancelled' then return page_of_list(place, cancelled) end
  return page_of_list('pending', line_of(place))
end

local next_cursor = page()
return {next_cursor, rows}
