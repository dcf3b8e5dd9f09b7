-- reap: give back every task whose lease ran out, and those of a worker that is known to be dead.
-- ARGV[3] dead, the name of a dead worker, '' for none  ARGV[4] random 0…1
-- Needs _finish
-- Returns how many were given back.
local dead, random = unpack(ARGV, 3)
if dead ~= '' then redis.call('HDEL', workers, dead) end
local reaped = reap(tonumber(random), dead)
return reaped
