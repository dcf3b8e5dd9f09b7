-- close_batch: say that nobody adds to a batch any more; it ends as soon as nothing of it is open.
-- ARGV[3] batch  ARGV[4] at_end, the payload (JSON) of a task to follow, '' for none  ARGV[5] at_end_priority
-- Returns 1, or 0 for a batch that there is not.
local batch, at_end, at_end_priority = unpack(ARGV, 3)
if sure('HEXISTS', batches, batch .. ':born') == 0 then return 0 end
redis.call('HSET', batches, batch .. ':closed', '1', batch .. ':at_end', at_end,
  batch .. ':at_end_priority', at_end_priority)
end_if_over(batch)
return 1
