-- Begin a segment's next turn with an empty window, unless another worker already has.
--
-- KEYS[1]  the index of segments
-- KEYS[2]  the segment
-- ARGV[1]  now, in whole seconds since the epoch
-- ARGV[2]  after how many seconds it is forgotten
-- ARGV[3]  how many segments are kept at most
-- ARGV[4]  the turn that is to end
-- ARGV[5]  1 when the segment is bypassed in the next one, else 0
--
-- Returns {turn, bypassed (1 or 0), window}, as it now stands

local now = tonumber(ARGV[1])
local turn, bypassed, window = look(KEYS[2], now)
if turn == tonumber(ARGV[4]) then
  turn, bypassed, window = turn + 1, tonumber(ARGV[5]), ''
  keep(KEYS[1], KEYS[2], now, tonumber(ARGV[2]), tonumber(ARGV[3]), turn, bypassed, window)
end
return { turn, bypassed, window }
