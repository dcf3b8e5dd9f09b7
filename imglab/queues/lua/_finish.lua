-- How a try ends: well, with an error, or with its worker.

-- Put an id at the front of a bounded list; what falls off its end goes with all it had.
local function keep_newest(list, id)
  local extra = redis.call('LPUSH', list, id) - KEEP
  if extra <= 0 then return end
  for _, old in ipairs(redis.call('RPOP', list, math.min(extra, 100)) or {}) do
    redis.call('DEL', task_key(old), result_key(old))
  end
end

-- Keep the last five errors of a task. An error without a claim was not told by a worker.
local function keep_error(id, claim, reason)
  local told = read_json(redis.call('HGET', task_key(id), 'errors')) or {}
  local errors = {}
  for place = math.max(1, #told - 3), #told do
    if type(told[place]) == 'table' then errors[#errors + 1] = told[place] end
  end
  local error = {claim = claim, at = now, error = reason}
  errors[#errors + 1] = error
  local is_json, text = pcall(cjson.encode, errors)
  if not is_json then text = cjson.encode({error}) end -- a number in the others that JSON cannot hold
  redis.call('HSET', task_key(id), 'errors', text)
end

-- Put a task where those are that ended as it did. The caller has taken it out of where it was.
local function put_away(id, status, list)
  redis.call('HSET', task_key(id), 'status', status, 'claim', '', 'finished_at', NOW)
  keep_newest(list, id)
  count(meta, status)
end

-- Give a task up: it becomes a dead letter.
local function bury(id, reason)
  put_away(id, 'failed', failed)
  note('failed', id, 'reason', reason)
end

-- Have done with a task that somebody took back, so that nobody runs it again.
local function call_off(id, reason)
  put_away(id, 'cancelled', cancelled)
  note('cancelled', id, 'reason', reason)
end

-- A try that did not end well: keep its error, then wait (exponential back-off, full jitter) and
-- try again while the budget lasts, else give up; what somebody cancelled meanwhile ends at once.
-- The caller has taken the id out of processing.
-- Full jitter: any moment up to the longest wait (Brooker, "Exponential backoff and jitter", 2015).
local function retry_or_bury(id, claim, reason, tries, budget, random)
  keep_error(id, claim, reason)
  if is_cancelled(id) then return call_off(id, reason) end
  if tries >= budget then return bury(id, reason) end
  local longest = math.min(BACKOFF_CAP, BACKOFF * 2 ^ (tries - 1))
  local wait = math.floor(random * longest)
  sure('ZADD', delayed, now + wait, id)
  redis.call('HSET', task_key(id), 'status', 'delayed', 'claim', '')
  note('delayed', id, 'wait', wait, 'reason', reason)
  ring() -- a sleeper has to set its alarm anew
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
  put_away(id, 'completed', completed)
  note('completed', id, 'worker', worker)
  return RECORDED
end

-- One of its workers died or fell silent over a task. The caller has taken it out of processing.
local function crash(id, worker, is_dead, random)
  local crashes = count(task_key(id), 'crashes')
  note('expired', id, 'worker', worker, 'crashes', crashes)
  local what = 'was silent for a whole lease'
  if is_dead then what = 'died' end
  local why = ('worker %s %s (%d of %d)'):format(worker, what, crashes, MAX_CRASHES)
  -- No claim: its holder did not report this error, and must hear that its lease is lost.
  retry_or_bury(id, nil, why, crashes, tonumber(MAX_CRASHES), random)
end

-- Steps of the golden ratio spread numbers evenly from 0 to 1, however many there are.
local GOLDEN_RATIO = 0.618

-- Give back every task whose lease ran out, or whose worker is known to be dead; of that name only the
-- claims with this mark in their token, those of the process that died.
-- Returns how many, and the earliest deadline that is left.
local function reap(random, dead, mark)
  redis.call('HDEL', meta, 'reaped_at') -- first, for a server that is full; see complete()
  local entries = redis.call('HGETALL', processing)
  local reaped = 0
  local earliest = math.huge
  for i = 1, #entries, 2 do
    local id = entries[i]
    local claim = read_json(entries[i + 1]) or {}
    local worker = tostring(claim.worker or '?')
    local deadline = tonumber(claim.deadline) or 0
    -- A claim from the future: the clock was set back, and its deadline is as wrong.
    if (tonumber(claim.claimed_at) or 0) > now then deadline = 0 end
    local is_dead = worker == dead and tostring(claim.claim):find(mark, 1, true) ~= nil
    if deadline > now and not is_dead then
      earliest = math.min(earliest, deadline)
    else
      redis.call('HDEL', processing, id)
      if has_record(id) then
        crash(id, worker, is_dead, random)
        reaped = reaped + 1
        random = (random + GOLDEN_RATIO) % 1 -- not all of them back at the same moment
      else
        set_aside(id, NO_RECORD)
      end
    end
  end
  redis.call('HSET', meta, 'reaped_at', NOW)
  return reaped, earliest
end
