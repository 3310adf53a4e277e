-- Count a cost and let go of a hold, once per attempt. A release is a settle with a cost of 0.
--
-- KEYS[1]      the attempt's mark
-- KEYS[2]      the index of live counters
-- KEYS[2 + i]  the counters, i = 1 .. n, each once
-- ARGV[1]      now, in whole seconds since the epoch
-- ARGV[2]      for how many seconds the mark is kept
-- ARGV[3]      the cost
-- ARGV[4]      the amount held; 0 when nothing was
-- ARGV[5]      when the hold lapses: the end of its bucket
-- ARGV[5 + i]  expires_s of counter i
--
-- Returns 1, or 0 when this attempt was ended before

local now, cost, amount, bucket = tonumber(ARGV[1]), ARGV[3], ARGV[4], 'h:' .. ARGV[5]

if not redis.call('SET', KEYS[1], '', 'NX', 'EX', ARGV[2]) then
  return 0
end
for i = 1, #KEYS - 2 do
  local key = KEYS[2 + i]
  if cost ~= '0' then
    local expires = redis.call('HGET', key, 'e')
    if (expires and tonumber(expires) > now) or create(key, ARGV[5 + i], now, KEYS[2]) then
      redis.call('HINCRBY', key, 's', cost)
    end
  end
  if amount ~= '0' then
    -- The bucket may be gone (lapsed, or the store was emptied) and is never brought below nothing.
    local held = redis.call('HGET', key, bucket)
    if held and tonumber(held) <= tonumber(amount) then
      redis.call('HDEL', key, bucket)
    elseif held then
      redis.call('HINCRBY', key, bucket, '-' .. amount)
    end
  end
end
return 1
