-- complete_and_claim: mark_completed for each of some tasks, then get_tasks, in one round trip.
-- ARGV[3..7] as in get_tasks; with 0 at the most, nothing is claimed
-- ARGV[8] '1' when this nonce was sent before, '' for a new one  ARGV[9..] id, claim, result, id …
-- Returns for each what mark_completed returns, then, unless one of them is 0, what get_tasks returns.
local worker, limit, again, replies = ARGV[3], tonumber(ARGV[7]), ARGV[8] == '1', {}
for i = 9, #ARGV, 3 do
  replies[#replies + 1] = complete(ARGV[i], ARGV[i + 1], worker, ARGV[i + 2])
  if replies[#replies] == 0 then limit = 0 end -- the caller will hear of a lost lease, and of nothing else
end
if limit > 0 then replies[#replies + 1] = claim(worker, ARGV[4], ARGV[5], tonumber(ARGV[6]), limit, again) end
return replies
