-- Records the intent to send before anything is sent. Asked twice by the same delivery it counts once, so that a lost
-- answer may be asked for again.
-- KEYS  1 stream, 2 job record, 3 sends of the approval
-- ARGV  1 group, 2 consumer, 3 entry, 4 delivery number, 5 sends a job may begin
-- Result  go, late, exhausted or lost
local HOUR = 3600000
-- More than any limit asks for would only cost memory.
local KEPT = 1000

if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[4]) then return 'lost' end
local record = redis.call('HMGET', KEYS[2], 'state', 'deadline', 'sends', 'begun')
if not record[1] or has_ended(record[1]) then
  -- An entry whose record is gone, or whose job was ended otherwise: nobody waits for it.
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
  redis.call('XDEL', KEYS[1], ARGV[3])
  return 'lost'
end
local this = ARGV[3] .. ':' .. ARGV[4]
if record[4] == this then
  -- Written again, so that there is something for replicas to confirm.
  redis.call('HSET', KEYS[2], 'begun', this)
  return 'go'
end
local now = now_ms()
if now > tonumber(record[2]) then return 'late' end
if tonumber(record[3]) >= tonumber(ARGV[5]) then return 'exhausted' end
redis.call('HSET', KEYS[2], 'state', 'sending', 'sends', int(record[3] + 1), 'begun', this)
redis.call('RPUSH', KEYS[3], int(now))
redis.call('LTRIM', KEYS[3], int(-KEPT), '-1')
redis.call('PEXPIRE', KEYS[3], int(HOUR))
return 'go'
