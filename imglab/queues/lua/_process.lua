-- How a claim is known to be of one process.

-- What a token has, behind its attempt, when that process made the claim; see process_mark() in
-- nonces.py.
local function mark_of(host, pid) return ':' .. redis.sha1hex(host .. ':' .. pid):sub(1, 8) end
