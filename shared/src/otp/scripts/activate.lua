-- Makes the offered code of a job the one that counts, with a full life from now; the code before it is gone. May run
-- twice. Guesses stay counted.
-- KEYS  1 the phone's record
-- ARGV  1 job, 2 life of a code in ms
-- Result  1, or 0 where the offer is gone: a later one took its place, or the code was used meanwhile
local record = redis.call('HMGET', KEYS[1], 'next_job', 'next_hash', 'job')
if record[1] ~= ARGV[1] then return record[3] == ARGV[1] and 1 or 0 end
redis.call('HSET', KEYS[1], 'job', ARGV[1], 'hash', record[2], 'expires', int(now_ms() + ARGV[2]))
redis.call('HDEL', KEYS[1], 'next_job', 'next_hash', 'next_expires')
redis.call('PEXPIRE', KEYS[1], int(ARGV[2] * 2))
return 1
