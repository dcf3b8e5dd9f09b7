-- forget_batch: delete what is known of a batch of which nothing is open; its tasks are left as they are.
-- ARGV[3] batch
-- Returns how many of its tasks are open, -1 for a batch that there is not.
local batch = unpack(ARGV, 3)
local born, open = unpack(sure('HMGET', batches, batch .. ':born', batch .. ':open'))
if not born then return -1 end
if as_count(open) > 0 then return as_count(open) end
redis.call('HDEL', batches, batch .. ':tasks', batch .. ':open', batch .. ':completed', batch .. ':failed',
  batch .. ':cancelled', batch .. ':born', batch .. ':about', batch .. ':closed', batch .. ':owed',
  batch .. ':at_end', batch .. ':at_end_priority', batch .. ':ends', batch .. ':ended_at')
redis.call('UNLINK', batch_key(batch), batch_key(batch) .. ':ended')
return 0
