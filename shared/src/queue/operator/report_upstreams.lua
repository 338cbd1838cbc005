-- Leaves the report of a process, dated by Redis' clock so that reports of several machines compare.
-- KEYS  1 reports
-- ARGV  1 process, 2 report (JSON)
-- Result  1 where it is the first of this process, else 0
return redis.call('HSET', KEYS[1], ARGV[1], int(now_ms()) .. ' ' .. ARGV[2])
