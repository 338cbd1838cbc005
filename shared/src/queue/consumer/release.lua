-- Releases a delivery untouched, for another worker to take at once: stopping a worker must not count as a failure.
-- KEYS  1 stream, 2 job record, 3 scheduled, 4 eta
-- ARGV  1 group, 2 consumer, 3 entry, 4 delivery number, 5 message
-- Result  returned or lost
if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[4]) then return 'lost' end
local record, now = fields_of(KEYS[2], 'state', 'accepted'), now_ms()
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
if not record[1] or has_ended(record[1]) then return 'lost' end
local eta = expected_end(look_ahead(KEYS[1], KEYS[3], KEYS[4], now), now)
local entry = redis.call('XADD', KEYS[1], '*', 'm', ARGV[5], 'at', record[2] or int(now))
redis.call('HSET', KEYS[2], 'entry', entry, 'eta', eta)
return 'returned'
