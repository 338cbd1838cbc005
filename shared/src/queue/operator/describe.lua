-- Describes jobs; changes nothing.
-- KEYS  1 stream, then the records of at most 500 jobs
-- ARGV  1 group
-- Result  a row for each record, in the same order: {state, client, patient, approval, accepted, deadline, eta, open,
--         due, status code, request, reason, handed, channel, cause, tries, ended, consumer, ms since its heartbeat,
--         delivery number}; absent fields are '', and so is every field of a record that is gone
-- Fields returned as they are; the entry follows them.
local FIELDS = {'state', 'client', 'patient', 'approval', 'accepted', 'deadline', 'eta', 'open', 'due', 'status',
  'request', 'reason', 'handed', 'channel', 'cause', 'tries', 'ended', 'entry'}
local ENTRY = #FIELDS
-- The position of the request among them. Until a job has ended, only its message has the request, so that it is stored
-- once.
local REQUEST = 11

local function request_of(entry)
  local fields = (redis.call('XRANGE', KEYS[1], entry, entry)[1] or {nil, {}})[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'm' then
      local readable, message = pcall(cjson.decode, fields[i + 1])
      return readable and type(message) == 'table' and type(message.request) == 'string' and message.request or ''
    end
  end
  return ''
end

local rows = {}
for i = 2, #KEYS do
  local record = redis.call('HMGET', KEYS[i], unpack(FIELDS))
  local row = {}
  for field = 1, ENTRY - 1 do row[field] = record[field] or '' end
  for field = ENTRY, ENTRY + 2 do row[field] = '' end
  if record[ENTRY] and not has_ended(record[1]) and record[1] ~= 'scheduled' then
    local pending = of_group('XPENDING', KEYS[1], ARGV[1], record[ENTRY], record[ENTRY], 1)[1]
    row[REQUEST] = request_of(record[ENTRY])
    if pending then
      row[ENTRY], row[ENTRY + 1], row[ENTRY + 2] = pending[2], tostring(pending[3]), tostring(pending[4])
    end
  end
  rows[#rows + 1] = row
end
return rows
