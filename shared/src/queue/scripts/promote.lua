-- Moves what is due from the schedule into the stream, a bounded batch at a time.
-- KEYS  1 stream, 2 scheduled
-- ARGV  1 how many at most, 2 prefix of job records (same hash tag), 3 longest time a job may wait, ms: what is due later
--       is of a clock that was set back since, and due now
-- Result  {how many were due, ms until the next is due or -1}
local now = now_ms()
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[1])
if #due == 0 then
  due = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. int(now + ARGV[3]), '+inf', 'LIMIT', 0, ARGV[1])
end
for _, message in ipairs(due) do
  redis.call('ZREM', KEYS[2], message)
  local readable, ids = pcall(cjson.decode, message)
  local job_key = ARGV[2] .. (readable and type(ids) == 'table' and tostring(ids.job) or '')
  local record = fields_of(job_key, 'state', 'accepted')
  if record[1] == 'scheduled' then
    local entry = redis.call('XADD', KEYS[1], '*', 'm', message, 'at', record[2])
    redis.call('HSET', job_key, 'state', 'queued', 'entry', entry)
  end
end
local next_due = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
return {#due, next_due and math.max(math.ceil(next_due - now), 0) or -1}
