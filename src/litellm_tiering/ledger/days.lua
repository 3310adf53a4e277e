-- The days that are known.
--
-- KEYS[1]  the index of days
--
-- Returns {day 1, day 2, ...}

return redis.call('ZRANGE', KEYS[1], 0, -1)
