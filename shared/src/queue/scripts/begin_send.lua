-- Records the intent to send before anything is sent. Asked twice by the same delivery it counts once, so that a lost
-- answer may be asked for again.
-- KEYS  1 stream; of each job: its record, the sends of its approval
-- ARGV  1 jobs, 2 group, 3 sends a job may begin; of each job: consumer, entry, delivery number
-- Result  for each go, late, exhausted or lost
local HOUR = 3600000
-- More than any limit asks for would only cost memory.
local KEPT = 1000
local FIRST_KEY, KEYS_EACH, FIRST_ARG, ARGS_EACH = 2, 2, 4, 3

local stream, group, most = KEYS[1], ARGV[2], tonumber(ARGV[3])
local now = now_ms()

local function begin_send(record_key, sends_key, consumer, entry, number)
  if not owns(stream, group, entry, consumer, number) then return 'lost' end
  local record = redis.call('HMGET', record_key, 'state', 'deadline', 'sends', 'begun')
  if not record[1] or has_ended(record[1]) then
    -- An entry whose record is gone, or whose job was ended otherwise: nobody waits for it.
    redis.call('XACK', stream, group, entry)
    redis.call('XDEL', stream, entry)
    return 'lost'
  end
  local this = entry .. ':' .. number
  if record[4] == this then
    -- Written again, so that there is something for replicas to confirm.
    redis.call('HSET', record_key, 'begun', this)
    return 'go'
  end
  if now > tonumber(record[2]) then return 'late' end
  if tonumber(record[3]) >= most then return 'exhausted' end
  redis.call('HSET', record_key, 'state', 'sending', 'sends', int(record[3] + 1), 'begun', this)
  if redis.call('RPUSH', sends_key, int(now)) > KEPT then redis.call('LTRIM', sends_key, int(-KEPT), '-1') end
  redis.call('PEXPIRE', sends_key, int(HOUR))
  return 'go'
end

local rows = {}
for i = 1, tonumber(ARGV[1]) do
  local k, a = FIRST_KEY + (i - 1) * KEYS_EACH, FIRST_ARG + (i - 1) * ARGS_EACH
  rows[i] = begin_send(KEYS[k], KEYS[k + 1], ARGV[a], ARGV[a + 1], ARGV[a + 2])
end
return rows
