-- Take a notice down.
--
-- KEYS[1]  the notices' texts
-- KEYS[2]  when they lapse
-- KEYS[3]  the history
-- ARGV[1]  now, in whole seconds since the epoch
-- ARGV[2]  what the notices' state is called from here on
-- ARGV[3]  the entry for the history; empty for none
-- ARGV[4]  how many entries are kept at most
-- ARGV[5]  for how many seconds they are kept
-- ARGV[6]  the notice's name
--
-- Returns {1}, or {0} when there is no such notice

local now = tonumber(ARGV[1])
if not live(KEYS[2], ARGV[6], now) then
  return { 0 }
end
drop(KEYS[1], KEYS[2], ARGV[6])
redis.call('HSET', KEYS[1], '', ARGV[2])
outlive(KEYS[1], KEYS[2], now)
note(KEYS[3], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]))
return { 1 }
