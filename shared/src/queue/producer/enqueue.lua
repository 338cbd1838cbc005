-- Accepts jobs, or returns why not; all in one step, so that two requests for the same job cannot both be accepted.
-- KEYS  1 stream, 2 live, 3 eta, 4 scheduled; of each job: its record, the messages of its patient, the jobs of its
--       client, and if an idempotency key was sent, what that stands for
-- ARGV  1 jobs, 2 deadline ms, 3 retention ms, 4 prefix of job records, 5 life of an idempotency key ms, 6 replicas
--       that must confirm; of each job: job, message, approval, client, patient, cool-down ms, sends per approval and
--       hour, jobs of a client and minute, 1 if an idempotency key was sent
-- Result  for each {word, job, eta ms, now ms}; words: accepted, live, replayed, foreign, cooldown, approval_hour,
--         client_jobs, reused, overloaded. The third member is the next attempt for foreign and limits, the wait in ms
--         for overloaded. The job of a cooldown is the one whose message began it, if it is the caller's own.
local MINUTE, HOUR = 60000, 3600000
-- A time further ahead than two servers' clocks can differ was written before the clock was set back: no lock relies on
-- it.
local APART = MINUTE
local FIRST_KEY, FIRST_ARG, ARGS_EACH = 5, 7, 9

local stream, live_key, eta_key = KEYS[1], KEYS[2], KEYS[3]
local deadline, retention, prefix, idem_life = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
local is_confirmed = ARGV[6] ~= '0'
local now = now_ms()
local now_text, deadline_text, life_text = int(now), int(now + deadline), int(deadline + retention)
local queue = look_ahead(stream, KEYS[4], eta_key, now)

-- The clients of this batch: how many jobs each had, and how many are added.
local clients = {}

local function jobs_of(key)
  if not clients[key] then clients[key] = {before = tonumber(redis.call('HGET', key, 'jobs') or 0), more = 0} end
  return clients[key]
end

-- If replicas must confirm a job, it is written again when it is returned again: the first time they may not have
-- confirmed it.
local function given_again(id, eta)
  if is_confirmed then redis.call('HSET', prefix .. id, 'eta', eta) end
  return id
end

-- The answer for an idempotency key that was used before; nil if it was not.
local function replay(job)
  local known = redis.call('GET', job.idem_key)
  if not known then return nil end
  -- Earlier builds stored no ETA.
  local of_path, first, first_eta = string.match(known, '^(%S+) (%S+) ?(%S*)$')
  if of_path ~= job.path then return {'reused', '', '0', now} end
  -- The first answer is repeated as it was given, even if the prediction has changed since or the record is gone.
  local eta = fields_of(prefix .. first, 'eta')[1]
  if eta then given_again(first, eta) end
  if first_eta == '' then first_eta = eta end
  return first_eta and {'replayed', first, first_eta, now} or nil
end

local function remember(job, first, eta)
  if job.idem_key then redis.call('SET', job.idem_key, job.path .. ' ' .. first .. ' ' .. eta, 'PX', idem_life) end
end

-- The answer if the client has reached its limit of jobs: its flood must not delay everybody else's jobs.
local function limit_of_client(job)
  if job.per_client == 0 then return nil end
  local jobs = jobs_of(job.jobs_key)
  if jobs.before + jobs.more < job.per_client then return nil end
  local left = jobs.before > 0 and math.max(redis.call('PTTL', job.jobs_key), 0) or MINUTE
  if left > MINUTE + APART then
    redis.call('HSET', job.jobs_key, 'jobs', '0')
    jobs.before, jobs.more = 0, 0
    return nil
  end
  return {'client_jobs', '', now + left, now}
end

local function count(job)
  if job.per_client == 0 then return end
  local jobs = jobs_of(job.jobs_key)
  jobs.more = jobs.more + 1
end

