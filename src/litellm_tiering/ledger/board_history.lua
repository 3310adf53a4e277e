-- The latest entries of the history, newest first.
--
-- KEYS[1]  the history
-- ARGV[1]  how many at most
--
-- Returns {entry 1, entry 2, ...}

return redis.call('LRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1)
