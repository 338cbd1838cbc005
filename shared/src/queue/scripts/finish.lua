-- Ends jobs. A worker that lost its delivery changes nothing.
-- KEYS  1 stream, 2 live, 3 eta, 4 counts, 5 failures; of each job: its record, its result
-- ARGV  1 jobs, 2 group, 3 retention ms, 4 channel; of each job: consumer, entry, delivery number, job, patient/approval,
--       state, status code, result JSON, run ms (empty: not to be counted)
-- Result  for each {word, eta ms, now ms}; words: finished, ended (it had ended before), lost, corrupt (its keys hold
--         what no script of ours writes)
local FIRST_KEY, KEYS_EACH, FIRST_ARG, ARGS_EACH = 6, 2, 5, 9

local stream, group, retention = KEYS[1], ARGV[2], ARGV[3]
local keys = {live = KEYS[2], counts = KEYS[4], failures = KEYS[5], channel = ARGV[4]}
local now = now_ms()

local jobs, acknowledged = {}, {}
for i = 1, tonumber(ARGV[1]) do
  local k, a = FIRST_KEY + (i - 1) * KEYS_EACH, FIRST_ARG + (i - 1) * ARGS_EACH
  local entry = ARGV[a + 1]
  jobs[i] = {a = a, record = KEYS[k], result = KEYS[k + 1], owned = owns(stream, group, entry, ARGV[a], ARGV[a + 2])}
  if jobs[i].owned then acknowledged[#acknowledged + 1] = entry end
end
if #acknowledged > 0 then
  redis.call('XACK', stream, group, unpack(acknowledged))
  redis.call('XDEL', stream, unpack(acknowledged))
end

local function finish(job, ends)
  local a = job.a
  local record = redis.call('HMGET', job.record, 'state', 'eta')
  local eta = record[2] or '0'
  if job.owned and record[1] and not has_ended(record[1]) then
    write_end(ends, {id = ARGV[a + 3], record = job.record, result = job.result, path = ARGV[a + 4],
      state = ARGV[a + 5], status = ARGV[a + 6], answer = ARGV[a + 7]}, retention)
    return {'finished', eta, now}
  end
  if not job.owned and not has_ended(record[1]) then return {'lost', eta, now} end
  if not job.owned then
    -- Written again, so that there is something for replicas to confirm; allowed also where memory is full.
    local left = redis.call('PTTL', job.record)
    if left > 0 then redis.call('PEXPIRE', job.record, left) end
  end
  return {'ended', eta, now}
end

local ends, rows, runs = no_ends(), {}, {}
for i, job in ipairs(jobs) do
  -- By now all are acknowledged: what one job's keys are to blame for must not keep the others from their end.
  local is_done, row = pcall(finish, job, ends)
  rows[i] = is_done and row or {'corrupt', '0', now}
  local run = tonumber(ARGV[job.a + 8])
  if run and rows[i][1] == 'finished' then runs[#runs + 1] = run end
end
close_ends(ends, keys)
note_runs(KEYS[3], runs, now)
return rows
