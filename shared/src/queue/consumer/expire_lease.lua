-- Ends a lease early: the entry counts as silent for a whole lease, so the next sweep takes it over. Until then a
-- consumer that is no worker owns it: its worker would take it for an entry whose reply was lost, and run it again
-- uncounted.
-- KEYS  1 stream
-- ARGV  1 group, 2 consumer, 3 entry, 4 delivery number, 5 lease ms, 6 name of the consumer that is no worker
-- Result  released or lost
if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[4]) then return 'lost' end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[6], 0, ARGV[3], 'IDLE', ARGV[5], 'JUSTID')
return 'released'
