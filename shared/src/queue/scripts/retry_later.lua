-- Puts a job back until its next try is due, never past its deadline, and predicts its end anew.
-- KEYS  1 stream, 2 job record, 3 scheduled, 4 sends of the approval, 5 eta
-- ARGV  1 group, 2 consumer, 3 entry, 4 delivery number, 5 message, 6 delay ms, 7 1 where this delivery's send
--       certainly did not happen and is not to be counted, 8 run ms (empty: not to be counted), 9 sends a job may begin
-- Result  scheduled, late (nothing changed: the caller ends the job, for there is no time left for another send, or none
--         is left) or lost
if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[4]) then return 'lost' end
local record = fields_of(KEYS[2], 'state', 'deadline', 'sends', 'begun')
if not record[1] or has_ended(record[1]) then
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
  redis.call('XDEL', KEYS[1], ARGV[3])
  return 'lost'
end
local now = now_ms()
local due = now + tonumber(ARGV[6])
local is_unsent = ARGV[7] == '1'
if due > tonumber(record[2]) or not is_unsent and tonumber(record[3]) >= tonumber(ARGV[9]) then return 'late' end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[3], due, ARGV[5])
note_runs(KEYS[5], {tonumber(ARGV[8])}, now)
redis.call('HSET', KEYS[2], 'state', 'scheduled', 'due', due, 'eta', expected_end(KEYS[1], KEYS[5], due))
if is_unsent and record[4] == ARGV[3] .. ':' .. ARGV[4] then
  redis.call('HSET', KEYS[2], 'sends', math.max(record[3] - 1, 0))
  redis.call('RPOP', KEYS[4])
end
redis.call('HDEL', KEYS[2], 'begun')
return 'scheduled'
