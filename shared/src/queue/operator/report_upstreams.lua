-- Stores the report of a process, dated by Redis' clock so that reports from several machines can be compared.
-- KEYS  1 reports
-- ARGV  1 process, 2 report (JSON)
-- Result  1 if it is the first of this process, else 0
return redis.call('HSET', KEYS[1], ARGV[1], int(now_ms()) .. ' ' .. ARGV[2])
