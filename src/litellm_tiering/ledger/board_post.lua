-- Put up a notice, in place of another of its name.
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
-- ARGV[7]  its text
-- ARGV[8]  when it lapses, in seconds since the epoch
-- ARGV[9]  how many notices there may be
--
-- Returns {1}, or {0} and nothing is changed when there are too many

local now = tonumber(ARGV[1])
forget(KEYS[1], KEYS[2], now)
local name, at = ARGV[6], tonumber(ARGV[8])
local others = redis.call('ZCARD', KEYS[2]) - (redis.call('ZSCORE', KEYS[2], name) and 1 or 0)
if at > now and others >= tonumber(ARGV[9]) then
  return { 0 }
end
drop(KEYS[1], KEYS[2], name)
if at > now then
  keep(KEYS[1], KEYS[2], name, ARGV[7], ARGV[8])
end
redis.call('HSET', KEYS[1], '', ARGV[2])
outlive(KEYS[1], KEYS[2], now)
note(KEYS[3], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]))
return { 1 }
