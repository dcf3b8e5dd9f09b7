-- renew_all: the heartbeat for all that one process holds, sent by whoever stands in for it.
-- ARGV[3] worker  ARGV[4] pid  ARGV[5] host
-- Returns 1 renewed, 2 renewed but somebody asked to cancel one of them, 0 there was nothing.
local worker, pid, host = unpack(ARGV, 3)
local NOTHING = 0
local RENEWED = 1
local CANCEL_ASKED = 2

local mark = mark_of(host, pid)
local answer = NOTHING
local entries = redis.call('HGETALL', processing)
for i = 1, #entries, 2 do
  local id = entries[i]
  local claim = read_json(entries[i + 1])
  local is_ours = claim and claim.worker == worker and tostring(claim.claim):find(mark, 1, true)
  if is_ours then
    claim.deadline = now + LEASE
    redis.call('HDEL', processing, id) -- first, for a server that is full; see complete()
    redis.call('HSET', processing, id, cjson.encode(claim))
    if is_cancelled(id) then answer = CANCEL_ASKED end
    answer = math.max(answer, RENEWED)
  end
end
local about = read_json(redis.call('HGET', workers, worker))
if about and answer ~= NOTHING then
  about.seen = now
  redis.call('HSET', workers, worker, cjson.encode(about))
end
return answer
