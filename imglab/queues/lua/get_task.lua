-- get_task: claim the next task for one worker, who holds it for one lease.
-- ARGV[3] worker  ARGV[4] nonce, new for each claim  ARGV[5] about the worker  ARGV[6] random 0…1
-- Returns {id, payload, priority, attempt, claim}, or {ms until something is due}.
return claim(ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]))
