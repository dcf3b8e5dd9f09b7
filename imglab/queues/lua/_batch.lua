-- A batch: many tasks under one name, counted as they end. The id of each begins with that name: NAME@….
-- `batches` says in fields NAME:… how a batch stands:
--   tasks, open, completed, failed, cancelled   how many; those that are open have not ended
--   born                                        when it began (ms)
--   about                                       JSON: what all its tasks have in common
--   closed                                      '1' while nobody adds to it
--   owed                                        '1' from the first task added until its end
--   at_end, at_end_priority                     payload (JSON) of a task that follows its end, '' for none
--   ends, ended_at                              how often it ended, and when it did last (ms)
-- Two keys belong to it alone:
--   batch:NAME        HASH    id -> status ('open' until it ends), a space, label
--   batch:NAME:ended  STREAM  task, status, about (result or reason): what became of each, never trimmed

local function batch_key(name) return batches:sub(1, -3) .. ':' .. name end

-- Change one of a batch's figures; one that somebody overwrote with what counts nothing begins anew.
local function change(name, figure, by)
  local field = name .. ':' .. figure
  local total = redis.pcall('HINCRBY', batches, field, whole(by))
  if type(total) == 'number' and total >= 0 then return total end
  total = math.max(by, 0)
  sure('HSET', batches, field, whole(total))
  return total
end

-- End a batch in which nothing is open and to which nobody adds, once for what was added since its last
-- end; add the task that is to follow.
local function end_if_over(name)
  local function figure(what) return name .. ':' .. what end
  local closed, owed, open, at_end, priority, born = unpack(redis.call('HMGET', batches, figure('closed'),
    figure('owed'), figure('open'), figure('at_end'), figure('at_end_priority'), figure('born')))
  if closed ~= '1' or owed ~= '1' or as_count(open) > 0 then return end
  redis.call('HSET', batches, figure('owed'), '0', figure('ended_at'), NOW)
  local ends = change(name, 'ends', 1)
  local line = line_of(priority)
  if not at_end or at_end == '' or not line then return end
  local id = name .. '.end-' .. born .. '-' .. whole(ends)
  sure('LPUSH', line, id)
  store(id, at_end, priority, 'pending', '', '')
  note('added', id, 'priority', priority)
  ring()
end

-- Note in its batch where a task is now: 'open', or how it ended. An id that only looks so is in none.
local function move_in_batch(name, id, status, about)
  local key = batch_key(name)
  local before = sure('HGET', key, id)
  if not before then return end
  local was, label = before:match('^(%l+) (.*)$')
  if was == status then return end
  redis.call('HSET', key, id, status .. ' ' .. (label or ''))
  if was then change(name, was, -1) end
  change(name, status, 1)
  if status == 'open' then return end
  sure('XADD', key .. ':ended', '*', 'task', id, 'status', status, 'about', about)
  end_if_over(name)
end

-- Set aside what was in a list and cannot be handed out; a batch shall not wait for it for ever.
local function lose(id, reason)
  set_aside(id, reason)
  local batch = batch_of(id)
  if batch then move_in_batch(batch, id, 'failed', reason) end
end
