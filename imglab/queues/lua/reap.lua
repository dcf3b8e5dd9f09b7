-- reap: give back every task whose lease ran out, and those of a worker that is known to be dead.
-- ARGV[3] dead, the name of a dead worker, '' for none  ARGV[4] pid, its process, '' for whichever it was
-- ARGV[5] host, where that process was  ARGV[6] random 0…1
-- Returns how many were given back.
local dead, pid, host, random = unpack(ARGV, 3)

local mark = ''
if pid ~= '' then mark = mark_of(host, pid) end

-- By now another process may have this name: neither its record nor its tasks are touched.
local about = read_json(redis.call('HGET', workers, dead)) or {}
local is_other = pid ~= '' and (about.pid ~= tonumber(pid) or about.host ~= host)
if dead ~= '' and not is_other then redis.call('HDEL', workers, dead) end
local reaped = reap(tonumber(random), dead, mark)
return reaped
