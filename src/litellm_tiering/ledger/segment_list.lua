-- A page of the live segments, those touched last first. Only a page, because Redis does nothing else
-- meanwhile.
--
-- KEYS[1]  the index of segments
-- ARGV[1]  now, in whole seconds since the epoch
-- ARGV[2]  how many were looked at before
-- ARGV[3]  how many to look at
--
-- Returns {how many were looked at, key 1, turn 1, bypassed 1, window 1, key 2, ...}

local now = tonumber(ARGV[1])
local keys = redis.call('ZREVRANGE', KEYS[1], ARGV[2], ARGV[2] + ARGV[3] - 1)
local reply = { #keys }
for _, key in ipairs(keys) do
  local turn, bypassed, window, live = look(key, now)
  if live then
    local n = #reply
    reply[n + 1], reply[n + 2], reply[n + 3], reply[n + 4] = key, turn, bypassed, window
  end
end
return reply
