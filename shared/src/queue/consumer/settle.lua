-- Settles the outcome of a hand-over. Safe to repeat: by then the delivery has no hand-over to settle.
-- KEYS  1 job record, 2 messages of everybody, 3 patient, 4 … phone under each secret
-- ARGV  1 consumer:entry:number of the delivery, 2 503s that were believed, 3 1 if a message may be out nevertheless, 4
--       approval, 5 prefix of the messages of clients
-- Result  1, or 0 if there was nothing to settle
--
-- If no message is out, the hand-over is subtracted from the job's open outcomes and from all limits. The job's count
-- of hand-overs stays.
local record = fields_of(KEYS[1], 'begun', 'begun_at', 'open', 'believed', 'client')
if record[1] ~= ARGV[1] then return 0 end
local now, at, is_open = now_ms(), tonumber(record[2]), ARGV[3] == '1'
local open = tonumber(record[3]) - (is_open and 0 or 1)
redis.call('HSET', KEYS[1], 'open', int(math.max(open, 0)), 'believed', int(tonumber(record[4] or 0) + ARGV[2]))
redis.call('HDEL', KEYS[1], 'begun', 'begun_at')
if is_open then return 1 end

local function remove_time(times)
  for i = #times, 1, -1 do
    if times[i] == at then return table.remove(times, i) end
  end
end

local function remove_message(messages)
  for i = #messages, 1, -1 do
    if messages[i].at == at and messages[i].approval == ARGV[4] then return table.remove(messages, i) end
  end
end

local function take_from_counter(counter_key)
  local text = redis.call('GET', counter_key)
  if not text then return end
  local counter = read_counter(text, now)
  add_to_counter(counter, at, -1)
  write_counter(counter_key, counter)
end

local patient = redis.call('GET', KEYS[3])
if patient then
  patient = read_patient(patient, now)
  remove_message(patient)
  write_patient(KEYS[3], patient, DAY, now)
end
for i = 4, #KEYS do
  local text = redis.call('GET', KEYS[i])
  if text then
    local phone = read_phone(text, now)
    remove_time(phone.sent)
    write_phone(KEYS[i], phone, DAY, now)
  end
end
if record[5] then take_from_counter(ARGV[5] .. record[5]) end
take_from_counter(KEYS[2])
return 1
