-- mark_completed: record the result of a claim, once.
-- ARGV[3] id  ARGV[4] token  ARGV[5] worker  ARGV[6] result (JSON)
-- Returns 1 recorded, 2 recorded before by this claim, 0 stale.
local id, token, worker, result = unpack(ARGV, 3)
return complete(id, token, worker, result)
