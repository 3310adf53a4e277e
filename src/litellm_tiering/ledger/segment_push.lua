-- Add one judged answer to a segment, unless it is of another turn.
--
-- KEYS[1]  the index of segments
-- KEYS[2]  the segment
-- ARGV[1]  now, in whole seconds since the epoch
-- ARGV[2]  after how many seconds it is forgotten
-- ARGV[3]  how many segments are kept at most
-- ARGV[4]  the answer's turn
-- ARGV[5]  1 when the answer was rejected, else 0
-- ARGV[6]  how many answers the window holds
--
-- Returns {turn, bypassed (1 or 0), window}, as it now stands

local now = tonumber(ARGV[1])
local turn, bypassed, window = look(KEYS[2], now)
if turn == tonumber(ARGV[4]) then
  window = string.sub(window .. ARGV[5], -tonumber(ARGV[6]))
  keep(KEYS[1], KEYS[2], now, tonumber(ARGV[2]), tonumber(ARGV[3]), turn, bypassed, window)
end
return { turn, bypassed, window }
