-- Put before the scripts on decisions; takes no KEYS and no ARGV of its own.
--
-- A decision is kept in four keys of one hash tag, by its id:
--   the order    a sorted set of ids, scored by when they were decided, in microseconds since the epoch
--   the facets   a hash of what they are found by
--   the rows     a hash of what they say, packed
--   the ratings  a hash of what callers said of their answers: "caller=score caller=score"
-- And by whom they are asked for: each team and each key has an order of its own, which is the order with
-- others left out, and may hold some ids that are gone.
-- Nothing newer than Redis 6.2 is used.

-- Let go of decisions.
local function forget(keys, ids)
  if #ids > 0 then
    redis.call('ZREM', keys[1], unpack(ids))
    redis.call('HDEL', keys[2], unpack(ids))
    redis.call('HDEL', keys[3], unpack(ids))
    redis.call('HDEL', keys[4], unpack(ids))
  end
end
