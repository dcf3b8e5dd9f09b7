-- add_tasks: store tasks and put them in line, or in `delayed` when they are for later: the first ones,
-- as many as there is room for.
-- ARGV[3] priority  ARGV[4] delay (ms)  ARGV[5] max_attempts, '' for the queue's
-- ARGV[6] nonce of a call whose ids somebody chose, '' for ids that nobody else can have
-- ARGV[7..] id, payload (JSON), id, payload …
-- Returns the ids that exist already, but for those that this very call added before; nothing of theirs
-- is changed, and they need no room. Where there is no room for all, two numbers come first: how many of
-- the tasks it looked at, and how many are in line.
local priority, delay, max_attempts, nonce = unpack(ARGV, 3)
delay = tonumber(delay)
local line = line_of(priority)
local in_line = tasks_in_line()
local looked_at = 0
local is_full = false
local refused = {}

-- The same call was here before, and its reply was lost.
local function is_ours(id)
  return nonce ~= '' and redis.pcall('HGET', task_key(id), 'added_by') == nonce
end

for i = 7, #ARGV, 2 do
  local id = ARGV[i]
  if redis.call('EXISTS', task_key(id)) == 1 then
    if not is_ours(id) then refused[#refused + 1] = id end
  elseif is_full_with(in_line) then
    is_full = true
    break
  elseif delay > 0 then
    redis.call('ZADD', delayed, now + delay, id)
    store(id, ARGV[i + 1], priority, 'delayed', max_attempts, nonce)
    note('added', id, 'priority', priority, 'wait', delay)
    in_line = in_line + 1
  else
    redis.call('LPUSH', line, id)
    store(id, ARGV[i + 1], priority, 'pending', max_attempts, nonce)
    note('added', id, 'priority', priority)
    in_line = in_line + 1
  end
  looked_at = looked_at + 1
end
-- Who waits for room asks again and again: that wakes nobody, and writes nothing.
if looked_at == 0 then return {0, in_line} end
ring()
trim_events()
if is_full then return {looked_at, in_line, unpack(refused)} end
return refused
