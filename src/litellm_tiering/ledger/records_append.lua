-- Keep decisions, each in place of an earlier state of it.
--
-- KEYS[1]  the order
-- KEYS[2]  the facets
-- KEYS[3]  the rows
-- KEYS[4]  the ratings
-- KEYS[5]  the owners: the keys of their orders, scored by when their latest was decided
-- KEYS[6]  the order of an owner that has none left, as far as was known; ARGV[5] of these, and then those
--          of the owners of what is kept now
-- ARGV[1]  how many decisions are kept
-- ARGV[2]  what was decided before this goes, in microseconds since the epoch
-- ARGV[3]  after how many seconds without a new one all of them go
-- ARGV[4]  how many one call takes away at most, of those too many and of those too old
-- ARGV[5]  how many owners may have none left
-- ARGV[6]  the first one's id, ARGV[7] when it was decided, ARGV[8] its facets, ARGV[9] its row, ARGV[10] and
--          ARGV[11] which KEYS are its owners' orders, 0 for none; and so on
--
-- Returns {the orders of some owners that have none left}

for i = 6, #ARGV, 6 do
  local id, at = ARGV[i], ARGV[i + 1]
  redis.call('ZADD', KEYS[1], at, id)
  redis.call('HSET', KEYS[2], id, ARGV[i + 2])
  redis.call('HSET', KEYS[3], id, ARGV[i + 3])
  for j = i + 4, i + 5 do
    local owner = KEYS[tonumber(ARGV[j])]
    if owner then
      redis.call('ZADD', owner, at, id)
      redis.call('ZADD', KEYS[5], 'GT', at, owner)
    end
  end
end
local most, at_once, gone = tonumber(ARGV[1]), tonumber(ARGV[4]), tonumber(ARGV[5])
forget(KEYS, redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[2], 'LIMIT', 0, at_once))
local excess = math.min(at_once, redis.call('ZCARD', KEYS[1]) - most)
if excess > 0 then
  forget(KEYS, redis.call('ZRANGE', KEYS[1], 0, excess - 1))
end
for i = 1, 5 do
  redis.call('EXPIRE', KEYS[i], ARGV[3])
end

-- An owner's order may hold ids that are gone: they go when its next one comes, or with its latest.
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or '+inf'
for i = 6, #KEYS do
  if i < 6 + gone then
    local latest = redis.call('ZSCORE', KEYS[5], KEYS[i])
    if latest and tonumber(latest) < (tonumber(oldest) or math.huge) then
      redis.call('UNLINK', KEYS[i])
      redis.call('ZREM', KEYS[5], KEYS[i])
    end
  else
    local stale = math.min(at_once, redis.call('ZCOUNT', KEYS[i], '-inf', '(' .. oldest))
    if stale > 0 then
      redis.call('ZREMRANGEBYRANK', KEYS[i], 0, stale - 1)
    end
    redis.call('EXPIRE', KEYS[i], ARGV[3])
  end
end
return redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', '(' .. oldest, 'LIMIT', 0, 8)
