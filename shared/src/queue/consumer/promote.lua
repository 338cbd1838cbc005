-- Moves due messages from the schedule into the stream, a bounded batch at a time, the oldest job first.
-- KEYS  1 stream, 2 scheduled
-- ARGV  1 batch size, 2 prefix of job records (same hash tag), 3 longest time a job may wait, ms: a later due time was
--       written before the clock was set back, and is due now
-- Result  {how many were due, ms until the next is due or -1}
local now = now_ms()
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', int(now), 'WITHSCORES', 'LIMIT', 0, ARGV[1])
if #due == 0 then
  due = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. int(now + ARGV[3]), '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[1])
end

-- Reads all records before it removes anything: if one cannot be read, its message stays.
local jobs, messages = {}, {}
for i = 1, #due, 2 do
  local ids = ids_of(due[i])
  local record = ARGV[2] .. (ids and ids.job or '')
  local known = fields_of(record, 'state', 'accepted')
  messages[#messages + 1] = due[i]
  if known[1] == 'scheduled' then
    jobs[#jobs + 1] = {message = due[i], record = record, accepted = tonumber(known[2] or '') and known[2] or int(now)}
  end
end
table.sort(jobs, function(a, b) return tonumber(a.accepted) < tonumber(b.accepted) end)
-- The removal comes first: it is allowed when memory is full, and so is every later write of the script.
if #messages > 0 then redis.call('ZREM', KEYS[2], unpack(messages)) end
for _, job in ipairs(jobs) do
  local entry = redis.call('XADD', KEYS[1], '*', 'm', job.message, 'at', job.accepted)
  redis.call('HSET', job.record, 'state', 'queued', 'entry', entry)
end
local next_due = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
return {#messages, next_due and math.max(math.ceil(next_due - now), 0) or -1}
