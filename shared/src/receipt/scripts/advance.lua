-- Moves a message's state forward; one that is known already, or is outweighed, changes nothing.
-- KEYS  1 state of the message
-- ARGV  1 state, 2 its rank, 3 how long it is kept, ms
-- Result  1 where it was news, else 0
if tonumber(redis.call('HGET', KEYS[1], 'rank') or 0) >= tonumber(ARGV[2]) then return 0 end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[1], 'state', ARGV[1], 'rank', ARGV[2], 'at', now)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
