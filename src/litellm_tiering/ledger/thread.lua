-- The rank that a conversation has reached: a string "rank expires", in seconds since the epoch of the
-- caller's clock. Takes no KEYS and no ARGV of its own.

local function kept_rank(key, now)
  local rank, expires = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
  if rank and tonumber(expires) > now then
    return tonumber(rank)
  end
  return 0
end

-- Keep a rank for another `ttl` seconds. Rank 0 is not kept: nothing can fall below it.
local function keep(key, now, ttl, rank)
  if rank > 0 then
    redis.call('SET', key, rank .. ' ' .. string.format('%d', now + ttl), 'EX', ttl)
  end
end
