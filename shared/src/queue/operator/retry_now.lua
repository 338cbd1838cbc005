-- Makes a scheduled job due at once. An ended job never changes, and a ready or running one needs no help.
-- KEYS  1 stream, 2 job record, 3 scheduled, 4 eta
-- ARGV  1 job
-- Result  retried, waiting (it is in the stream or held by a worker), ended or unknown
local record = redis.call('HMGET', KEYS[2], 'state', 'due', 'accepted')
if not record[1] then return 'unknown' end
if has_ended(record[1]) then return 'ended' end
if record[1] ~= 'scheduled' then return 'waiting' end
local message = scheduled_message(KEYS[3], record[2], ARGV[1])
if not message then return 'waiting' end
redis.call('ZREM', KEYS[3], message)
local now = now_ms()
local eta = expected_end(look_ahead(KEYS[1], KEYS[3], KEYS[4], now), now)
local entry = redis.call('XADD', KEYS[1], '*', 'm', message, 'at', record[3] or int(now))
redis.call('HSET', KEYS[2], 'state', 'queued', 'entry', entry, 'eta', eta)
return 'retried'
