-- Tells where jobs stand; changes nothing.
-- KEYS  1 stream, then the records of at most 500 jobs
-- ARGV  1 group
-- Result  a row for each record, in the same order: {state, client, patient, approval, accepted, deadline, eta, sends,
--         due, status code, consumer, ms since its heartbeat, delivery number}; absent fields are '', and so is every
--         field of a record that is gone
local rows = {}
for i = 2, #KEYS do
  local record = redis.call('HMGET', KEYS[i], 'state', 'client', 'patient', 'approval', 'accepted', 'deadline', 'eta',
    'sends', 'due', 'status', 'entry')
  local row = {}
  for field = 1, 10 do row[field] = record[field] or '' end
  for field = 11, 13 do row[field] = '' end
  if record[11] and not has_ended(record[1]) and record[1] ~= 'scheduled' then
    local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], record[11], record[11], 1)[1]
    if type(pending) == 'table' then
      row[11], row[12], row[13] = pending[2], tostring(pending[3]), tostring(pending[4])
    end
  end
  rows[#rows + 1] = row
end
return rows
