-- What every script shares: Python puts this file in front of each of them.
-- KEYS[1]  pending       LIST    ids of normal priority: LPUSH adds, the right end is taken first
-- KEYS[2]  pending:high  LIST    the same for high priority
-- KEYS[3]  pending:low   LIST    the same for low priority
-- KEYS[4]  processing    HASH    id -> JSON {worker, attempt, claim, claimed_at, deadline}
-- KEYS[5]  delayed       ZSET    id -> when it may be tried again (ms)
-- KEYS[6]  completed     LIST    newest first, bounded
-- KEYS[7]  failed        LIST    newest first, bounded: the dead letter queue
-- KEYS[8]  wake          LIST    at most one token, a hint for sleeping workers
-- KEYS[9]  workers       HASH    worker -> JSON {seen, nonce, task (the ids it claimed last), pid, host}
-- KEYS[10] events        STREAM  what happened, capped
-- KEYS[11] meta          HASH    claims, completed, failed (totals), reaped_at (ms), paused
-- ARGV[1]  namespace, in front of task:<id> and result:<id>
-- ARGV[2]  settings, JSON: lease, backoff, backoff_cap (ms), max_attempts, max_crashes, keep,
--          keep_events, ttl (s)
-- All times are milliseconds of the server's clock: microseconds do not survive Lua's 14 digits.
local pending, high, low, processing, delayed, completed, failed, wake, workers, events, meta =
  unpack(KEYS)