-- The answer if a job for the approval is live already.
local function join_live(job)
  local live = redis.call('HGET', live_key, job.path)
  if not live then return nil end
  local record = fields_of(prefix .. live, 'client', 'state', 'eta')
  if not record[2] or has_ended(record[2]) then return nil end
  if record[1] ~= job.client then return {'foreign', '', record[3], now} end
  if job.idem_key then
    -- A key is kept for a day, so it counts like a job.
    local refusal = limit_of_client(job)
    if refusal then return refusal end
    remember(job, live, int(still_ahead(tonumber(record[3]), now)))
    count(job)
  end
  return {'live', given_again(live, record[3]), record[3], now}
end

-- The answer if this very job was accepted before, and that answer was lost.
local function repeated(job)
  local eta = fields_of(job.record, 'eta')[1]
  return eta and {'accepted', given_again(job.id, eta), eta, now}
end

-- The answer if a limit of the approval is reached.
local function limit_of_approval(job)
  local sends, last_job = {}, nil
  for at, approval, of in string.gmatch(redis.call('GET', job.patient_key) or '', '(%d+) (%S+) ?(%S*)') do
    if approval == job.approval then sends[#sends + 1], last_job = at, of end
  end
  local last = tonumber(sends[#sends])
  if last and job.cooldown > 0 and last + job.cooldown > now and last <= now + APART then
    local is_own = fields_of(prefix .. last_job, 'client')[1] == job.client
    return {'cooldown', is_own and last_job or '', last + job.cooldown, now}
  end
  if job.per_hour == 0 then return nil end
  local recent = {}
  for _, at in ipairs(sends) do
    if at + HOUR > now and at - APART <= now then recent[#recent + 1] = tonumber(at) end
  end
  if #recent < job.per_hour then return nil end
  return {'approval_hour', '', recent[#recent - job.per_hour + 1] + HOUR, now}
end

local function accept(job)
  local wait, run, by_rate = predict(queue)
  -- Accept no more during an outage that is expected to outlast the deadline of its first jobs: these would only get in
  -- their way.
  local late = math.max(wait, by_rate / RATE_USED, queue.outage * 2) - deadline
  if late > 0 then return {'overloaded', '', math.ceil(late), now} end
  local eta = int(math.ceil(now + wait + run))
  local entry = redis.call('XADD', stream, '*', 'm', job.message, 'at', now_text)
  queue.entries = queue.entries + 1
  redis.call('HSET', job.record, 'state', 'queued', 'client', job.client, 'patient', job.patient, 'approval',
    job.approval, 'accepted', now_text, 'deadline', deadline_text, 'eta', eta, 'entry', entry)
  redis.call('PEXPIRE', job.record, life_text)
  redis.call('HSET', live_key, job.path, job.id)
  count(job)
  remember(job, job.id, eta)
  return {'accepted', job.id, eta, now}
end

local rows, k, a = {}, FIRST_KEY, FIRST_ARG
for i = 1, tonumber(ARGV[1]) do
  local has_idem_key = ARGV[a + 8] == '1'
  local job = {
    record = KEYS[k], patient_key = KEYS[k + 1], jobs_key = KEYS[k + 2], idem_key = has_idem_key and KEYS[k + 3],
    id = ARGV[a], message = ARGV[a + 1], approval = ARGV[a + 2], client = ARGV[a + 3], patient = ARGV[a + 4],
    cooldown = tonumber(ARGV[a + 5]), per_hour = tonumber(ARGV[a + 6]), per_client = tonumber(ARGV[a + 7]),
    -- The patient and approval, as the request's URL named them.
    path = ARGV[a + 4] .. '/' .. ARGV[a + 2],
  }
  rows[i] = job.idem_key and replay(job) or join_live(job) or repeated(job) or limit_of_approval(job)
    or limit_of_client(job) or accept(job)
  k, a = k + (has_idem_key and 4 or 3), a + ARGS_EACH
end
for key, jobs in pairs(clients) do
  if jobs.more > 0 then
    redis.call('HINCRBY', key, 'jobs', int(jobs.more))
    if jobs.before == 0 then redis.call('PEXPIRE', key, int(MINUTE)) end
  end
end
return rows
