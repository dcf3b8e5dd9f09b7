-- How a try ends with its worker.

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
        lose(id, NO_RECORD)
      end
    end
  end
  redis.call('HSET', meta, 'reaped_at', NOW)
  return reaped, earliest
end
