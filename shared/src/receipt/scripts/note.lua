-- Names a job's message in its record; a record that is gone stays gone.
-- KEYS  1 job record
-- ARGV  1 channel and message id
-- Result  1, or 0 where there is no record
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'message', ARGV[1])
return 1
