-- Put before scripts that mark attempts; takes no KEYS and no ARGV of its own. See marks.py.

local FULL = 511

-- Mark an attempt as ended; false when it was before.
--   first, levels, sets   KEYS[first] and those after it are the sets that the mark may be in: of each level
--                         one, where it is put, and then the neighbours, `sets` in all
--   number                the mark
--   ends                  when the last hold of these sets lapses, in seconds since the epoch
--   ttl                   for how many seconds a mark is kept at least
local function mark(first, levels, sets, number, now, ends, ttl)
  for i = first, first + sets - 1 do
    if redis.call('SISMEMBER', KEYS[i], number) == 1 then
      return false
    end
  end
  for i = first, first + levels - 1 do
    local size = redis.call('SCARD', KEYS[i])
    if size < FULL or i == first + levels - 1 then
      redis.call('SADD', KEYS[i], number)
      -- Once for all that are ended before their holds lapse; a later one may have to push it on.
      if size == 0 or now > ends then
        local left = ttl + math.max(0, ends - now)
        if redis.call('TTL', KEYS[i]) < left then
          redis.call('EXPIRE', KEYS[i], left)
        end
      end
      return true
    end
  end
end
