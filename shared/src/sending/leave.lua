-- The permit to send, in one step: the limits on messages, the intent to send, and the offer of the code. A refusal
-- counts nothing. A repeated call of the same delivery is counted once, so it may be made again if the answer is lost.
-- KEYS  1 stream, 2 messages of everybody; of each job: its record, its patient, and its phone under each secret, newest
--       first
-- ARGV  1 jobs, 2 group, 3 open outcomes a job may have, 4 hand-overs that may have left a message, 5 deadline ms,
--       6 lease ms, messages allowed to 7 a phone in an hour, 8 in a day, 9 for a patient in a day, 10 of a client in a
--       minute, 11 of everybody in a minute, 12 prefix of the messages of clients; of each job: consumer, entry, delivery number, job, approval,
--       life of its code in ms (0: none is made here), how many secrets, the hash of its code under each (empty: none)
-- Result  for each {go, ms left until the deadline, open outcomes left, 503s left to believe, number of the secret whose
--         code was offered, or 0, now in ms}, {limit, which, when it lets the next message through in ms}, {late}, {exhausted} or
--         {lost}
--
-- Until its outcome is settled a submit counts as open: if the worker dies, its outcome stays unknown.

-- No message is started with less time left than this.
local LEAST_LEFT = 1000

local jobs, stream, total_key = number(), key(), key()
local group, open_allowed, unsure_allowed, deadline, lease = arg(), number(), number(), number(), number()
local phone_hour, phone_day, patient_day, client_minute, total_minute = number(), number(), number(), number(), number()
local client_prefix = arg()
local now = now_ms()
local phone_window = phone_day > 0 and DAY or phone_hour > 0 and HOUR or 0
local patient_window = patient_day > 0 and DAY or HOUR

-- Every field is named here, also those that are known later: a table that grows is made anew each time.
local function read_job()
  local job = {record = key(), patient_key = key(), consumer = arg(), entry = arg(), number = arg(), id = arg(), approval = arg(),
    life = number(), secrets = number(), first_phone = keys_read, first_hash = arguments_read, owned = false, idle = 0,
    this = false, client = false, deadline = 0, is_deadline_moved = false, open = 0, believed = 0, handed = 0, patient = false,
    phones = false, client_key = false, of_client = false, total = false}
  keys_read, arguments_read = keys_read + job.secrets, arguments_read + job.secrets
  return job
end

-- Whether the job may send, according to its record: go, again, late, exhausted or lost.
local function may_send(job)
  if not job.owned then return 'lost' end
  local record = fields_of(job.record, 'state', 'deadline', 'client', 'begun', 'open', 'believed', 'handed')
  if not record[1] or has_ended(record[1]) then
    -- An entry whose record is gone, or whose job has ended some other way: no client waits for it.
    redis.call('XACK', stream, group, job.entry)
    redis.call('XDEL', stream, job.entry)
    return 'lost'
  end
  job.client, job.this = record[3], job.consumer .. ':' .. job.entry .. ':' .. job.number
  job.open, job.believed, job.handed = tonumber(record[5] or 0), tonumber(record[6] or 0), tonumber(record[7] or 0)
  -- A deadline further ahead than any can be was computed before the clock was set back.
  job.deadline = tonumber(record[2])
  if job.deadline > now + deadline then job.deadline, job.is_deadline_moved = now + deadline, true end
  if job.deadline - now < LEAST_LEFT then return 'late' end
  if record[4] == job.this then return 'again' end
  if job.open >= open_allowed or job.open + job.believed >= unsure_allowed then return 'exhausted' end
  return 'go'
end

