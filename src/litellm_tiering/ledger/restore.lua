-- Raise counters to what is known of them from before the store was emptied. Whatever was restored of a
-- counter stands in its field r, so the largest figure counts once, however many come and in any order.
--
-- KEYS[1]      the index of live counters
-- KEYS[1 + i]  the counters, i = 1 .. n
-- ARGV[1]      now, in whole seconds since the epoch
-- ARGV[2 * i]  what was spent of counter i, and then when it may be forgotten
--
-- Returns {}

local now = tonumber(ARGV[1])
for i = 1, #KEYS - 1 do
  local key, spent, expires = KEYS[1 + i], ARGV[2 * i], ARGV[2 * i + 1]
  local found = redis.call('HMGET', key, 'e', 'r')
  local live = found[1] and tonumber(found[1]) > now
  local restored = live and tonumber(found[2] or '0') or 0
  if tonumber(spent) > restored and (live or create(key, expires, now, KEYS[1])) then
    redis.call('HINCRBY', key, 's', string.format('%.0f', tonumber(spent) - restored))
    redis.call('HSET', key, 'r', spent)
  end
end
return {}
