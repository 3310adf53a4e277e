-- Put before every other script; takes no KEYS and no ARGV of its own.
--
-- A counter is a hash of whole numbers, money in nano-dollars:
--   s              spent
--   e              when it may be forgotten, in seconds since the epoch; set once
--   r              how much of what is spent was restored, in a store that had come back empty
--   <lapses_s>     held until then; not counted afterwards, and dropped by the next reserve. 0.1.0 wrote
--                  h:<lapses_s>, which takes more room
-- The index is a sorted set of the live counters' keys, scored by e, and by e + OWNERS where clients do not
-- choose the id: those are told first, and are the last to make room. 0.1.0 scored all of them by e.
--
-- Lua's numbers are exact up to 2^53. They are only compared here; sums that are stored are Redis's own
-- (HINCRBY), which are 64-bit integers. Nothing newer than Redis 6.2 is used.

local INDEX_MAX = 5000
local OWNERS = 2 ^ 40
local NAME_AT = string.len('ltt:{t}:c:') + 1

-- Take counters that may be forgotten out of the index.
local function tidy(index, now)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  redis.call('ZREMRANGEBYSCORE', index, OWNERS, string.format('%.0f', OWNERS + now))
end

local function rank(key, expires)
  if string.find(key, 'end_user|', NAME_AT, true) == NAME_AT or string.find(key, 'tag|', NAME_AT, true) == NAME_AT then
    return expires
  end
  return string.format('%.0f', OWNERS + tonumber(expires))
end

-- The state of a counter: spent (as stored), reserved, whether it is live, and the lapsed fields.
local function read(key, now)
  local spent, reserved, live, lapsed = '0', 0, false, {}
  local flat = redis.call('HGETALL', key)
  for i = 1, #flat, 2 do
    local field, value = flat[i], flat[i + 1]
    if field == 's' then
      spent = value
    elseif field == 'e' then
      live = tonumber(value) > now
    elseif field ~= 'r' then
      if (tonumber(field) or tonumber(string.sub(field, 3))) > now then
        reserved = reserved + tonumber(value)
      else
        lapsed[#lapsed + 1] = field
      end
    end
  end
  if not live then
    return '0', 0, false, {}
  end
  return spent, reserved, true, lapsed
end

-- Create a counter that is not live; false when it may be forgotten already. The time to live is counted
-- from the caller's clock, so that Redis's own may be off.
local function create(key, expires, now, index)
  redis.call('DEL', key)
  local left = tonumber(expires) - now
  if left <= 0 then
    return false
  end
  redis.call('HSET', key, 'e', expires)
  redis.call('EXPIRE', key, left)
  tidy(index, now)
  redis.call('ZADD', index, rank(key, expires), key)
  redis.call('ZREMRANGEBYRANK', index, 0, -(INDEX_MAX + 1))
  if redis.call('TTL', index) < left then
    redis.call('EXPIRE', index, left)
  end
  return true
end
