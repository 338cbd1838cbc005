-- Checks a batch of live jobs for those that no other step would ever touch again: a live job without a record, or a
-- record whose entry is gone. One worker of the fleet does this at a time.
-- KEYS  1 stream, 2 scheduled, 3 live, 4 audit cursor, 5 audit lock, 6 counts, 7 failures
-- ARGV  1 ms the lock lasts, 2 how many at most, 3 prefix of job records, 4 version of messages, 5 status code, 6 reason and
--       7 result JSON of a job found after its deadline, 8 retention ms, 9 channel
-- Result  {freed, restored, ended}: live jobs without a record, jobs put back into the stream, jobs past their deadline
if not redis.call('SET', KEYS[5], '1', 'NX', 'PX', ARGV[1]) then return {0, 0, 0} end

local function is_in_place(record)
  if record.state ~= 'scheduled' then return #redis.call('XRANGE', KEYS[1], record.entry, record.entry) == 1 end
  return scheduled_message(KEYS[2], record.due, record.job) ~= nil
end

local freed, restored, ended, ends = 0, 0, 0, no_ends()
local now = now_ms()
local batch = redis.call('HSCAN', KEYS[3], redis.call('GET', KEYS[4]) or '0', 'COUNT', ARGV[2])
for i = 1, #batch[2], 2 do
  local path, job = batch[2][i], batch[2][i + 1]
  local job_key = ARGV[3] .. job
  local known = fields_of(job_key, 'state', 'entry', 'due', 'deadline', 'patient', 'approval', 'accepted')
  local record = {job = job, state = known[1], entry = known[2] or '0-0', due = known[3] or '0'}
  if not record.state or has_ended(record.state) then
    redis.call('HDEL', KEYS[3], path)
    freed = freed + 1
  elseif not is_in_place(record) then
    if now > (tonumber(known[4]) or 0) then
      write_end(ends, {id = job, record = job_key, deadline = known[4], path = path, state = 'failed', status = ARGV[5],
        reason = ARGV[6], answer = ARGV[7]}, now, ARGV[8])
      ended = ended + 1
    else
      -- Only the lost entry named the request, so the audit's own name stands in for it.
      local message = string.format('{"v":%s,"job":"%s","patient":"%s","approval":"%s","request":"audit-%s"}', ARGV[4],
        job, known[5], known[6], job)
      local entry = redis.call('XADD', KEYS[1], '*', 'm', message, 'at', known[7] or int(now))
      redis.call('HSET', job_key, 'state', 'queued', 'entry', entry)
      restored = restored + 1
    end
  end
end
redis.call('SET', KEYS[4], batch[1])
close_ends(ends, {live = KEYS[3], counts = KEYS[6], failures = KEYS[7], channel = ARGV[9]})
return {freed, restored, ended}
