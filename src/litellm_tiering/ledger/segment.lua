-- Put before the scripts on segments; takes no KEYS and no ARGV of its own.
--
-- A segment is a hash:
--   t   the turn
--   b   1 when it is bypassed, else 0
--   w   the latest judged answers of this turn, newest last: 1 rejected, 0 accepted
--   e   when it is forgotten, in seconds since the epoch; pushed on whenever it changes
-- The index is a sorted set of the segments' keys, scored by e. They share its hash tag, so they are on this
-- node. Nothing newer than Redis 6.2 is used.

-- A segment's turn, whether it is bypassed, and its window; the first turn's beginning when it is not live.
local function look(key, now)
  local turn, bypassed, window, expires = unpack(redis.call('HMGET', key, 't', 'b', 'w', 'e'))
  if not expires or tonumber(expires) <= now then
    return 0, 0, '', false
  end
  return tonumber(turn), tonumber(bypassed), window, true
end

-- Keep a segment for another `forget` seconds, counted from the caller's clock. A new one takes the place of
-- the one untouched for longest, once there are `most`.
local function keep(index, key, now, forget, most, turn, bypassed, window)
  redis.call('HSET', key, 't', turn, 'b', bypassed, 'w', window, 'e', now + forget)
  redis.call('EXPIRE', key, forget)
  if not redis.call('ZSCORE', index, key) then
    redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
    local over = redis.call('ZCARD', index) + 1 - most
    if over > 0 then
      local oldest = redis.call('ZPOPMIN', index, over)
      for i = 1, #oldest, 2 do
        redis.call('DEL', oldest[i])
      end
    end
  end
  redis.call('ZADD', index, now + forget, key)
  redis.call('EXPIRE', index, forget)
end
