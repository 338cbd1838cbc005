-- Makes the code of a job checkable as the next code of a phone, beside the one that counts now. Guesses begin anew
-- where none of the codes they may have been aimed at is left; this job's own, offered before, is one of those.
-- KEYS  1 the phone's record, 2 mark of the job's used code
-- ARGV  1 job, 2 hash of its code, 3 life of a code in ms
-- Result  1, or 0 where the code was used: its message arrived
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local record = redis.call('HMGET', KEYS[1], 'job', 'expires', 'next_job', 'next_expires')
local function is_left(job, expires) return job and (job == ARGV[1] or tonumber(expires) > now) end
if not is_left(record[1], record[2]) and not is_left(record[3], record[4]) then
  redis.call('HDEL', KEYS[1], 'guesses', 'guess')
end
redis.call('HSET', KEYS[1], 'next_job', ARGV[1], 'next_hash', ARGV[2], 'next_expires',
  string.format('%d', now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], string.format('%d', ARGV[3] * 2))
return 1
