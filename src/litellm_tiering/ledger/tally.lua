-- Put before scripts that add to a day's totals; takes no KEYS and no ARGV of its own. See totals_redis.py.
--
-- A day is a hash of whole numbers:
--   e               when it may be forgotten, in seconds since the epoch; set once
--   n               how many rows there are, without that of the others
--   =<row>          the number of a row; that of the others is 0
--   <number><what>  what the row counts: r requests, f refused, a attempts, c cost, b baseline, w waste
-- Its hours' baseline is another one:
--   n               how many teams there are, without everybody
--   =<team>         the number of a team; everybody is 0
--   <number>:<hour> the baseline
-- Its hours' cost is a third one, alike, for three days; a day that it does not begin with has none.
-- The index of days is a sorted set of the days that are known, scored by e.

local WHAT = { 'r', 'f', 'a', 'c', 'b', 'w' }
local SPENDING_S = 259200

-- Create a day that is not live; false when it may be forgotten already.
local function begin(day, hours, spending, index, name, expires, now)
  redis.call('DEL', day, hours, spending)
  local left = tonumber(expires) - now
  if left <= 0 then
    return false
  end
  redis.call('HSET', day, 'e', expires, 'n', 0)
  redis.call('EXPIRE', day, left)
  redis.call('HSET', hours, 'n', 0)
  redis.call('EXPIRE', hours, left)
  redis.call('HSET', spending, 'n', 0)
  redis.call('EXPIRE', spending, math.min(left, SPENDING_S))
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  redis.call('ZADD', index, expires, name)
  if redis.call('TTL', index) < left then
    redis.call('EXPIRE', index, left)
  end
  return true
end

-- The number of a name in a hash that tells at most `most` names apart; nil for one too many.
local function number(key, name, most)
  local found = redis.call('HGET', key, '=' .. name)
  if found then
    return found
  end
  if tonumber(redis.call('HGET', key, 'n') or '0') >= most then
    return nil
  end
  found = redis.call('HINCRBY', key, 'n', 1)
  redis.call('HSET', key, '=' .. name, found)
  return found
end

-- Add to an hour of everybody's and of a team's.
local function hourly(key, team, teams, hour, amount)
  redis.call('HINCRBY', key, '0:' .. hour, amount)
  local found = team ~= '' and number(key, team, tonumber(teams))
  if found then
    redis.call('HINCRBY', key, found .. ':' .. hour, amount)
  end
end

-- Add one tally.
--   KEYS[k]       the day
--   KEYS[k + 1]   its hours' baseline
--   KEYS[k + 2]   its hours' cost
--   KEYS[k + 3]   the index of days
--   ARGV[a]       the day's name
--   ARGV[a + 1]   when it may be forgotten
--   ARGV[a + 2]   the row; empty for that of the others
--   ARGV[a + 3]   how many rows there are at most, without that of the others
--   ARGV[a + 4]   the team; empty for none
--   ARGV[a + 5]   how many teams there are at most
--   ARGV[a + 6]   the hour; -1 for none
--   ARGV[a + 7]   what is added, and the five after it: in the order of WHAT
local function tally(k, a, now)
  local day, hours, spending = KEYS[k], KEYS[k + 1], KEYS[k + 2]
  local expires = redis.call('HGET', day, 'e')
  if not (expires and tonumber(expires) > now) then
    if not begin(day, hours, spending, KEYS[k + 3], ARGV[a], ARGV[a + 1], now) then
      return
    end
  end
  local row = ARGV[a + 2] ~= '' and number(day, ARGV[a + 2], tonumber(ARGV[a + 3])) or '0'
  for i = 1, #WHAT do
    if ARGV[a + 6 + i] ~= '0' then
      redis.call('HINCRBY', day, row .. WHAT[i], ARGV[a + 6 + i])
    end
  end
  local cost, baseline, hour = ARGV[a + 10], ARGV[a + 11], ARGV[a + 6]
  if hour == '-1' then
    return
  end
  if baseline ~= '0' then
    hourly(hours, ARGV[a + 4], ARGV[a + 5], hour, baseline)
  end
  if cost ~= '0' and redis.call('EXISTS', spending) == 1 then
    hourly(spending, ARGV[a + 4], ARGV[a + 5], hour, cost)
  end
end
