-- get_tasks: claim the next tasks for one worker, who holds each for one lease.
-- ARGV[3] worker  ARGV[4] nonce, new for each claim  ARGV[5] pid  ARGV[6] host  ARGV[7] random 0…1
-- ARGV[8] limit, how many at the most
-- ARGV[9] again, '1' when this nonce was sent before, '' for a new one
-- Returns {id, payload, priority, attempt, claim} of each, or {ms until something is due}: 0 to ask again.
local worker, nonce, pid, host, random, limit, again = unpack(ARGV, 3)
if again == '1' then
  local claims = claimed_before(worker, nonce)
  if #claims > 0 then return claims end
end
redis.call('HDEL', workers, worker) -- first, for a server that is full; see complete()
return claim_tasks(worker, nonce, pid, host, tonumber(random), tonumber(limit))
