-- renew: the heartbeat. Push the deadline of a claim one lease further from now.
-- ARGV[3] id  ARGV[4] claim  ARGV[5] worker  ARGV[6] progress, '' for none
-- Returns 1 renewed, 2 renewed but somebody asked to cancel the task, 0 stale.
local id, worker, progress = ARGV[3], ARGV[5], ARGV[6]
local entry = owned(id, ARGV[4])
if not entry then return 0 end
redis.call('HDEL', processing, id) -- first, for a server that is full; see complete()
redis.call('HSET', processing, id, (entry:gsub('"deadline":%d+', '"deadline":' .. now + settings.lease)))
local about = redis.call('HGET', workers, worker)
if about then redis.call('HSET', workers, worker, (about:gsub('"seen":%d+', '"seen":' .. now))) end
if progress ~= '' then redis.call('HSET', task_key(id), 'progress', progress) end
return redis.call('HEXISTS', task_key(id), 'cancel') + 1
