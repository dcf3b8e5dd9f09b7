-- How a try ends well, and what all its ends share.

-- Put an id at the front of a bounded list; what falls off its end goes with all it had.
local function keep_newest(list, id)
  local extra = redis.call('LPUSH', list, id) - KEEP
  if extra <= 0 then return end
  for _, old in ipairs(redis.call('RPOP', list, math.min(extra, 100)) or {}) do
    redis.call('DEL', task_key(old), result_key(old))
  end
end

-- Put a task where those are that ended as it did. The caller has taken it out of where it was.
-- `about` is its result, or the reason why there is none.
local function put_away(id, status, list, about)
  redis.call('HSET', task_key(id), 'status', status, 'claim', '', 'finished_at', NOW)
  keep_newest(list, id)
  count(meta, status)
  local batch = batch_of(id)
  if not batch then return end
  -- Include _odd _add _batch
  move_in_batch(batch, id, status, about)
end

-- What `complete` found: the claim is stale, its result is recorded, or was before.
local STALE = 0
local RECORDED = 1
local RECORDED_BEFORE = 2

-- Record the result of a claim, once.
local function complete(id, token, worker, result)
  if not owned(id, token) then
    local is_repeated = redis.call('HGET', result_key(id), 'claim') == token
    if is_repeated then return RECORDED_BEFORE end
    return STALE
  end
  -- HDEL comes first: a server out of memory lets a script finish whose first write frees some.
  redis.call('HDEL', processing, id)
  redis.call('HSET', result_key(id), 'result', result, 'claim', token)
  redis.call('EXPIRE', result_key(id), TTL)
  put_away(id, 'completed', completed, result)
  note('completed', id, 'worker', worker)
  return RECORDED
end
