-- clear: delete tasks with their results, up to `most` of each list; once none is left, the rest.
-- ARGV[3] most
-- Returns how many tasks were deleted; 0 means that all is gone.
local most = unpack(ARGV, 3)
local ids = {}

local function add(found)
  for _, id in ipairs(found or {}) do ids[#ids + 1] = id end
end

for _, priority in ipairs(PRIORITIES) do add(redis.call('LPOP', line_of(priority), most)) end
add(redis.call('LPOP', completed, most))
add(redis.call('LPOP', failed, most))
add(redis.call('LPOP', cancelled, most))
add(redis.call('HKEYS', processing))
add(redis.call('ZRANGE', delayed, 0, -1))
redis.call('DEL', processing, delayed)
for _, id in ipairs(ids) do redis.call('DEL', task_key(id), result_key(id)) end
if #ids == 0 then redis.call('DEL', unpack(KEYS)) end
return #ids
