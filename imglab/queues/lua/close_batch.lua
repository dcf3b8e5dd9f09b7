-- close_batch: say that nobody adds to a batch any more; it ends as soon as nothing of it is open.
-- ARGV[3] batch
-- Returns 1, or 0 for a batch that there is not.
local batch = unpack(ARGV, 3)
if sure('HEXISTS', batches, batch .. ':born') == 0 then return 0 end
redis.call('HSET', batches, batch .. ':closed', '1')
end_if_over(batch)
return 1
