-- clear: delete tasks with their results, up to ARGV[3] of each list; once none is left, the rest.
-- Returns how many tasks were deleted; 0 means that all is gone.
local ids = {}
for _, key in ipairs({high, pending, low, completed, failed}) do
  for _, id in ipairs(redis.call('LPOP', key, ARGV[3]) or {}) do ids[#ids + 1] = id end
end
for _, id in ipairs(redis.call('HKEYS', processing)) do ids[#ids + 1] = id end
for _, id in ipairs(redis.call('ZRANGE', delayed, 0, -1)) do ids[#ids + 1] = id end
redis.call('DEL', processing, delayed)
for _, id in ipairs(ids) do redis.call('DEL', task_key(id), result_key(id)) end
if #ids == 0 then redis.call('DEL', unpack(KEYS)) end
return #ids
