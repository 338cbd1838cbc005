-- Makes the code of a job checkable as the next code of a phone, beside the one that counts now. Guesses begin anew
-- where none of the codes they may have been aimed at is left; this job's own, offered before, is one of those.
-- KEYS  of each code: its phone's record, mark of the job's used code
-- ARGV  1 codes, 2 life of a code in ms; of each: job, hash of its code
-- Result  for each 1, or 0 where the code was used: its message arrived
local time = redis.call('TIME')
local now, life = time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[2])
local expires, kept = string.format('%d', now + life), string.format('%d', life * 2)

local function offer(record_key, mark_key, job, hash)
  if redis.call('EXISTS', mark_key) == 1 then return 0 end
  local record = redis.call('HMGET', record_key, 'job', 'expires', 'next_job', 'next_expires', 'guesses')
  local function is_left(code, until_ms) return code and (code == job or tonumber(until_ms) > now) end
  if record[5] and not is_left(record[1], record[2]) and not is_left(record[3], record[4]) then
    redis.call('HDEL', record_key, 'guesses', 'guess')
  end
  redis.call('HSET', record_key, 'next_job', job, 'next_hash', hash, 'next_expires', expires)
  redis.call('PEXPIRE', record_key, kept)
  return 1
end

local rows = {}
for i = 1, tonumber(ARGV[1]) do
  rows[i] = offer(KEYS[2 * i - 1], KEYS[2 * i], ARGV[1 + 2 * i], ARGV[2 + 2 * i])
end
return rows
