-- count_places: in how many places an id is at this moment, counted up to `most`.
-- ARGV[3] id  ARGV[4] most
-- Returns how many.
local id, most = unpack(ARGV, 3)
most = tonumber(most)
local places = redis.call('HEXISTS', processing, id)
if redis.call('ZSCORE', delayed, id) then places = places + 1 end

-- Those first into which most tasks move.
local LISTS = {completed, failed, cancelled, unpack(KEYS, FIRST_LINE)}
for _, list in ipairs(LISTS) do
  if places >= most then break end
  places = places + #redis.call('LPOS', list, id, 'COUNT', whole(most - places))
end
return places
