-- complete_and_claim: mark_completed for each of some tasks, then get_tasks, in one round trip.
-- ARGV[3] worker  ARGV[4] nonce  ARGV[5] pid  ARGV[6] host  ARGV[7] random 0…1
-- ARGV[8] limit, how many to claim at the most: with 0 nothing is claimed
-- ARGV[9] again, '1' when this nonce was sent before, '' for a new one
-- ARGV[10..] id, claim, result, id, claim, result …
-- Returns for each what mark_completed returns, then, unless one of them is 0, what get_tasks returns.
local worker, nonce, pid, host, random, limit, again = unpack(ARGV, 3)
limit = tonumber(limit)
local replies = {}
for i = 10, #ARGV, 3 do
  local reply = complete(ARGV[i], ARGV[i + 1], worker, ARGV[i + 2])
  replies[#replies + 1] = reply
  if reply == STALE then limit = 0 end -- the caller will hear of a lost lease, and of nothing else
end
if limit == 0 then return replies end
if again == '1' then
  local claims = claimed_before(worker, nonce)
  if #claims > 0 then
    replies[#replies + 1] = claims
    return replies
  end
  redis.call('HDEL', workers, worker) -- what was completed before wrote nothing; see complete()
end
replies[#replies + 1] = claim_tasks(worker, nonce, pid, host, tonumber(random), limit)
return replies
