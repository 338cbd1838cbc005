-- Makes a job that was put back due at once. An ended job never changes, and any other goes by itself.
-- KEYS  1 stream, 2 job record, 3 scheduled, 4 eta
-- ARGV  1 job
-- Result  retried, waiting (it is in the stream or in a worker's hands), ended or unknown
local record = redis.call('HMGET', KEYS[2], 'state', 'due', 'accepted')
if not record[1] then return 'unknown' end
if has_ended(record[1]) then return 'ended' end
if record[1] ~= 'scheduled' then return 'waiting' end
for _, message in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], record[2] or 0, record[2] or 0)) do
  if string.find(message, '"' .. ARGV[1] .. '"', 1, true) then
    redis.call('ZREM', KEYS[3], message)
    local eta = expected_end(KEYS[1], KEYS[4], now_ms())
    local entry = redis.call('XADD', KEYS[1], '*', 'm', message, 'at', record[3])
    redis.call('HSET', KEYS[2], 'state', 'queued', 'entry', entry, 'eta', eta)
    return 'retried'
  end
end
return 'waiting'
