-- clear: delete tasks with their results, about `most` of them in a step; once none is left, the rest.
-- ARGV[3] most
-- Returns how many tasks were deleted; 0 means that all is gone.
local most = unpack(ARGV, 3)
most = tonumber(most)
local ids = {}

-- How many more there may be in this step, as a text.
local function room() return whole(most - #ids) end

local function take_from_list(list)
  if #ids >= most then return end
  for _, id in ipairs(redis.call('LPOP', list, room()) or {}) do ids[#ids + 1] = id end
end

local function take_delayed()
  if #ids >= most then return end
  local taken = redis.call('ZPOPMIN', delayed, room())
  for i = 1, #taken, 2 do ids[#ids + 1] = taken[i] end
end

local function take_processing()
  if #ids >= most then return end
  local cursor = '0'
  repeat -- a page may be empty, and more behind it
    local reply = redis.call('HSCAN', processing, cursor, 'COUNT', room())
    cursor = reply[1]
    local entries = reply[2]
    for i = 1, #entries, 2 do
      redis.call('HDEL', processing, entries[i])
      ids[#ids + 1] = entries[i]
    end
  until #entries > 0 or cursor == '0'
end

for _, priority in ipairs(PRIORITIES) do take_from_list(line_of(priority)) end
take_from_list(completed)
take_from_list(failed)
take_from_list(cancelled)
take_processing()
take_delayed()
-- UNLINK leaves the work of freeing memory to another thread.
for _, id in ipairs(ids) do redis.call('UNLINK', task_key(id), result_key(id)) end
if #ids == 0 then
  for _, field in ipairs(sure('HKEYS', batches)) do
    local name = field:match('^(.*):born$')
    if name then redis.call('UNLINK', batch_key(name), batch_key(name) .. ':ended') end
  end
  redis.call('UNLINK', unpack(KEYS))
end
return #ids
