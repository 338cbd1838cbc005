-- Uses a job's code up: it is none from now on, and the mark keeps retries of the job from making it one again. The
-- code before it dies with it; a later one stays, and with it the guesses that may have been aimed at it.
-- KEYS  1 the phone's record, 2 mark of the job's used code
-- ARGV  1 job, 2 life of a code in ms, 3 nonce of this call: repeated, it has the same result
-- Result  when the code would have expired, ms; nothing where it was used or replaced before
local mark = redis.call('GET', KEYS[2])
if mark then
  local by, expires = string.match(mark, '^(%S+) (%S+)$')
  return by == ARGV[3] and expires or false
end
local record = redis.call('HMGET', KEYS[1], 'job', 'expires', 'next_job', 'next_expires')
local expires
if record[3] == ARGV[1] then
  expires = record[4]
  redis.call('HDEL', KEYS[1], 'job', 'hash', 'expires', 'next_job', 'next_hash', 'next_expires')
elseif record[1] == ARGV[1] then
  expires = record[2]
  redis.call('HDEL', KEYS[1], 'job', 'hash', 'expires')
else
  return false
end
redis.call('SET', KEYS[2], ARGV[3] .. ' ' .. expires, 'PX', ARGV[2] * 2)
if record[3] == ARGV[1] or not record[3] then redis.call('HDEL', KEYS[1], 'guesses', 'guess') end
return expires
