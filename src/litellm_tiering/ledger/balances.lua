-- The state of counters, without touching them.
--
-- KEYS[i]  the counters, i = 1 .. n
-- ARGV[1]  now, in whole seconds since the epoch
--
-- Returns {spent 1, reserved 1, spent 2, reserved 2, ...}; zeros for a counter that is not there

local reply = {}
for i = 1, #KEYS do
  local spent, reserved = read(KEYS[i], tonumber(ARGV[1]))
  reply[2 * i - 1], reply[2 * i] = spent, reserved
end
return reply