local namespace, settings = ARGV[1], cjson.decode(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local lists = {high = high, normal = pending, low = low}

local function task_key(id) return namespace .. 'task:' .. id end
local function result_key(id) return namespace .. 'result:' .. id end

local function note(event, id, ...)
  redis.call('XADD', events, '*', 'event', event, 'task', id, ...)
end

-- Now and then, not with each event: looking for what is too old costs as much as adding.
local function trim_events() redis.call('XTRIM', events, 'MAXLEN', '~', settings.keep_events) end

-- Wake one sleeper, unless a token says so already.
local function ring() if redis.call('EXISTS', wake) == 0 then redis.call('RPUSH', wake, '1') end end

-- Pass the baton: while there is work, one more worker should be awake.
local function arm() if redis.call('EXISTS', high, pending, low) > 0 then ring() end end

-- Put a task in its line again: RPUSH at the head, LPUSH at the tail. False when its hash is gone.
local function line_up(push, id, event)
  local priority = redis.call('HGET', task_key(id), 'priority')
  if not priority then return false end
  redis.call(push, lists[priority], id)
  redis.call('HSET', task_key(id), 'status', 'pending')
  note(event, id)
  return true
end

-- The entry of a claim that still holds its task, else false.
local function owned(id, token)
  local entry = redis.call('HGET', processing, id)
  return entry and entry:find('"claim":"' .. token .. '"', 1, true) and entry
end

-- Put an id at the front of a bounded list; what falls off its end goes with all it had.
local function keep_newest(list, id)
  local extra = redis.call('LPUSH', list, id) - settings.keep
  for _, old in ipairs(extra > 0 and redis.call('RPOP', list, math.min(extra, 100)) or {}) do
    redis.call('DEL', task_key(old), result_key(old))
  end
end

local function bury(id, reason)
  redis.call('HSET', task_key(id), 'status', 'failed', 'claim', '', 'finished_at', now)
  keep_newest(failed, id)
  redis.call('HINCRBY', meta, 'failed', 1)
  note('failed', id, 'reason', reason)
end

-- A try that did not end well: keep its error, then wait (exponential back-off, full jitter) and
-- try again while the budget lasts, else give up. The caller has taken the id out of processing.
local function retry_or_bury(id, claim, reason, tries, budget, random)
  local task = task_key(id)
  local errors, cancel = unpack(redis.call('HMGET', task, 'errors', 'cancel'))
  errors = errors and cjson.decode(errors) or {}
  errors[#errors + 1] = {claim = claim, at = now, error = reason}
  if #errors > 5 then table.remove(errors, 1) end
  redis.call('HSET', task, 'errors', cjson.encode(errors))
  if cancel or tries >= budget then return bury(id, reason) end
  local wait = math.floor(random * math.min(settings.backoff_cap, settings.backoff * 2 ^ (tries - 1)))
  redis.call('ZADD', delayed, now + wait, id)
  redis.call('HSET', task, 'status', 'delayed', 'claim', '')
  note('delayed', id, 'wait', wait, 'reason', reason)
  ring() -- a sleeper has to set its alarm anew
end

-- Give back every task whose lease ran out, or whose worker is known to be dead.
-- Returns how many, and the earliest deadline that is left.
local function reap(random, dead)
  redis.call('HDEL', meta, 'reaped_at') -- first, for a server that is full; see complete()
  local entries, reaped, earliest = redis.call('HGETALL', processing), 0, math.huge
  for i = 1, #entries, 2 do
    local id, entry = entries[i], entries[i + 1]
    local claimed_at = tonumber(entry:match('"claimed_at":(%d+)')) or 0
    -- A claim from the future: the clock was set back, and its deadline is as wrong.
    local deadline = claimed_at <= now and tonumber(entry:match('"deadline":(%d+)')) or 0
    local worker = entry:match('"worker":"([^"]*)"') or '?'
    if deadline > now and worker ~= dead then
      earliest = math.min(earliest, deadline)
    else
      redis.call('HDEL', processing, id)
      if redis.call('EXISTS', task_key(id)) == 1 then
        local crashes = redis.call('HINCRBY', task_key(id), 'crashes', 1)
        note('expired', id, 'worker', worker, 'crashes', crashes)
        local why = ('worker %s %s (%d of %d)'):format(worker, worker == dead and 'died' or
          'was silent for a whole lease', crashes, settings.max_crashes)
        -- No claim: its holder did not report this error, and must hear that its lease is lost.
        retry_or_bury(id, nil, why, crashes, settings.max_crashes, random)
        reaped, random = reaped + 1, (random + 0.618) % 1 -- not all of them back at the same moment
      end
    end
  end
  redis.call('HSET', meta, 'reaped_at', now)
  return reaped, earliest
end

-- Move what is due from delayed to the tail of its list; returns when the next one is.
local function promote()
  for _ = 1, 100 do
    local id, due = unpack(redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES'))
    if not id or tonumber(due) > now then return tonumber(due) or math.huge end
    redis.call('ZREM', delayed, id)
    line_up('LPUSH', id, 'promoted')
  end
  return now
end

-- Returns 1 when the result is recorded, 2 when this claim recorded it before, 0 when it is stale.
local function complete(id, token, worker, result)
  if not owned(id, token) then
    return redis.call('HGET', result_key(id), 'claim') == token and 2 or 0
  end
  -- HDEL comes first: a server out of memory lets a script finish whose first write frees some.
  redis.call('HDEL', processing, id)
  redis.call('HSET', result_key(id), 'result', result, 'claim', token)
  redis.call('EXPIRE', result_key(id), settings.ttl)
  redis.call('HSET', task_key(id), 'status', 'completed', 'claim', '', 'finished_at', now)
  keep_newest(completed, id)
  redis.call('HINCRBY', meta, 'completed', 1)
  note('completed', id, 'worker', worker)
  return 1
end

-- Claims up to `limit` tasks; those it claimed before `again`, when that reply was lost.
-- Returns {id, payload, priority, attempt, claim} of each, or {ms until something is due} for none.
local function claim(worker, nonce, about, random, limit, again)
  local claims, ids, known = {}, {}, again and redis.call('HGET', workers, worker) or ''
  for id in (known:match('"task":"([^"]*)"') or ''):gmatch('%S+') do
    local entry = redis.call('HGET', processing, id)
    local token = entry and entry:match('"claim":"(%d+:' .. nonce .. ')"')
    if token then -- the reply to this very claim was lost: give it again
      local task = redis.call('HMGET', task_key(id), 'payload', 'priority', 'attempts')
      claims[#claims + 1] = {id, task[1], task[2], tonumber(task[3]), token}
    end
  end
  if #claims > 0 then return claims end
  -- Before other writes, for a server that is full; see complete().
  if again then redis.call('HDEL', workers, worker) end
  local due, state = promote(), redis.call('HMGET', meta, 'claims', 'reaped_at', 'paused')
  local before, since = tonumber(state[1]) or 0, now - (tonumber(state[2]) or 0)
  if since >= 500 or since < 0 then reap(random) end
  while not state[3] and #ids < limit do
    -- Every 8th claim asks the low list first, so that nothing starves.
    local first, last = high, low
    if (before + #ids) % 8 == 7 then first, last = low, high end
    local id = redis.call('RPOP', first) or redis.call('RPOP', pending) or redis.call('RPOP', last)
    if not id then break end
    local task = redis.call('HMGET', task_key(id), 'payload', 'priority', 'attempts', 'crashes')
    -- A task that broke a worker goes alone: its next crash must not count against others.
    local suspect = task[4] and task[4] ~= '0'
    if suspect then limit = 1 end
    if #ids >= limit then
      redis.call('RPUSH', lists[task[2]], id)
    elseif task[1] then -- an id whose hash is gone is nobody's task
      local attempt = tonumber(task[3]) + 1
      local token = attempt .. ':' .. nonce
      redis.call('HSET', processing, id, '{"worker":"' .. worker .. '","attempt":' .. attempt ..
        ',"claim":"' .. token .. '","claimed_at":' .. now .. ',"deadline":' .. now + settings.lease .. '}')
      redis.call('HSET', task_key(id), 'status', 'processing', 'attempts', attempt, 'claim', token,
        'worker', worker, 'claimed_at', now)
      note('claimed', id, 'worker', worker, 'attempt', attempt)
      ids[#ids + 1], claims[#claims + 1] = id, {id, task[1], task[2], attempt, token}
    end
  end
  redis.call('HSET', workers, worker, '{"seen":' .. now .. ',"nonce":"' .. nonce .. '","task":"' ..
    table.concat(ids, ' ') .. '",' .. about .. '}')
  if #ids == 0 then
    return {math.max(0, math.min(due, now + 60000, select(2, reap(random))) - now)}
  end
  if redis.call('HINCRBY', meta, 'claims', #ids) % 64 < #ids then trim_events() end
  arm()
  return claims
end
