-- Gives a delivery back untouched, for another worker to take at once: the stop of a worker is nobody's failure.
-- KEYS  1 stream, 2 job record, 3 eta
-- ARGV  1 group, 2 consumer, 3 entry, 4 delivery number, 5 message
-- Result  returned or lost
if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[4]) then return 'lost' end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
local record = fields_of(KEYS[2], 'state', 'accepted')
if not record[1] or has_ended(record[1]) then return 'lost' end
local eta = expected_end(KEYS[1], KEYS[3], now_ms())
local entry = redis.call('XADD', KEYS[1], '*', 'm', ARGV[5], 'at', record[2])
redis.call('HSET', KEYS[2], 'entry', entry, 'eta', eta)
return 'returned'
