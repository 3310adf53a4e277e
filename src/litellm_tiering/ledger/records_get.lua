-- One decision.
--
-- KEYS[1]  the rows
-- KEYS[2]  the ratings
-- ARGV[1]  its id
--
-- Returns {its row, its ratings}, or {} when there is none

local row = redis.call('HGET', KEYS[1], ARGV[1])
if not row then
  return {}
end
return { row, redis.call('HGET', KEYS[2], ARGV[1]) or '' }
