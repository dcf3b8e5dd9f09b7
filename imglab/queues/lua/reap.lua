-- reap: give back every task whose lease ran out, and those of a worker that is known to be dead.
-- ARGV[3] the dead worker, '' for none  ARGV[4] random 0…1
-- Returns how many were given back.
if ARGV[3] ~= '' then redis.call('HDEL', workers, ARGV[3]) end
return (reap(tonumber(ARGV[4]), ARGV[3]))
