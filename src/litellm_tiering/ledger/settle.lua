-- Count a cost and let go of a hold, once per attempt, and add to the day's totals with it. A release is a
-- settle with a cost of 0.
--
-- KEYS[1]          the index of live counters
-- KEYS[2]          where the store's identity is kept
-- KEYS[2 + i]      the sets that the attempt's mark may be in, i = 1 .. m
-- KEYS[2 + m + i]  the counters, i = 1 .. n, each once
-- then, with a tally, the four keys of tally.lua
-- ARGV[1]          now, in whole seconds since the epoch
-- ARGV[2]          for how many seconds the mark is kept at least
-- ARGV[3]          when the last hold of the mark's sets lapses, in seconds since the epoch
-- ARGV[4]          the mark
-- ARGV[5]          into how many of the sets the mark may be put: the first ones
-- ARGV[6]          m, the number of sets
-- ARGV[7]          n, the number of counters
-- ARGV[8]          the cost
-- ARGV[9]          the amount held; 0 when nothing was
-- ARGV[10]         when the hold lapses: the end of its bucket
-- ARGV[10 + i]     expires_s of counter i
-- then, with a tally, the arguments of tally.lua
--
-- Returns {1, or 0 when this attempt was ended before; spent of counter 1, of counter 2, ...; the identity}

local now, ttl, ends, number = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local levels, m, n = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local cost, amount, bucket = ARGV[8], ARGV[9], ARGV[10]

-- All are looked at before the first is changed: what is no counter is found out in time.
local reply, live, held = { 0 }, {}, {}
for i = 1, n do
  local found = redis.call('HMGET', KEYS[2 + m + i], 's', 'e', bucket)
  live[i] = found[2] and tonumber(found[2]) > now
  reply[1 + i] = live[i] and found[1] or '0'
  held[i] = found[3]
end
reply[2 + n] = redis.call('GET', KEYS[2]) or ''
if not mark(3, levels, m, number, now, ends, ttl) then
  return reply
end
reply[1] = 1
for i = 1, n do
  local key = KEYS[2 + m + i]
  if cost ~= '0' and (live[i] or create(key, ARGV[10 + i], now, KEYS[1])) then
    redis.call('HINCRBY', key, 's', cost)
    reply[1 + i] = redis.call('HGET', key, 's')
  end
  if amount ~= '0' and held[i] then
    -- The bucket may be gone (lapsed, or the store was emptied) and is never brought below nothing.
    if tonumber(held[i]) <= tonumber(amount) then
      redis.call('HDEL', key, bucket)
    else
      redis.call('HINCRBY', key, bucket, '-' .. amount)
    end
  end
end
if #KEYS > 2 + m + n then
  -- What is wrong with the totals' keys is no reason to settle again: the money is counted.
  pcall(tally, 3 + m + n, 11 + n, now)
end
return reply
