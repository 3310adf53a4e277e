-- A page of what is spent of the live counters, for the day on which this store comes back empty; those that
-- may be forgotten last come first. Whoever asks for the first page takes the turn, and reads the others.
--
-- KEYS[1]  the index of live counters. The counters it names share its hash tag, so they are on this node.
-- KEYS[2]  where the store's identity is kept
-- KEYS[3]  the turn
-- ARGV[1]  now, in whole seconds since the epoch
-- ARGV[2]  how many live counters were looked at before
-- ARGV[3]  how many to look at
-- ARGV[4]  for how many milliseconds a turn is nobody else's
--
-- Returns {the identity, how many were looked at, key 1, spent 1, expires_s 1, key 2, ...}; only the identity
-- where it is another process's turn

local now, from = tonumber(ARGV[1]), tonumber(ARGV[2])
local reply = { redis.call('GET', KEYS[2]) or '' }
if from == 0 and not redis.call('SET', KEYS[3], 1, 'NX', 'PX', ARGV[4]) then
  return reply
end
local keys = redis.call('ZREVRANGE', KEYS[1], from, from + ARGV[3] - 1)
reply[2] = #keys
for _, key in ipairs(keys) do
  local found = redis.call('HMGET', key, 's', 'e')
  if found[1] and found[2] and tonumber(found[2]) > now then
    reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = key, found[1], found[2]
  end
end
return reply
