-- get_tasks: claim the next tasks for one worker, who holds each for one lease.
-- ARGV[3] worker  ARGV[4] nonce, new for each claim  ARGV[5] about the worker  ARGV[6] random 0…1
-- ARGV[7] how many at the most
-- Returns {id, payload, priority, attempt, claim} of each, or {ms until something is due}.
return claim(ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), true)
