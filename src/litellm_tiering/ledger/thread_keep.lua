-- Raise the rank that is left for a conversation's next turns; it is never lowered.
--
-- KEYS[1]  the conversation
-- ARGV[1]  now, in whole seconds since the epoch
-- ARGV[2]  for how many seconds it is kept
-- ARGV[3]  the rank
--
-- Returns {the rank that is kept then}

local now = tonumber(ARGV[1])
local rank = math.max(tonumber(ARGV[3]), kept_rank(KEYS[1], now))
keep(KEYS[1], now, tonumber(ARGV[2]), rank)
return { rank }
