-- How a try ends that did not end well.

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

-- Give a task up: it becomes a dead letter.
local function bury(id, reason)
  put_away(id, 'failed', failed, reason)
  note('failed', id, 'reason', reason)
end

-- Have done with a task that somebody took back, so that nobody runs it again.
local function call_off(id, reason)
  put_away(id, 'cancelled', cancelled, reason)
  note('cancelled', id, 'reason', reason)
end

-- How often a wait is doubled at the most: beyond any cap, and no more than a number can hold.
local MOST_DOUBLINGS = 60

-- A try that did not end well: keep its error, then wait (exponential back-off, full jitter) and
-- try again while the budget lasts, else give up; what somebody cancelled meanwhile ends at once.
-- The caller has taken the id out of processing.
-- Full jitter: any moment up to the longest wait (Brooker, "Exponential backoff and jitter", 2015).
local function retry_or_bury(id, claim, reason, tries, budget, random)
  keep_error(id, claim, reason)
  if is_cancelled(id) then return call_off(id, reason) end
  if tries >= budget then return bury(id, reason) end
  local doubled = 2 ^ math.min(tries - 1, MOST_DOUBLINGS)
  local longest = math.min(BACKOFF_CAP, BACKOFF * doubled)
  local wait = math.floor(random * longest)
  sure('ZADD', delayed, now + wait, id)
  redis.call('HSET', task_key(id), 'status', 'delayed', 'claim', '')
  note('delayed', id, 'wait', wait, 'reason', reason)
  ring() -- a sleeper has to set its alarm anew
end
