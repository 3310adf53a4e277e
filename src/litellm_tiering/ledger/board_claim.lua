-- Claim a name, unless somebody else has.
--
-- KEYS[1]  who claimed what
-- KEYS[2]  when claims lapse
-- ARGV[1]  now, in whole seconds since the epoch
-- ARGV[2]  the name
-- ARGV[3]  who claims it: unique, so that a script that is sent twice finds its own claim
-- ARGV[4]  when the claim lapses, in seconds since the epoch
-- ARGV[5]  how many claims are remembered at most
--
-- Returns {1} for the first claim, else {0}

local now = tonumber(ARGV[1])
if live(KEYS[2], ARGV[2], now) then
  return { redis.call('HGET', KEYS[1], ARGV[2]) == ARGV[3] and 1 or 0 }
end
forget(KEYS[1], KEYS[2], now)
local over = redis.call('ZCARD', KEYS[2]) + 1 - tonumber(ARGV[5])
for _, name in ipairs(over > 0 and redis.call('ZRANGE', KEYS[2], 0, over - 1) or {}) do
  drop(KEYS[1], KEYS[2], name)
end
keep(KEYS[1], KEYS[2], ARGV[2], ARGV[3], ARGV[4])
outlive(KEYS[1], KEYS[2], now)
return { 1 }
