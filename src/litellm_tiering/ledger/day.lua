-- A page of a day's totals, or of its hours. Only a page, because Redis does nothing else meanwhile.
--
-- KEYS[1]  the day, or its hours
-- ARGV[1]  where the page begins; 0 for the first
-- ARGV[2]  how many fields to look at
--
-- Returns {where the next page begins, 0 when there is none; field 1, value 1, field 2, ...}

local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local reply = page[2]
table.insert(reply, 1, page[1])
return reply
