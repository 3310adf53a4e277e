-- Note what a caller says of a decision's answer, in place of what it said before.
--
-- KEYS[1]  the rows
-- KEYS[2]  the ratings
-- ARGV[1]  the decision's id
-- ARGV[2]  the caller, in hexadecimal digits
-- ARGV[3]  the score
-- ARGV[4]  how many callers' word is kept
--
-- Returns {the ratings}, or {} when there is no such decision

if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  return {}
end
local kept = {}
for caller, score in string.gmatch(redis.call('HGET', KEYS[2], ARGV[1]) or '', '(%x+)=(%S+)') do
  if caller ~= ARGV[2] then
    kept[#kept + 1] = caller .. '=' .. score
  end
end
kept[#kept + 1] = ARGV[2] .. '=' .. ARGV[3]
while #kept > tonumber(ARGV[4]) do
  table.remove(kept, 1)
end
local ratings = table.concat(kept, ' ')
redis.call('HSET', KEYS[2], ARGV[1], ratings)
local left = redis.call('TTL', KEYS[1])
if left > 0 then
  redis.call('EXPIRE', KEYS[2], left)
end
return { ratings }
