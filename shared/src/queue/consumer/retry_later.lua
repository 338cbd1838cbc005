-- Schedules a job's next try, never past its deadline, and predicts its end anew.
-- KEYS  1 stream, 2 job record, 3 scheduled, 4 eta
-- ARGV  1 group, 2 consumer, 3 entry, 4 delivery number, 5 message, 6 delay ms, 7 run ms (empty: not to be counted), 8
--       open outcomes a job may have, 9 cause of the retry, in one word
-- Result  scheduled, late (nothing changed: the caller ends the job, because there is no time for another send, or no
--         send left) or lost
if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[4]) then return 'lost' end
local record = fields_of(KEYS[2], 'state', 'deadline', 'open', 'tries')
if not record[1] or has_ended(record[1]) then
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
  redis.call('XDEL', KEYS[1], ARGV[3])
  return 'lost'
end
local now = now_ms()
local due = now + tonumber(ARGV[6])
if due > (tonumber(record[2]) or 0) or tonumber(record[3] or 0) >= tonumber(ARGV[8]) then return 'late' end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
note_runs(KEYS[4], {tonumber(ARGV[7])}, now)
local eta = expected_end(look_ahead(KEYS[1], KEYS[3], KEYS[4], now), due)
redis.call('ZADD', KEYS[3], int(due), ARGV[5])
redis.call('HSET', KEYS[2], 'state', 'scheduled', 'due', int(due), 'cause', ARGV[9], 'eta', eta, 'tries',
  int((tonumber(record[4]) or 0) + 1))
redis.call('HDEL', KEYS[2], 'begun', 'begun_at')
return 'scheduled'
