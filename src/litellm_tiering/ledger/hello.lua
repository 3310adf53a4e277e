-- The store's identity, made up when it has none yet. Written every time: that it can be is half the answer.
--
-- KEYS[1]  where the identity is kept
-- ARGV[1]  what it shall be where there is none
--
-- Returns {identity}

local identity = redis.call('GET', KEYS[1]) or ARGV[1]
redis.call('SET', KEYS[1], identity)
return { identity }
