-- Makes the offered code of a job the one that counts, with a full life from now; the code before it is gone. May run
-- twice. Guesses stay counted.
-- KEYS  of each code: its phone's record
-- ARGV  1 codes, 2 life of a code in ms; of each: job
-- Result  for each 1, or 0 where the offer is gone: a later one took its place, or the code was used meanwhile
local codes, life = number(), number()
local expires, kept = int(now_ms() + life), int(life * 2)

local function activate(record_key, job)
  local record = redis.call('HMGET', record_key, 'next_job', 'next_hash', 'job')
  if record[1] ~= job then return record[3] == job and 1 or 0 end
  redis.call('HSET', record_key, 'job', job, 'hash', record[2], 'expires', expires)
  redis.call('HDEL', record_key, 'next_job', 'next_hash', 'next_expires')
  redis.call('PEXPIRE', record_key, kept)
  return 1
end

local rows = {}
for i = 1, codes do rows[i] = activate(key(), arg()) end
return rows
