-- Decisions, newest first: one page is looked at.
--
-- KEYS[1]  the order, or that of one owner
-- KEYS[2]  the facets
-- KEYS[3]  the rows
-- KEYS[4]  the ratings
-- ARGV[1]  how many are looked at
-- ARGV[2]  how many are wanted
-- ARGV[3]  what was decided before this is looked at, in microseconds since the epoch
-- ARGV[4]  of those decided at that very time, what comes after this id; empty for none
-- ARGV[5]  what was decided before this is not looked at
-- ARGV[6]  a piece of text that the facets hold, and so on
--
-- Returns {1, or 0 when there is nothing more to look at; the time of the last one that was looked at, its
-- id, row 1, ratings 1, row 2, ...}

local most, wanted, since = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[5])
local ids, skipped = {}, 0
local score = ARGV[4] ~= '' and redis.call('ZSCORE', KEYS[1], ARGV[4])
if score and tonumber(score) == tonumber(ARGV[3]) then
  local rank = redis.call('ZREVRANK', KEYS[1], ARGV[4])
  ids = redis.call('ZREVRANGE', KEYS[1], rank + 1, rank + most)
else
  local from = ARGV[4] == '' and '(' .. ARGV[3] or ARGV[3]
  ids = redis.call('ZREVRANGEBYSCORE', KEYS[1], from, ARGV[5], 'LIMIT', 0, most)
  -- The id is gone: of those decided at that very time, those that would come before it.
  while ARGV[4] ~= '' and skipped < #ids and ids[skipped + 1] >= ARGV[4]
    and tonumber(redis.call('ZSCORE', KEYS[1], ids[skipped + 1])) == tonumber(ARGV[3]) do
    skipped = skipped + 1
  end
end
if #ids == 0 then
  return { 0, '', '' }
end

local found, last = {}, #ids
local facets = redis.call('HMGET', KEYS[2], unpack(ids))
for i = skipped + 1, #ids do
  local fits = facets[i]
  for j = 6, #ARGV do
    fits = fits and string.find(facets[i], ARGV[j], 1, true)
  end
  if fits then
    found[#found + 1] = ids[i]
    if #found == wanted then
      last = i
      break
    end
  end
end

local at = redis.call('ZSCORE', KEYS[1], ids[last])
local reply = { 1, at, ids[last] }
for _, id in ipairs(found) do
  if since > 0 and tonumber(redis.call('ZSCORE', KEYS[1], id)) < since then
    break
  end
  reply[#reply + 1] = redis.call('HGET', KEYS[3], id) or ''
  reply[#reply + 1] = redis.call('HGET', KEYS[4], id) or ''
end
if tonumber(at) < since or (#ids < most and last == #ids and #found < wanted) then
  reply[1] = 0
end
return reply
