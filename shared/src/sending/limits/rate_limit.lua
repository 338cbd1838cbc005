-- Allots the next slot of a channel (GCRA: one number per channel, which spaces messages out). An unused slot is lost:
-- better too few messages than too many. A number further ahead than any slot can be was written before the clock was
-- set back, and is ignored.
-- KEYS  1 when the channel is free next, microseconds
-- ARGV  1 microseconds between two messages, 2 messages that may go together, 3 longest wait of this caller, microseconds,
--       4 longest wait of any caller, microseconds
-- Result  {1, microseconds until it may be handed over}, or {0, microseconds until it is worth asking again}
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, ahead = tonumber(ARGV[1]), (ARGV[2] - 1) * ARGV[1]
local longest, furthest = tonumber(ARGV[3]), tonumber(ARGV[4])
local free = tonumber(redis.call('GET', KEYS[1]) or now)
if free < now or free > now + ahead + furthest + interval then free = now end
local wait = math.max(0, free - ahead - now)
if wait > longest then return {0, wait - longest} end
local left = free + interval - now
redis.call('SET', KEYS[1], string.format('%.0f', free + interval), 'PX', math.ceil(left / 1000))
return {1, wait}
