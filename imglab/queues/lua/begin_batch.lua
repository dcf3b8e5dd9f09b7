-- begin_batch: begin a batch, or go on with it; from now on its end waits for close_batch.
-- ARGV[3] batch  ARGV[4] about (JSON)
-- Returns 1 and when it began (ms), or 0 and what it is about, if that is something else.
local batch, about = unpack(ARGV, 3)

local LAST_BORN = ':born last' -- of all batches; no batch has such a name

local function field(what) return batch .. ':' .. what end

-- Now, or a little later: the ids of a batch are made of the moment, which no other batch shares.
local function new_moment()
  local last = tonumber(redis.call('HGET', batches, LAST_BORN)) or 0
  local moment = NOW
  if last >= now and last < now + MOST then moment = whole(last + 1) end
  redis.call('HSET', batches, LAST_BORN, moment)
  return moment
end

local before, born = unpack(sure('HMGET', batches, field('about'), field('born')))
if before and before ~= about then return {0, before} end
if not born then
  born = new_moment()
  redis.call('HSET', batches, field('about'), about, field('born'), born, field('tasks'), 0,
    field('open'), 0, field('completed'), 0, field('failed'), 0, field('cancelled'), 0)
end
redis.call('HSET', batches, field('closed'), '0')
return {1, born}
