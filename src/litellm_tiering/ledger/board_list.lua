-- The notices, where they have changed.
--
-- KEYS[1]  the notices' texts
-- ARGV[1]  what the state was called that the caller has; empty for none
--
-- Returns {0} when the caller has them, else {1, '', the state's name, name 1, text 1, name 2, ...}; those
-- that have lapsed may be among them

local state = redis.call('HGET', KEYS[1], '') or ''
if state == ARGV[1] then
  return { 0 }
end
local reply = redis.call('HGETALL', KEYS[1])
table.insert(reply, 1, 1)
return reply
