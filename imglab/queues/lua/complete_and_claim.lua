-- complete_and_claim: mark_completed, then get_task, in one round trip.
-- ARGV[3..6] as in mark_completed  ARGV[7] nonce  ARGV[8] about the worker  ARGV[9] random 0…1
-- Returns what mark_completed returns, followed, unless it is 0, by what get_task returns.
local recorded = complete(ARGV[3], ARGV[4], ARGV[5], ARGV[6])
if recorded == 0 then return {0} end
return {recorded, claim(ARGV[5], ARGV[7], ARGV[8], tonumber(ARGV[9]))}
