-- Makes the code of a job checkable as the next code of a phone, beside the one that counts now.
-- KEYS  1 the phone's record
-- ARGV  1 job, 2 hash of its code, 3 life of a code in ms
-- Result  1
local time = redis.call('TIME')
local expires = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3]
redis.call('HSET', KEYS[1], 'next_job', ARGV[1], 'next_hash', ARGV[2], 'next_expires', string.format('%.0f', expires))
redis.call('PEXPIRE', KEYS[1], ARGV[3] * 2)
return 1
