-- Ends a live job at an operator's word, unless a message may have gone out for it. Its entry is taken away, so a worker
-- that holds it finds its delivery lost at its next step.
-- KEYS  1 stream, 2 job record, 3 result, 4 live, 5 scheduled, 6 counts, 7 failures
-- ARGV  1 group, 2 job, 3 status code, 4 result JSON, 5 retention ms, 6 channel
-- Result  cancelled, ended (it had ended before), begun (its send has begun) or unknown
local record = redis.call('HMGET', KEYS[2], 'state', 'open', 'entry', 'due', 'patient', 'approval', 'believed')
if not record[1] then return 'unknown' end
if has_ended(record[1]) then return 'ended' end
if record[1] == 'sending' or tonumber(record[2] or 0) + tonumber(record[7] or 0) > 0 then return 'begun' end
if record[1] == 'scheduled' then
  for _, message in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], record[4] or 0, record[4] or 0)) do
    if string.find(message, '"' .. ARGV[2] .. '"', 1, true) then redis.call('ZREM', KEYS[5], message) end
  end
elseif record[3] then
  redis.pcall('XACK', KEYS[1], ARGV[1], record[3])
  redis.call('XDEL', KEYS[1], record[3])
end
local ends = no_ends()
write_end(ends, {id = ARGV[2], record = KEYS[2], result = KEYS[3], path = (record[5] or '') .. '/' .. (record[6] or ''),
  state = 'failed', status = ARGV[3], answer = ARGV[4]}, ARGV[5])
close_ends(ends, {live = KEYS[4], counts = KEYS[6], failures = KEYS[7], channel = ARGV[6]})
return 'cancelled'
