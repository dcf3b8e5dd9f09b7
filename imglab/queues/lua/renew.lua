-- renew: the heartbeat. Push the deadline of a claim one lease further from now.
-- ARGV[3] id  ARGV[4] token  ARGV[5] worker  ARGV[6] progress, '' for none
-- Returns 1 renewed, 2 renewed but somebody asked to cancel the task, 0 stale.
local id, token, worker, progress = unpack(ARGV, 3)
local LOST = 0
local RENEWED = 1
local CANCEL_ASKED = 2

local claim = owned(id, token)
if not claim then return LOST end
claim.deadline = now + LEASE
redis.call('HDEL', processing, id) -- first, for a server that is full; see complete()
redis.call('HSET', processing, id, cjson.encode(claim))
local about = read_json(redis.call('HGET', workers, worker))
if about then
  about.seen = now
  redis.call('HSET', workers, worker, cjson.encode(about))
end
if progress ~= '' then redis.call('HSET', task_key(id), 'progress', progress) end
if is_cancelled(id) then return CANCEL_ASKED end
return RENEWED