-- Patient and phones are next to each other among the keys, because they are read together.
local function read_subjects(job)
  local texts = redis.call('MGET', unpack(KEYS, job.first_phone, job.first_phone + job.secrets))
  job.patient, job.phones = read_patient(texts[1], now), {}
  for i = 1, job.secrets do job.phones[i] = read_phone(texts[1 + i], now) end
  if client_minute > 0 and job.client then
    job.client_key = client_prefix .. job.client
    job.of_client = read_counter(redis.call('GET', job.client_key), now)
  end
  if total_minute > 0 then job.total = read_counter(redis.call('GET', total_key), now) end
end

-- The limit that lets the next message through last, and when that is.
local function refusal(job)
  local limit, next_attempt = nil, 0
  local function ask(name, blocked)
    if blocked and blocked >= next_attempt then limit, next_attempt = name, blocked end
  end
  for _, phone in ipairs(job.phones) do
    ask('phone_hour', blocked_until(last_but(phone.sent, phone_hour), HOUR, now))
    ask('phone_day', blocked_until(last_but(phone.sent, phone_day), DAY, now))
  end
  local message = last_but(job.patient, patient_day)
  if message then ask('patient_day', blocked_until(message.at, DAY, now)) end
  if job.total then ask('total_minute', counter_blocked_until(job.total, total_minute)) end
  if job.of_client then ask('client_minute', counter_blocked_until(job.of_client, client_minute)) end
  return limit, next_attempt
end

local function count(job)
  for _, phone in ipairs(job.phones) do
    if phone_window > 0 then phone.sent[#phone.sent + 1] = now end
  end
  job.patient[#job.patient + 1] = {at = now, approval = job.approval, job = job.id}
  if job.of_client then add_to_counter(job.of_client, now, 1) end
  if job.total then add_to_counter(job.total, now, 1) end
end

-- Offers the code under the newest secret, or under the one it was offered under before; 0 if it is used or there is
-- none.
local function offer(job)
  if job.life == 0 then return 0 end
  local secret = 1
  for i, phone in ipairs(job.phones) do
    if find_code(phone, job.id) then secret = i end
  end
  return offer_code(job.phones[secret], job.id, ARGV[job.first_hash + secret], job.life, now) and secret or 0
end

local function write_subjects(job)
  for i, phone in ipairs(job.phones) do
    write_phone(KEYS[job.first_phone + i], phone, phone_window, now, life_of_record(job.life, phone_window))
  end
  write_patient(job.patient_key, job.patient, patient_window, now, patient_window)
  if job.of_client then write_counter(job.client_key, job.of_client) end
  if job.total then write_counter(total_key, job.total) end
end

local function leave(job)
  local word = may_send(job)
  if word ~= 'go' and word ~= 'again' then return {word} end
  read_subjects(job)
  if word == 'go' then
    local limit, next_attempt = refusal(job)
    if limit then
      if is_clock_set_back then write_subjects(job) end
      return {'limit', limit, next_attempt}
    end
    count(job)
    job.open, job.handed = job.open + 1, job.handed + 1
    redis.call('HSET', job.record, 'state', 'sending', 'begun', job.this, 'begun_at', int(now), 'open', int(job.open),
      'handed', int(job.handed))
    if job.is_deadline_moved then redis.call('HSET', job.record, 'deadline', int(job.deadline)) end
  else
    -- Written again, so that replicas have something to confirm.
    redis.call('HSET', job.record, 'begun', job.this)
  end
  -- A permit is acted on for a third of a lease. A worker that was frozen renewed too long ago for that: another could
  -- take the entry over with its next sweep and send too. Renews after the write that is refused when memory is full.
  if job.idle > lease / 2 then redis.call('XCLAIM', stream, group, job.consumer, 0, job.entry, 'JUSTID') end
  local offered = offer(job)
  write_subjects(job)
  return {'go', job.deadline - now, open_allowed - job.open, unsure_allowed - open_allowed - job.believed, offered, now}
end

local asked, rows = {}, {}
for i = 1, jobs do asked[i] = read_job() end
fence(stream, group, asked)
for i, job in ipairs(asked) do rows[i] = leave(job) end
return rows
