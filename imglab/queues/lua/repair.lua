-- repair: make each of some tasks be in one place, and its record say so, whatever was done by hand.
-- ARGV[3..] ids
-- Returns the ids of which something was changed.
local changed = {}
-- Where what is over is kept.
local ENDED = {completed = completed, failed = failed, cancelled = cancelled}
-- Every list that an id may be in.
local LISTS = {completed, failed, cancelled}
for _, priority in ipairs(PRIORITIES) do LISTS[#LISTS + 1] = line_of(priority) end

-- Every place of a task, the one that counts first: what is finished stays finished.
local function places_of(id)
  local places = {}
  local function look(place, is_there)
    if is_there then places[#places + 1] = place end
  end
  look('completed', redis.call('LPOS', completed, id))
  look('cancelled', redis.call('LPOS', cancelled, id))
  look('failed', redis.call('LPOS', failed, id))
  look('processing', redis.call('HEXISTS', processing, id) == 1)
  look('delayed', redis.call('ZSCORE', delayed, id))
  for _, priority in ipairs(PRIORITIES) do
    look('pending', redis.call('LPOS', line_of(priority), id))
  end
  return places
end

-- How often an id is in the lists, in which nothing keeps it from standing twice.
local function times_listed(id)
  local times = 0
  for _, list in ipairs(LISTS) do
    times = times + #redis.call('LPOS', list, id, 'COUNT', 0)
  end
  return times
end

local function take_out(id)
  for _, list in ipairs(LISTS) do redis.call('LREM', list, 0, id) end
  redis.call('ZREM', delayed, id)
  redis.call('HDEL', processing, id)
end

local function has_result(id, finished_at)
  if redis.call('EXISTS', result_key(id)) == 1 then return true end
  return finished_at and now - finished_at >= TTL * 1000 -- it is too old to be kept
end

-- Where a task belongs. A claim or a date cannot be made up: what is not sound is to be done.
local function belongs(id, places, status, finished_at)
  local place = places[1]
  if not place then
    if ENDED[status] then return nil end -- trimmed, but for its record
    return 'pending'
  end
  if status == 'completed' and redis.call('EXISTS', result_key(id)) == 1 then return 'completed' end
  if place == 'completed' and not has_result(id, finished_at) then return 'pending' end
  return place
end

local function put(id, place, priority)
  local list = ENDED[place] or line_of(priority) or line_of(PRIORITIES[1])
  redis.call('LPUSH', list, id)
end

local function settle(id)
  local task = redis.call('HMGET', task_key(id), 'status', 'priority', 'claim', 'finished_at')
  local status = task[1]
  local places = places_of(id)
  if not status then
    take_out(id)
    return #places > 0
  end
  local place = belongs(id, places, status, tonumber(task[4]))
  if not place then
    redis.call('DEL', task_key(id), result_key(id))
    return true
  end
  local is_alone = #places == 1 and places[1] == place and times_listed(id) <= 1
  local held = read_json(redis.call('HGET', processing, id)) or {}
  local token = ''
  if is_alone and place == 'processing' then token = tostring(held.claim or '') end
  if is_alone and status == place and (task[3] or '') == token then return false end
  if not is_alone then
    if place == 'processing' or place == 'delayed' then place = 'pending' end
    if place == 'pending' and is_cancelled(id) then place = 'cancelled' end -- it is not to run again
    take_out(id)
    put(id, place, task[2])
  end
  redis.call('HSET', task_key(id), 'status', place, 'claim', token)
  if not line_of(task[2]) then redis.call('HSET', task_key(id), 'priority', PRIORITIES[1]) end
  note('repaired', id, 'status', place)
  local batch = batch_of(id)
  local stands = 'open'
  if ENDED[place] then stands = place end
  if batch then move_in_batch(batch, id, stands, 'it was mended by hand') end
  return true
end

for i = 3, #ARGV do
  if settle(ARGV[i]) then changed[#changed + 1] = ARGV[i] end
end
redis.call('LTRIM', wake, 0, 0)
arm()
return changed
