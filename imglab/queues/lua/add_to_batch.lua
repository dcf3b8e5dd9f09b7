-- add_to_batch: add tasks to a batch that was begun, those that are not in it: the first ones, as many as
-- there is room for.
-- ARGV[3] batch  ARGV[4] priority  ARGV[5] max_attempts, '' for the queue's
-- ARGV[6..] id, label, payload (JSON), id, label, payload …
-- Returns how many of the tasks it looked at, how many are in line, and how many are new; -1 for a batch
-- that there is not.
local batch, priority, max_attempts = unpack(ARGV, 3)
if sure('HEXISTS', batches, batch .. ':born') == 0 then return -1 end
local key = batch_key(batch)
local line = line_of(priority)
local in_line = tasks_in_line()
local looked_at = 0
local new = 0
for i = 6, #ARGV, 3 do
  local id = ARGV[i]
  if sure('HEXISTS', key, id) == 0 then
    if is_full_with(in_line) then break end
    redis.call('LPUSH', line, id)
    store(id, ARGV[i + 2], priority, 'pending', max_attempts, '')
    note('added', id, 'priority', priority)
    redis.call('HSET', key, id, 'open ' .. ARGV[i + 1])
    in_line = in_line + 1
    new = new + 1
  end
  looked_at = looked_at + 1
end
if new > 0 then
  change(batch, 'tasks', new)
  change(batch, 'open', new)
  redis.call('HSET', batches, batch .. ':owed', '1')
  ring()
  trim_events()
end
return {looked_at, in_line, new}
