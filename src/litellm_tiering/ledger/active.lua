-- A page of the live counters and their state: those whose ids clients choose after the others, and those that
-- may be forgotten last first. Only a page, because Redis does nothing else meanwhile.
--
-- KEYS[1]  the index of live counters. The counters it names share its hash tag, so they are on this node.
-- ARGV[1]  now, in whole seconds since the epoch
-- ARGV[2]  how many live counters were told before
-- ARGV[3]  how many to look at
--
-- Returns {how many were looked at, key 1, spent 1, reserved 1, key 2, ...}

local now = tonumber(ARGV[1])
tidy(KEYS[1], now)
local keys = redis.call('ZREVRANGE', KEYS[1], ARGV[2], ARGV[2] + ARGV[3] - 1)
local reply = { #keys }
for _, key in ipairs(keys) do
  local spent, reserved, live = read(key, now)
  if live then
    reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = key, spent, reserved
  else
    -- Evicted or deleted by hand: the index follows.
    redis.call('ZREM', KEYS[1], key)
  end
end
return reply
