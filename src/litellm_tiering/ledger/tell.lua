-- Add to the days' totals what no settlement carries.
--
-- KEYS[4 * i - 3]   the four keys of tally.lua for tally i, i = 1 .. n
-- ARGV[1]           now, in whole seconds since the epoch
-- ARGV[13 * i - 11] the 13 arguments of tally.lua for tally i
--
-- Returns {}

for i = 1, #KEYS / 4 do
  tally(4 * i - 3, 13 * i - 11, tonumber(ARGV[1]))
end
return {}
