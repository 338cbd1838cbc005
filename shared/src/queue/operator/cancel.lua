-- Ends a live job for an operator, unless a message may have gone out for it. Its entry is deleted, so a worker that
-- holds it finds its delivery lost at its next step.
-- KEYS  1 stream, 2 job record, 3 live, 4 scheduled, 5 counts, 6 failures
-- ARGV  1 group, 2 job, 3 status code, 4 reason, 5 result JSON, 6 retention ms, 7 channel
-- Result  cancelled, ended (it had ended before), begun (its send has begun) or unknown
local record = redis.call('HMGET', KEYS[2], 'state', 'open', 'entry', 'due', 'patient', 'approval', 'believed',
  'deadline')
if not record[1] then return 'unknown' end
if has_ended(record[1]) then
  write_again(KEYS[2])
  return 'ended'
end
if record[1] == 'sending' or tonumber(record[2] or 0) + tonumber(record[7] or 0) > 0 then return 'begun' end
local deadline = record[8]
if record[1] == 'scheduled' then
  local message = scheduled_message(KEYS[4], record[4], ARGV[2])
  if message then redis.call('ZREM', KEYS[4], message) end
elseif record[3] then
  redis.call('XACK', KEYS[1], ARGV[1], record[3])
  redis.call('XDEL', KEYS[1], record[3])
end
local ends = no_ends()
write_end(ends, {id = ARGV[2], record = KEYS[2], deadline = deadline, path = (record[5] or '') .. '/' .. (record[6] or ''),
  state = 'failed', status = ARGV[3], reason = ARGV[4], answer = ARGV[5]}, now_ms(), ARGV[6])
close_ends(ends, {live = KEYS[3], counts = KEYS[5], failures = KEYS[6], channel = ARGV[7]})
return 'cancelled'
