-- mark_completed: record the result of a claim, once.
-- ARGV[3] id  ARGV[4] claim  ARGV[5] worker  ARGV[6] result (JSON)
-- Returns 1 recorded, 2 recorded before by this claim, 0 stale.
return complete(ARGV[3], ARGV[4], ARGV[5], ARGV[6])
