-- Ends jobs, and activates the codes whose messages gateways took. A worker that lost its delivery ends nothing.
-- KEYS  1 stream, 2 live, 3 eta, 4 counts, 5 failures; of each job: its record, and where a gateway took its code the records
--       of its phone, one for each secret
-- ARGV  1 jobs, 2 group, 3 retention ms, 4 channel; of each job: consumer, entry, delivery number, job, patient/approval,
--       request, state, status code, reason (empty: none), result, run ms (empty: not to be counted), channel that the
--       message was handed to (empty: none), how many records of its phone, and where there are any when its code was
--       offered for the message and when the message was taken, both in ms by this clock
-- Result  for each {word, eta ms, now ms}; words: finished, ended (it had ended before), lost, corrupt (its key holds
--         what no script of ours writes)
local jobs_asked, group, retention, channel = number(), arg(), arg(), arg()
local stream, keys = key(), {live = key()}
local eta_key = key()
keys.counts, keys.failures, keys.channel = key(), key(), channel
local now = now_ms()

-- Records of phones by key, each read once and written once however many of these jobs are about it.
local phones, names = {}, {}

local function name_phone(record)
  if not phones[record] then
    phones[record], names[#names + 1] = {}, record
  end
  return record
end

local jobs = {}
for i = 1, jobs_asked do
  -- Every field is named here, also those that are known later: a table that grows is made anew each time.
  local job = {
    record = key(), consumer = arg(), entry = arg(), number = arg(), id = arg(), path = arg(), request = arg(), state = arg(),
    status = arg(), reason = arg(), answer = arg(), run = number(), channel = arg(), records = false, offered = false,
    taken = false, owned = false, idle = 0, known = false, is_corrupt = false, deadline = false,
  }
  local records = number()
  if records > 0 then
    job.records, job.offered, job.taken = {}, number(), not_ahead(number(), now)
    for place = 1, records do job.records[place] = name_phone(key()) end
  end
  jobs[i] = job
end

-- All is read before anything is written: an error must not leave a job acknowledged without its end.
fence(stream, group, jobs)
local acknowledged = {}
for _, job in ipairs(jobs) do
  job.known, job.is_corrupt = fields_of(job.record, 'state', 'eta', 'deadline')
  job.deadline = job.known[3]
  if job.owned then acknowledged[#acknowledged + 1] = job.entry end
end
if #names > 0 then
  -- What some other hand put in the place of a record is none.
  for i, text in ipairs(redis.call('MGET', unpack(names))) do phones[names[i]] = read_phone(text, now) end
end
if #acknowledged > 0 then
  redis.call('XACK', stream, group, unpack(acknowledged))
  redis.call('XDEL', stream, unpack(acknowledged))
end

local function finish(job, ends)
  local state = job.known[1]
  if job.is_corrupt then return 'corrupt' end
  if job.owned and state and not has_ended(state) and not ends.written[job.record] then
    write_end(ends, job, now, retention)
    ends.written[job.record] = true
    return 'finished'
  end
  if not job.owned and not has_ended(state) then return 'lost' end
  if not job.owned then write_again(job.record) end
  return 'ended'
end

local ends, rows, runs = no_ends(), {}, {}
ends.written = {}
for i, job in ipairs(jobs) do
  local word = finish(job, ends)
  rows[i] = {word, job.known[2] or '0', now}
  if word == 'finished' then runs[#runs + 1] = job.run end
  -- Whoever holds the delivery by now: the message is on the phone.
  for _, record in ipairs(job.records or {}) do activate_code(phones[record], job.id, job.offered, job.taken) end
end
for _, record in ipairs(names) do
  if phones[record].is_known then write_phone(record, phones[record], DAY, now) end
end
close_ends(ends, keys)
note_runs(eta_key, runs, now)
return rows
