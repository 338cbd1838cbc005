-- Makes the code of a job checkable as the next code of a phone, beside the one that counts now. Guesses begin anew
-- where none of the codes they may have been aimed at is left; this job's own, offered before, is one of those.

-- Keys: its phone's record, mark of the job's used code; arguments: job, hash of its code, life of a code in ms.
local function read_code()
  local record, mark = key(), key()
  local job, hash, life = arg(), arg(), number()
  return {record = record, mark = mark, job = job, hash = hash, life = life}
end

-- Whether it is; not where the code was used: its message arrived.
local function offer(code, now)
  if redis.call('EXISTS', code.mark) == 1 then return false end
  local record = redis.call('HMGET', code.record, 'job', 'expires', 'next_job', 'next_expires', 'guesses')
  local function is_left(job, until_ms) return job and (job == code.job or tonumber(until_ms) > now) end
  if record[5] and not is_left(record[1], record[2]) and not is_left(record[3], record[4]) then
    redis.call('HDEL', code.record, 'guesses', 'guess')
  end
  redis.call('HSET', code.record, 'next_job', code.job, 'next_hash', code.hash, 'next_expires', int(now + code.life))
  redis.call('PEXPIRE', code.record, int(code.life * 2))
  return true
end
