-- Ends a job. A worker that lost its delivery changes nothing.
-- KEYS  1 stream, 2 job record, 3 result, 4 live, 5 eta, 6 counts, 7 failures
-- ARGV  1 group, 2 consumer, 3 entry, 4 delivery number, 5 job, 6 patient/approval, 7 state, 8 status code, 9 result JSON,
--       10 retention ms, 11 run ms (empty: not to be counted), 12 channel
-- Result  {word, eta ms, now ms}; words: finished, ended (it had ended before), lost
local record = redis.call('HMGET', KEYS[2], 'state', 'eta')
if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[4]) then
  if has_ended(record[1]) then
    -- Written again, so that there is something for replicas to confirm; allowed also where memory is full.
    local left = redis.call('PTTL', KEYS[2])
    if left > 0 then redis.call('PEXPIRE', KEYS[2], left) end
    return {'ended', record[2] or '0', now_ms()}
  end
  return {'lost', record[2] or '0', now_ms()}
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
if not record[1] or has_ended(record[1]) then return {'ended', record[2] or '0', now_ms()} end
local keys = {job = KEYS[2], result = KEYS[3], live = KEYS[4], counts = KEYS[6], failures = KEYS[7], channel = ARGV[12]}
write_end(keys, ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10])
local now = now_ms()
if ARGV[11] ~= '' then note_run(KEYS[5], tonumber(ARGV[11]), now) end
return {'finished', record[2], now}
