-- Ends a lease early: the entry counts as silent for a whole lease already, so the next sweep takes it over. It is nobody's
-- until then, or its worker would take it for one whose reply was lost, and run it again without counting that.
-- KEYS  1 stream
-- ARGV  1 group, 2 consumer, 3 entry, 4 delivery number, 5 lease ms, 6 nobody's name
-- Result  released or lost
if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[4]) then return 'lost' end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[6], 0, ARGV[3], 'IDLE', ARGV[5], 'JUSTID')
return 'released'
