-- How a task comes in.

-- How many tasks are in line or delayed; a queue without a bound does not pay for it.
local function tasks_in_line()
  local in_line = 0
  if MAX_PENDING == '0' then return in_line end
  local function add_length(command, key)
    local length = redis.pcall(command, key)
    if type(length) == 'number' then in_line = in_line + length end -- else of another type: no tasks
  end
  add_length('ZCARD', delayed)
  for _, each in ipairs({unpack(KEYS, FIRST_LINE)}) do add_length('LLEN', each) end
  return in_line
end

-- Whether with so many in line there is room for none more.
local function is_full_with(in_line) return MAX_PENDING ~= '0' and in_line >= tonumber(MAX_PENDING) end

-- Wake one sleeper, unless a token says so already.
local function ring()
  if redis.call('EXISTS', wake) == 0 then redis.call('RPUSH', wake, '1') end
end

-- Write the record of a new task. Its place comes before: a key of another type then ends the step with
-- nothing written.
local function store(id, payload, priority, status, max_attempts, nonce)
  redis.call('HSET', task_key(id), 'payload', payload, 'priority', priority, 'attempts', '0',
    'added_at', NOW, 'status', status)
  if max_attempts ~= '' then redis.call('HSET', task_key(id), 'max_attempts', max_attempts) end
  if nonce ~= '' then redis.call('HSET', task_key(id), 'added_by', nonce) end
end
