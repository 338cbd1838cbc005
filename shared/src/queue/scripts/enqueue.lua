-- Accepts a job, or says why not; all in one step, so that two requests cannot both be let in.
-- KEYS  1 stream, 2 live, 3 job record, 4 sends of the approval, 5 eta, 6 jobs of the client, 7 idempotency (only where a
--       key was sent)
-- ARGV  1 job, 2 message, 3 approval, 4 client, 5 patient, 6 deadline ms, 7 retention ms, 8 cool-down ms,
--       9 sends per approval and hour, 10 prefix of job records, 11 life of the idempotency key ms,
--       12 replicas that are to confirm, 13 jobs of a client and minute
-- Result  {word, job, eta ms, now ms}; words: accepted, live, replayed, foreign, cooldown, approval_hour, client_jobs,
--         reused, overloaded. The third member is the next attempt for foreign and limits, the wait in ms for overloaded.
local MINUTE, HOUR = 60000, 3600000

local stream, live_key, job_key, sends_key, eta_key, jobs_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local idem_key = KEYS[7]
local job, message, approval, client, patient = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local deadline, retention, cooldown, per_hour = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local per_client = tonumber(ARGV[13])
-- What the request is about, as its URL has it.
local path = patient .. '/' .. approval
local now = now_ms()

-- A job given again is written again where replicas must confirm it: the first time they may not have.
local function given_again(id, eta)
  if ARGV[12] ~= '0' then redis.call('HSET', ARGV[10] .. id, 'eta', eta) end
  return id
end

if idem_key then
  local known = redis.call('GET', idem_key)
  if known then
    local of_path, first = string.match(known, '^(%S+) (%S+)$')
    if of_path ~= path then return {'reused', '', '0', now} end
    local eta = redis.call('HGET', ARGV[10] .. first, 'eta')
    if eta then return {'replayed', given_again(first, eta), eta, now} end
  end
end

local live = redis.call('HGET', live_key, path)
if live then
  local record = redis.call('HMGET', ARGV[10] .. live, 'client', 'state', 'eta')
  if record[2] and not has_ended(record[2]) then
    if record[1] ~= client then return {'foreign', '', record[3], now} end
    if idem_key then redis.call('SET', idem_key, path .. ' ' .. live, 'PX', ARGV[11]) end
    return {'live', given_again(live, record[3]), record[3], now}
  end
end

local sends = redis.call('LRANGE', sends_key, '0', '-1')
local last = tonumber(sends[#sends])
if last and cooldown > 0 and last + cooldown > now then
  return {'cooldown', '', last + cooldown, now}
end
if per_hour > 0 then
  local recent = {}
  for _, at in ipairs(sends) do
    if at + HOUR > now then recent[#recent + 1] = tonumber(at) end
  end
  if #recent >= per_hour then
    return {'approval_hour', '', recent[#recent - per_hour + 1] + HOUR, now}
  end
end

-- One client's flood must not stand before everybody else's jobs.
local jobs = tonumber(redis.call('HGET', jobs_key, 'jobs') or 0)
if per_client > 0 and jobs >= per_client then
  return {'client_jobs', '', now + math.max(redis.call('PTTL', jobs_key), 0), now}
end

local wait, run = predict(stream, eta_key)
if wait > deadline then return {'overloaded', '', math.ceil(wait - deadline), now} end

local eta = math.ceil(now + wait + run)
local entry = redis.call('XADD', stream, '*', 'm', message, 'at', int(now))
redis.call('HSET', job_key, 'state', 'queued', 'client', client, 'patient', patient, 'approval', approval,
  'accepted', int(now), 'deadline', int(now + deadline), 'eta', int(eta), 'sends', '0', 'entry', entry)
redis.call('PEXPIRE', job_key, int(deadline + retention))
redis.call('HSET', live_key, path, job)
if per_client > 0 then
  redis.call('HINCRBY', jobs_key, 'jobs', '1')
  if jobs == 0 then redis.call('PEXPIRE', jobs_key, int(MINUTE)) end
end
if idem_key then redis.call('SET', idem_key, path .. ' ' .. job, 'PX', ARGV[11]) end
return {'accepted', job, eta, now}
