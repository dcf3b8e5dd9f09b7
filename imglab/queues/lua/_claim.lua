-- How a worker gets its next tasks.

-- Every so many claims, one begins with a list that is not the first.
local TURN = 8
-- The most faulty ids that one claim sets aside.
local MOST_FAULTS = 100
-- The longest a worker is told to wait, in ms.
local LONGEST_WAIT = 60000
-- Up to here Lua counts by ones.
local MOST_CLAIMS = 2 ^ 53

-- Move what is due from delayed to the tail of its list; returns when the next one is. A producer may put
-- any id there: what is elsewhere stays where it is.
local function promote()
  for _ = 1, 100 do
    local id, due = unpack(sure('ZRANGE', delayed, 0, 0, 'WITHSCORES'))
    if not id then return math.huge end
    if tonumber(due) > now then return tonumber(due) end
    -- Include _odd _add _batch _rare
    redis.call('ZREM', delayed, id)
    local status = redis.pcall('HGET', task_key(id), 'status')
    local again
    if status ~= 'delayed' then again = elsewhere(id, status) end
    if again then
      keep_odd(id, again) -- and no event: its own life goes on
    else
      line_up('LPUSH', id, 'promoted')
    end
  end
  return now
end

-- The lines in the order of their priorities.
local LINES = {unpack(KEYS, FIRST_LINE, FIRST_LINE - 1 + #PRIORITIES)}

-- The lines in the order in which a claim asks them: the first priority first. But every TURN-th claim
-- asks the others before it, and each time another of them first, so that nobody starves.
local function lines_for(claim_number)
  local others = #LINES - 1
  if claim_number % TURN ~= TURN - 1 or others == 0 then return LINES end
  local turn = math.floor(claim_number / TURN)
  local order = {}
  for step = 0, others - 1 do
    order[#order + 1] = LINES[#LINES - (turn + step) % others]
  end
  order[#order + 1] = LINES[1]
  return order
end

-- Take the next id out of its list.
local function pop(order)
  for _, line in ipairs(order) do
    local id = sure('RPOP', line)
    if id then return id end
  end
end

-- The claims that this very nonce made before, when the reply with them was lost.
local function claimed_before(worker, nonce)
  local known = read_json(redis.call('HGET', workers, worker)) or {}
  local claims = {}
  for id in tostring(known.task or ''):gmatch('%S+') do
    local held = read_json(redis.call('HGET', processing, id)) or {}
    local token = tostring(held.claim)
    if token:match('^%d+:(.*)$') == nonce then
      local task = redis.call('HMGET', task_key(id), 'payload', 'priority', 'attempts')
      claims[#claims + 1] = {id, task[1], task[2], tonumber(task[3]), token}
    end
  end
  return claims
end

-- Why a task cannot be handed out, whatever its record is; nil when it can.
local function fault_of(id, task)
  if task.err then return 'its record is of another type' end
  if not task[1] then return NO_RECORD end
  if #id > 100 or not id:match('^[%w_.:@-]+$') then return 'its id has characters that no id has' end
  if not line_of(task[2]) then return 'its record names no priority that exists' end
end

-- Put a task into a worker's hands for one lease; `task` is its payload, priority and attempts.
local function hold(id, task, worker, nonce)
  local attempt = as_count(task[3]) + 1
  local attempt_text = whole(attempt)
  local token = attempt_text .. ':' .. nonce
  local deadline = now + LEASE
  local entry = {worker = worker, attempt = attempt, claim = token, claimed_at = now, deadline = deadline}
  redis.call('HSET', processing, id, cjson.encode(entry))
  redis.call('HSET', task_key(id), 'status', 'processing', 'attempts', attempt_text, 'claim', token,
    'worker', worker, 'claimed_at', NOW)
  note('claimed', id, 'worker', worker, 'attempt', attempt_text)
  return {id, task[1], task[2], attempt, token}
end

-- Take up to `limit` tasks out of their lists, for one worker.
-- Returns them, and whether there is more behind the faulty ids at the front.
local function take(worker, nonce, limit, claims_before)
  local claims = {}
  local looked_at = 0
  local most = limit + MOST_FAULTS
  while #claims < limit do
    if looked_at >= most then return claims, true end -- the rest is for the next claim
    looked_at = looked_at + 1
    local id = pop(lines_for(claims_before + #claims))
    if not id then break end
    local task = redis.pcall('HMGET', task_key(id), 'payload', 'priority', 'attempts', 'crashes',
      'status')
    local fault = fault_of(id, task)
    local again
    if not fault and task[5] ~= 'pending' then
      -- Include _odd
      again = elsewhere(id, task[5])
    end
    -- A task that broke a worker goes alone: its next crash must not count against others.
    local is_suspect = not fault and task[4] and task[4] ~= '0'
    if is_suspect then limit = 1 end
    if fault then
      -- Include _odd _add _batch
      lose(id, fault)
    elseif again then
      -- Include _odd
      keep_odd(id, again) -- and no event: its own life goes on
    elseif #claims >= limit then
      sure('RPUSH', line_of(task[2]), id)
    else
      claims[#claims + 1] = hold(id, task, worker, nonce)
    end
  end
  return claims, false
end

-- Write down that a worker asked, and what it got: `claimed_before` looks there.
local function remember(worker, pid, host, claims)
  local ids = {}
  for place, claim in ipairs(claims) do ids[place] = claim[1] end
  local task = table.concat(ids, ' ')
  local record = {seen = now, task = task, pid = tonumber(pid), host = host}
  redis.call('HSET', workers, worker, cjson.encode(record))
end

-- Give back every task whose lease ran out; see reap(). Most claims do not, and what they do not need is
-- not to be made for them.
local function reap_now(...)
  -- Include _odd _add _batch _rare _retry _reap
  return reap(...)
end

-- Claim up to `limit` tasks. The caller has written something before, for a server that is full.
-- Returns {id, payload, priority, attempt, claim} of each, or {ms until something is due} for none: 0
-- where one claim was not enough to look, and the next one is to come at once.
local function claim_tasks(worker, nonce, pid, host, random, limit)
  local next_due = promote()
  local state = redis.call('HMGET', meta, 'claims', 'reaped_at', 'paused')
  local claims_before = tonumber(state[1] or 0)
  local since_reap = now - (tonumber(state[2]) or 0)
  local is_paused = state[3]
  -- Anybody may have written there. Asked in this way, what is NaN counts nothing, too.
  if not (claims_before and claims_before >= 0 and claims_before < MOST_CLAIMS) then
    -- Include _odd
    keep_odd(meta, 'claims' .. NO_COUNT)
    claims_before = 0
  end
  if not (since_reap >= 0 and since_reap < 500) then reap_now(random) end
  local claims = {}
  local has_more = false
  if not is_paused then claims, has_more = take(worker, nonce, limit, claims_before) end
  remember(worker, pid, host, claims)
  if #claims == 0 and has_more then return {0} end
  if #claims == 0 then
    sure('LLEN', wake) -- the caller is about to wait there
    local _, next_deadline = reap_now(random)
    local next_change = math.min(next_due, next_deadline, now + LONGEST_WAIT)
    return {math.max(0, next_change - now)}
  end
  local claims_now = claims_before + #claims
  redis.call('HSET', meta, 'claims', whole(claims_now))
  if claims_now % 64 < #claims then
    -- Include _rare
    trim_events()
  end
  arm()
  return claims
end
