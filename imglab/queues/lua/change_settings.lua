-- change_settings: store the queue's settings, if those that are stored may be replaced.
-- ARGV[3] settings_text, JSON for people, in the units of QueueSettings
-- ARGV[4] instead_of: what has to be stored, '' for nothing, '*' for anything
-- Returns what is stored now.
local settings_text, instead_of = unpack(ARGV, 3)
local stored = redis.call('HGET', meta, 'settings') or ''
if stored ~= instead_of and instead_of ~= '*' then return stored end
redis.call('HSET', meta, 'settings', settings_text)
return settings_text
