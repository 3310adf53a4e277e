-- Admit the first option that every limit allows and hold its amount, or hold nothing.
-- Mirrors choose() in core/budget.py line by line; a contract test holds the two together.
--
-- KEYS[1]      the index of live counters
-- KEYS[1 + i]  the counter of limit i, i = 1 .. n; two limits may share one
-- then, in a conversation, where its rank is read, and where it is kept for the next turns
-- ARGV[1]      now, in whole seconds since the epoch
-- ARGV[2]      when the hold lapses: the end of its bucket
-- ARGV[3]      n, the number of limits
-- ARGV[4]      the number of alternatives; the last one whose rank the conversation has reached is asked
-- ARGV[5]      for how many seconds the conversation's rank is kept
-- then for each alternative, by rising rank, beginning at b = 6:
-- ARGV[b]      from which rank of the conversation on it is asked
-- ARGV[b + 1]  the least rank that is kept then
-- ARGV[b + 2]  1 when the last option is the cheapest tier, else 0
-- ARGV[b + 3]  m, the number of options
-- ARGV[b + 3 + j]  the amount of option j, j = 1 .. m, dearest first
-- then for each limit i: expires_s, ceiling, block (1 or 0), below for option 1 .. m; -1 stands for no bound
--
-- Returns {option or 0, limit that decided or 0, 1 when a ceiling decided, the rank that was kept,
-- spent 1, reserved 1, spent 2, ...}

local index, now, bucket, n = KEYS[1], tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local talking, kept, b = #KEYS > 1 + n, 0, 6
if talking then
  kept = kept_rank(KEYS[2 + n], now)
end
for _ = 2, tonumber(ARGV[4]) do
  local m = tonumber(ARGV[b + 3])
  local after = b + 4 + m + n * (3 + m)
  if tonumber(ARGV[after]) > kept then
    break
  end
  b = after
end
local floor, m = ARGV[b + 2] == '1', tonumber(ARGV[b + 3])

local function amount(option)
  return tonumber(ARGV[b + 3 + option])
end

local function field(limit, at)
  return ARGV[b + 3 + m + (limit - 1) * (3 + m) + at]
end

local used, ceiling, block, live, lapsed = {}, {}, {}, {}, {}
local reply = { 0, 0, 0, kept }
for i = 1, n do
  local spent, reserved
  spent, reserved, live[i], lapsed[i] = read(KEYS[1 + i], now)
  used[i] = tonumber(spent) + reserved
  ceiling[i], block[i] = tonumber(field(i, 2)), field(i, 3) == '1'
  reply[3 + 2 * i], reply[4 + 2 * i] = spent, reserved
end

local function over(sum)
  local found = {}
  for i = 1, n do
    if ceiling[i] ~= -1 and used[i] + sum > ceiling[i] then
      found[#found + 1] = i
    end
  end
  return found
end

local function first_blocking(found)
  for _, i in ipairs(found) do
    if block[i] then
      return i
    end
  end
  return nil
end

-- Returns the option or 0, the limit that decided or 0, and 1 when a ceiling decided.
local function choose()
  local option, by = 1, 0
  for i = 1, n do
    -- The last option has no threshold: thresholds move requests down, only ceilings refuse.
    while option < m and tonumber(field(i, 3 + option)) ~= -1 and used[i] >= tonumber(field(i, 3 + option)) do
      option, by = option + 1, i
    end
  end
  local passed = over(amount(option))
  if #passed == 0 then
    return option, by, 0
  end
  local blocking = first_blocking(passed)
  if blocking or not floor then
    return 0, blocking or passed[1], 1
  end
  blocking = first_blocking(over(amount(m)))
  if blocking then
    return 0, blocking, 1
  end
  return m, passed[1], 1
end

reply[1], reply[2], reply[3] = choose()
if talking and reply[1] ~= 0 then
  local under = KEYS[3 + n]
  keep(under, now, tonumber(ARGV[5]), math.max(kept, tonumber(ARGV[b + 1]), kept_rank(under, now)))
end
if reply[1] == 0 or amount(reply[1]) == 0 then
  return reply
end

local sum = ARGV[b + 3 + reply[1]]
local done = {}
for i = 1, n do
  local key = KEYS[1 + i]
  if not done[key] then
    done[key] = true
    if live[i] or create(key, field(i, 1), now, index) then
      if #lapsed[i] > 0 then
        redis.call('HDEL', key, unpack(lapsed[i]))
      end
      redis.call('HINCRBY', key, bucket, sum)
    end
  end
end
return reply
