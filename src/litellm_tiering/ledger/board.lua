-- Put before the scripts on the board; takes no KEYS and no ARGV of its own.
--
-- Notices and claims are kept alike, in a hash and a sorted set of one hash tag:
--   the hash        a name's text: "expires posted value" of a notice, who claimed it of a claim. A notice's
--                   name is never empty: under the empty one stands what the notices' state is called, anew
--                   after every change
--   the sorted set  the names, scored by when they lapse, in seconds since the epoch
-- Nothing newer than Redis 6.2 is used.

-- When a name lapses, where that is not over; else false.
local function live(lapses, name, now)
  local at = redis.call('ZSCORE', lapses, name)
  return at and tonumber(at) > now
end

-- Let go of a name.
local function drop(texts, lapses, name)
  redis.call('HDEL', texts, name)
  redis.call('ZREM', lapses, name)
end

-- Let go of all that has lapsed.
local function forget(texts, lapses, now)
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', lapses, '-inf', now)) do
    drop(texts, lapses, name)
  end
end

-- Both keys go with the last name in them, counted from the caller's clock.
local function outlive(texts, lapses, now)
  local last = redis.call('ZREVRANGE', lapses, 0, 0, 'WITHSCORES')[2]
  if last and tonumber(last) > now then
    redis.call('EXPIRE', texts, tonumber(last) - now)
    redis.call('EXPIRE', lapses, tonumber(last) - now)
  else
    redis.call('DEL', texts, lapses)
  end
end

-- Keep a name until `at`.
local function keep(texts, lapses, name, text, at)
  redis.call('HSET', texts, name, text)
  redis.call('ZADD', lapses, at, name)
end

-- Add an entry to the history, the same one only once: a script may be sent twice.
local function note(history, entry, most, seconds)
  if entry ~= '' and redis.call('LINDEX', history, 0) ~= entry then
    redis.call('LPUSH', history, entry)
    redis.call('LTRIM', history, 0, most - 1)
    redis.call('EXPIRE', history, seconds)
  end
end
